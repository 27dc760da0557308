# SPDX-License-Identifier: Apache-2.0
"""`gcloud pubsub topics publish`, where gcloud is installed, with nothing but
environment variables and a throw-away configuration folder."""
import shutil

import datos
import pytest


@pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")
def test_gcloud_publishes_and_the_row_appears(system, tmp_path):
    environment = {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": f"http://{system.ready['pubsub']}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": datos.PROJECT,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
    }
    message = '{"id":"123","contenido":"Mensaje de prueba","timestamp":"2025-01-14T12:00:00Z"}'
    done = datos.run("gcloud", "pubsub", "topics", "publish", "datos-topic", "--message", message,
                     environment=environment, seconds=120)
    assert done.returncode == 0, done.stderr
    datos.wait_for(lambda: "123" in system.ids())
    assert system.rows("?id=123") == [{"id": "123", "contenido": "Mensaje de prueba",
                                       "timestamp": "2025-01-14T12:00:00+00:00"}]

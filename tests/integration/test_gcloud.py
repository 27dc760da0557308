# SPDX-License-Identifier: Apache-2.0
"""`gcloud pubsub`, where gcloud is installed, with nothing but environment
variables and a throw-away configuration folder."""
import json
import shutil

import datos
import pytest


pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")


@pytest.fixture
def gcloud(system, tmp_path):
    environment = {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": f"http://{system.ready['pubsub']}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": datos.PROJECT,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
    }

    def run(*words):
        done = datos.run("gcloud", "pubsub", *words, environment=environment, seconds=120)
        assert done.returncode == 0, done.stderr
        return done.stdout
    return run


def test_gcloud_publishes_and_the_row_appears(system, gcloud):
    message = '{"id":"123","contenido":"Mensaje de prueba","timestamp":"2025-01-14T12:00:00Z"}'
    gcloud("topics", "publish", "datos-topic", "--message", message)
    datos.wait_for(lambda: "123" in system.ids())
    assert system.rows("?id=123") == [{"id": "123", "contenido": "Mensaje de prueba",
                                       "timestamp": "2025-01-14T12:00:00+00:00"}]


def test_gcloud_sets_and_extends_a_policy(gcloud, tmp_path):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"bindings": [{"role": "roles/pubsub.viewer", "members": ["allUsers"]}]}))
    gcloud("topics", "set-iam-policy", "datos-topic", str(file))
    gcloud("topics", "add-iam-policy-binding", "datos-topic", "--member=user:a@example.com",
           "--role=roles/pubsub.publisher")
    shown = json.loads(gcloud("topics", "get-iam-policy", "datos-topic", "--format=json"))
    assert shown["bindings"] == [
        {"role": "roles/pubsub.publisher", "members": ["user:a@example.com"]},
        {"role": "roles/pubsub.viewer", "members": ["allUsers"]}]

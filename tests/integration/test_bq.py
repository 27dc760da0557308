# SPDX-License-Identifier: Apache-2.0
"""`bq`, where it is installed, with nothing but environment variables and
throw-away folders."""
import json
import shutil

import datos
import pytest
from emulator import Emulator

pytestmark = pytest.mark.skipif(not shutil.which("bq"), reason="bq is not installed")


@pytest.fixture
def bq(tmp_path):
    emulator = Emulator("--state", str(tmp_path / "state"))
    token = tmp_path / "token"
    token.write_text("any")
    environment = {"HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
                   "CLOUDSDK_CORE_ACCOUNT": "a@b.c", "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
                   "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token)}

    def run(*words):
        done = datos.run("bq", "--api", f"http://{emulator.bigquery}", "--project_id", datos.PROJECT,
                         "--format", "json", *words, environment=environment, seconds=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    yield run
    assert emulator.stop() == 0, emulator.log()


def test_bq_makes_fills_shows_copies_and_removes(bq, tmp_path):
    file = tmp_path / "rows.json"
    file.write_text('{"id":"a","n":1}\n{"id":"b","n":2}\n')
    bq("mk", "--dataset", "d")
    bq("mk", "--table", "d.t", "id:STRING,n:INTEGER")
    bq("insert", "d.t", str(file))
    rows = [{"id": "a", "n": "1"}, {"id": "b", "n": "2"}]
    assert json.loads(bq("query", "--use_legacy_sql=false", "SELECT * FROM d.t ORDER BY id")) == rows
    bq("load", "--source_format=NEWLINE_DELIMITED_JSON", "d.l", str(file), "id:STRING,n:INTEGER")
    assert json.loads(bq("show", "d.l"))["numRows"] == "2"
    bq("cp", "-f", "d.l", "d.m")
    assert json.loads(bq("head", "-n", "5", "d.m")) == rows
    bq("rm", "-f", "-t", "d.m")
    assert [t["tableReference"]["tableId"] for t in json.loads(bq("ls", "d"))] == ["l", "t"]

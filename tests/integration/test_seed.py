# SPDX-License-Identifier: Apache-2.0
"""What goccy's bigquery-emulator takes at its start, ours takes too: seed
files, a dataset, a port. And says so in one line where it cannot."""
import subprocess

import datos
import pytest
from emulator import PROGRAM, Emulator

SEED = """projects:
- id: test
  datasets:
  - id: dataset1
    tables:
    - id: table_a
      columns:
      - {name: id, type: INTEGER, mode: REQUIRED}
      - {name: name, type: STRING}
      - name: skills
        type: STRUCT
        mode: REPEATED
        fields: [{name: key, type: STRING}]
      - {name: birthday, type: DATE}
      data:
      - {id: 1, name: alice, skills: [{key: c}], birthday: 2012-01-01}
      - {id: 2, name: "007", birthday: '2012-02-01'}
"""


def query(emulator, sql, project="test"):
    answer = datos.request("POST", f"{emulator.bigquery_url}/projects/{project}/queries",
                           {"query": sql, "useLegacySql": False})
    assert answer.status == 200, answer.body
    return [[cell["v"] for cell in row["f"]] for row in answer.json().get("rows", [])]


@pytest.fixture
def start(tmp_path):
    running = []

    def run(*flags, text=SEED):
        path = tmp_path / "seed.yaml"
        path.write_text(text, encoding="utf-8")
        e = Emulator(*flags, "--data-from-yaml", str(path))
        e.bigquery_url = e.bigquery if e.bigquery.startswith("http") else "http://" + e.bigquery
        running.append(e)
        return e
    yield run
    for e in running:
        e.stop()


def test_seeded_tables_are_there_and_again_after_a_reset(start):
    e = start("--memory", "--dataset", "extra", "--project", "test")
    for _ in range(2):
        rows = query(e, "SELECT id, name, skills[SAFE_OFFSET(0)].key, birthday FROM dataset1.table_a ORDER BY id")
        assert rows == [["1", "alice", "c", "2012-01-01"], ["2", "007", None, "2012-02-01"]]
        assert query(e, "SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA WHERE schema_name = 'extra'") == [["extra"]]
        assert query(e, "DELETE FROM dataset1.table_a WHERE true") == []
        assert e.control("POST", "reset").status == 200


def test_seed_does_not_replace_what_is_kept(start, tmp_path):
    e = start("--database", str(tmp_path / "state"))
    query(e, "INSERT dataset1.table_a (id, name) VALUES (3, 'kept')")
    e.stop()
    e.start()
    e.bigquery_url = "http://" + e.bigquery.split("//")[-1]
    assert query(e, "SELECT count(*) FROM dataset1.table_a") == [["3"]]


@pytest.mark.parametrize("text, told", [
    ("", "the file is empty"), ("a: 1", "line 1: `projects:`"), ("projects:\n- id: a\n   x: [\n", "line 3"),
    ("projects:\n- id: a\n  id: b\n", "line 3: a key stands here twice"),
    ("projects:\n- id: a\n  datasets:\n  - id: d\n    tables:\n    - id: t\n      columns: [{name: x, type: NOPE}]\n", "NOPE"),
    (SEED + "      - {id: x}\n", "row 2")])
def test_bad_seed_is_one_line(tmp_path, text, told):
    path = tmp_path / "seed.yaml"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([PROGRAM, "--memory", "--pubsub-port", "0", "--port", "0", "--console-port", "0",
                           "--data-from-yaml", str(path)], capture_output=True, text=True, timeout=20, check=False)
    lines = done.stderr.strip().split("\n")
    assert done.returncode == 1 and len(lines) == 1 and told in lines[0], done.stderr

# SPDX-License-Identifier: Apache-2.0
"""The image of the emulators in the place of Google's and goccy's: the command
line of each Testcontainers module, to the letter, its condition of being ready,
and one call. No engine is needed: what the image starts runs in a network
namespace of its own."""
import json
import os
import re
import shlex
import subprocess
import sys

import datos
import pytest

from conftest import ROOT, read

HERE = os.path.dirname(os.path.abspath(__file__))
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]
START = "gcloud beta emulators pubsub start "

# module: the image's entrypoint or the module's own, its arguments, the log
# it waits for, the ports it waits for
PUBSUB = {
    "Java": ("entrypoint", ["/bin/sh", "-c", START + "--host-port 0.0.0.0:8085"], r"started", 8085),
    "Go": ("entrypoint", ["/bin/sh", "-c", START + "--host-port 0.0.0.0:8085 --project=test-project"],
           r"started", 8085),
    "Node": ("entrypoint", ["/bin/sh", "-c", START + "--host-port=0.0.0.0:8085 --project=test-project"],
             r"Server started", 8085),
    "NET": ("gcloud", ["beta", "emulators", "pubsub", "start", "--host-port", "0.0.0.0:8085"], r"started", 8085),
    "Python": ("entrypoint", shlex.split(START + "--project=test-project --host-port=0.0.0.0:8432"), r"", 8432),
}
BIGQUERY = {
    "Java": (["--project", "test-project"], r""),
    "Go": (["--project", "test-project"], r""),
    "Node": (["--project", "test-project"], r""),
    "NET": (["--project", "default"], r"listening"),
    "goccy": (["bigquery-emulator", "--project=test-project", "--dataset=dataset1"], r"listening"),
}
# Java's default is to wait until each exposed port listens.
BOTH_PORTS = {"Java"}
YAML = """projects:
- id: test-project
  datasets:
  - id: dataset1
    tables:
    - id: table_a
      columns:
      - {name: id, type: INTEGER}
      - {name: name, type: STRING}
      data:
      - {id: 1, name: alice}
      - {id: 2, name: bob}
"""


@pytest.fixture(scope="module", name="path")
def path_(tmp_path_factory):
    """A PATH that holds what the image's /usr/local/bin holds."""
    folder = tmp_path_factory.mktemp("bin")
    for source in ("emulator/gcloud", "emulator/entrypoint"):
        os.symlink(os.path.join(ROOT, source), folder / os.path.basename(source))
    os.symlink(os.path.join(datos.BUILD, "release", "datos-emulator"), folder / "datos-emulator")
    os.symlink("datos-emulator", folder / "bigquery-emulator")
    return str(folder)


def contained(path, entrypoint, arguments, log, ports, calls):
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here (unshare --user --net)")
    case = {"argv": [os.path.join(path, entrypoint), *arguments], "path": path, "log": log, "ports": ports,
            "calls": calls}
    done = subprocess.run([*NAMESPACE, sys.executable, os.path.join(HERE, "contained.py")], capture_output=True,
                          input=json.dumps(case), text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["answers"], f"never ready:\n{result['log']}"
    assert arguments[0] == "/bin/sh" or result["code"] == 0, result["log"]
    return result["answers"]


@pytest.mark.parametrize("module", PUBSUB)
def test_a_pubsub_module_starts_waits_and_calls(path, module):
    entrypoint, arguments, log, port = PUBSUB[module]
    base = f"http://127.0.0.1:{port}/v1/projects/test-project/topics/"
    made, published = contained(path, entrypoint, arguments, log, [port], [
        ("PUT", base + "my-topic", {}),
        ("POST", base + "my-topic:publish", {"messages": [{"data": "aG9sYQ=="}]})])
    assert made[0] == 200 and made[1]["name"] == "projects/test-project/topics/my-topic", made
    assert published[0] == 200 and len(published[1]["messageIds"]) == 1


def uses(option):
    """Whether the program carries an option out, beyond reading it."""
    return any(re.search(rf"\b{option}\b", read("emulator", f)) for f in os.listdir(os.path.join(ROOT, "emulator"))
               if f.endswith(".c") and f != "options.c")


@pytest.mark.parametrize("module", [
    pytest.param(m, marks=pytest.mark.skipif(m in BOTH_PORTS and not uses("bigquery_grpc_port"),
                                             reason="the emulator does not serve gRPC on 9060 yet"))
    for m in BIGQUERY])
def test_a_bigquery_module_starts_waits_and_calls(path, module):
    arguments, log = BIGQUERY[module]
    ports = [9050, 9060] if module in BOTH_PORTS else [9050]
    project = "default" if "default" in arguments else "test-project"
    base = "http://127.0.0.1:9050"
    discovered, answered = contained(path, "entrypoint", arguments, log, ports, [
        ("GET", base + "/discovery/v1/apis/bigquery/v2/rest", None),
        ("POST", f"{base}/bigquery/v2/projects/{project}/queries", {"query": "SELECT 1", "useLegacySql": False})])
    assert discovered[0] == 200 and "resources" in discovered[1]
    assert answered[0] == 200 and answered[1]["rows"] == [{"f": [{"v": "1"}]}]


@pytest.mark.skipif(not uses("data_from_yaml"), reason="the emulator does not read --data-from-yaml yet")
def test_the_go_modules_data_file_is_there_to_be_queried(path, tmp_path):
    file = tmp_path / "testcontainers-data.yaml"
    file.write_text(YAML, encoding="utf-8")
    url = "http://127.0.0.1:9050/bigquery/v2/projects/test-project/queries"
    query = {"query": "SELECT name FROM dataset1.table_a ORDER BY id", "useLegacySql": False}
    answered, = contained(path, "entrypoint", ["--project", "test-project", "--data-from-yaml", str(file)], r"",
                          [9050], [("POST", url, query)])
    assert answered[0] == 200, answered
    assert [row["f"][0]["v"] for row in answered[1]["rows"]] == ["alice", "bob"]


def shim(path, *arguments):
    return subprocess.run([os.path.join(path, "gcloud"), *arguments], capture_output=True, text=True, timeout=20,
                          env={"PATH": path + ":/usr/bin:/bin"}, check=False)


@pytest.mark.parametrize("arguments,told", [
    ("compute instances list", "'compute' is not supported"),
    ("beta emulators pubsub start --import-data=x", "'--import-data=x' is not supported"),
    ("beta emulators pubsub start --host-port", "--host-port needs a value"),
    ("beta emulators firestore start", "'firestore' is not supported"),
    ("beta emulators", "no emulator named"),
    ("beta emulators pubsub start --verbosity=loud", "'loud' is none of"),
])
def test_the_shim_says_what_it_is_not(path, arguments, told):
    done = shim(path, *arguments.split())
    assert done.returncode == 2
    assert told in done.stderr and done.stderr.count("\n") == 1


def test_the_shim_prints_the_environment(path):
    assert shim(path, "beta", "emulators", "pubsub", "env-init").stdout == \
        "export PUBSUB_EMULATOR_HOST=127.0.0.1:8085\n"


def test_the_image_starts_what_the_tests_start():
    text = read("emulator", "Dockerfile")
    assert re.search(r'^ENTRYPOINT \["/usr/local/bin/entrypoint"\]$', text, re.M)
    assert "emulator/gcloud emulator/entrypoint" in text and "bin/bigquery-emulator" in text
    assert "DATOS_BIND=0.0.0.0" in text
    for port in (8085, 9050, 9060):
        assert re.search(rf"^EXPOSE .*\b{port}\b", text, re.M)

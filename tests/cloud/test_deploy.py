# SPDX-License-Identifier: Apache-2.0
"""Delivery's scripts against a Cloud Run, a Terraform and a docker that are but
files: in which order traffic moves, and that a revision which answers badly
takes it all back. The load test and the requests are real, to a real server."""
import http.server
import json
import os
import subprocess
import threading

import pytest

from conftest import ROOT

SCRIPTS = os.path.join(ROOT, ".github", "scripts")
DIGEST = "sha256:" + "a" * 64
OLD, NEW = f"r/datos@sha256:{'0' * 64}", f"r/datos@{DIGEST}"

# One service; state in a JSON file, calls in a log.
GCLOUD = r'''#!/usr/bin/env python3
import json, os, sys
home, words = os.environ["FAKE"], sys.argv[1:]
path = os.path.join(home, "service.json")
with open(path) as f:
    d = json.load(f)
def flag(name):
    return words[words.index(name) + 1] if name in words else None
if words[:3] == ["run", "services", "list"]:
    if d["exists"]:
        print("datos-api\tus-central1")
elif words[:3] == ["run", "services", "describe"]:
    assert flag("--region") == "us-central1"
    traffic = [{"revisionName": r, "percent": p} for r, p in d["traffic"].items()]
    if d["tag"]:
        traffic.append({"revisionName": d["tag"], "tag": "candidate", "url": os.environ["FAKE_URL"]})
    print(json.dumps({"status": {"latestCreatedRevisionName": d["latest"], "traffic": traffic}}))
elif words[:3] == ["run", "revisions", "describe"]:
    print(json.dumps({"spec": {"containers": [{"name": "collector", "image": "x"}, {"name": "api", "image": d["images"][words[3]]}]}}))
elif words[:3] == ["run", "services", "update-traffic"]:
    if flag("--to-revisions"):
        d["traffic"] = {r: int(p) for r, p in (x.split("=") for x in flag("--to-revisions").split(","))}
        assert sum(d["traffic"].values()) == 100
    if flag("--update-tags"):
        d["tag"] = flag("--update-tags").split("=")[1]
    if "--remove-tags" in words:
        d["tag"] = None
    with open(os.path.join(home, "calls"), "a") as f:
        f.write(json.dumps(d["traffic"]) + "\n")
else:
    sys.exit("fake gcloud: " + " ".join(words))
with open(path, "w") as f:
    json.dump(d, f)
'''
TERRAFORM = r'''#!/usr/bin/env python3
import json, os, sys
home, words = os.environ["FAKE"], sys.argv[1:]
with open(os.path.join(home, "calls"), "a") as f:
    f.write(json.dumps("terraform " + words[1] + " " + os.environ["TF_VAR_image"] if words[1] == "plan" else "terraform " + words[1]) + "\n")
if words[1] == "plan":
    with open(os.path.join(home, "planned"), "w") as f:
        f.write(os.environ["TF_VAR_image"])
if words[1] == "apply":
    path = os.path.join(home, "service.json")
    with open(path) as f:
        d = json.load(f)
    with open(os.path.join(home, "planned")) as f:
        image = f.read()
    if image not in d["images"].values():
        d["latest"] = "rev-2"
        d["images"]["rev-2"] = image
    d["exists"] = True
    with open(path, "w") as f:
        json.dump(d, f)
'''


class Revision(http.server.BaseHTTPRequestHandler):
    """Answers as the API does; `server.broken` from the nth request on."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.n += 1
        broken = self.server.n >= self.server.broken
        body = b'{"status":"ok"}' if self.path == "/health" else b'{"datos":[]}'
        self.send_response(500 if broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(name="cloud")
def cloud_(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Revision)
    server.n, server.broken = 0, 1 << 30
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, text in (("gcloud", GCLOUD), ("terraform", TERRAFORM)):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    yield Cloud(tmp_path, server)
    server.shutdown()


class Cloud:
    def __init__(self, home, server):
        self.home, self.server = home, server
        self.put(exists=True, traffic={"rev-1": 100}, latest="rev-1", tag=None, images={"rev-1": OLD})

    def put(self, **service):
        (self.home / "service.json").write_text(json.dumps(service), encoding="utf-8")

    @property
    def service(self):
        return json.loads((self.home / "service.json").read_text(encoding="utf-8"))

    def calls(self):
        path = self.home / "calls"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def deploy(self, word, **more):
        environment = {
            "PATH": f"{self.home}:{os.environ['PATH']}", "FAKE": str(self.home), "BUILD": os.path.relpath(self.home, ROOT),
            "FAKE_URL": f"http://127.0.0.1:{self.server.server_address[1]}", "GCP_PROJECT": "p", "STATE_BUCKET": "b",
            "ENVIRONMENT": "test", "IMAGE": NEW, "LOAD_SECONDS": "0.3", "BAKE_SECONDS": "0.3", "LOAD_USERS": "2",
            "PROBE_RETRIES": "0",
            "TERRAFORM_VARIABLES": '{"region":"us-central1"}', **more}
        return subprocess.run([os.path.join(SCRIPTS, "deploy"), word], capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, env=environment, check=False)


def test_traffic_is_pinned_before_anything_is_applied(cloud):
    done = cloud.deploy("apply")
    assert done.returncode == 0, done.stderr
    assert cloud.calls() == [{"rev-1": 100}, "terraform init", f"terraform plan {NEW}", "terraform apply"]
    assert cloud.service["traffic"] == {"rev-1": 100}


def test_a_good_revision_gets_all_in_three_steps(cloud):
    assert cloud.deploy("apply").returncode == 0
    done = cloud.deploy("rollout")
    assert done.returncode == 0, done.stderr
    moves = [c for c in cloud.calls()[4:] if isinstance(c, dict)]
    assert [m.get("rev-2", 0) for m in moves] == [0, 5, 25, 100, 100]
    assert cloud.service["traffic"] == {"rev-2": 100} and cloud.service["tag"] is None
    assert cloud.server.n > 8


@pytest.mark.parametrize("nth", [1, 10])
def test_a_bad_revision_takes_all_back(cloud, nth):
    assert cloud.deploy("apply").returncode == 0
    # the tenth request falls into the load, not into the smoke test
    cloud.server.broken = nth
    done = cloud.deploy("rollout", LOAD_SECONDS="2") if nth > 1 else cloud.deploy("rollout", PROBE_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    assert "all traffic is at the old ones" in done.stderr
    assert cloud.service["traffic"] == {"rev-1": 100} and cloud.service["tag"] is None
    assert cloud.deploy("rollback").returncode == 0
    assert cloud.calls()[-2:] == [f"terraform plan {OLD}", "terraform apply"]


def test_a_revision_that_turns_bad_under_traffic_takes_all_back(cloud):
    assert cloud.deploy("apply").returncode == 0
    assert cloud.deploy("rollout", LOAD_SECONDS="0.3").returncode == 0
    seen = cloud.server.n
    cloud.put(exists=True, traffic={"rev-1": 100}, latest="rev-2", tag=None, images={"rev-1": OLD, "rev-2": NEW})
    cloud.server.broken = seen + seen // 2
    done = cloud.deploy("rollout")
    assert done.returncode == 1 and "failed" in done.stderr
    assert any(c.get("rev-2", 0) > 0 for c in cloud.calls()[-6:] if isinstance(c, dict))
    assert cloud.service["traffic"] == {"rev-1": 100}


def test_the_first_deploy_has_nothing_to_pin(cloud):
    cloud.put(exists=False, traffic={}, latest=None, tag=None, images={})
    assert cloud.deploy("apply").returncode == 0
    assert cloud.deploy("rollout").returncode == 0
    assert not [c for c in cloud.calls() if isinstance(c, dict)]


def test_a_list_that_fails_is_no_first_deploy(cloud):
    (cloud.home / "service.json").write_text("no JSON: the fake fails", encoding="utf-8")
    done = cloud.deploy("apply")
    assert done.returncode == 1 and "nothing was applied" in done.stderr
    assert cloud.calls() == []


def test_an_unchanged_service_is_left_alone(cloud):
    assert cloud.deploy("apply", IMAGE=OLD).returncode == 0
    done = cloud.deploy("rollout")
    assert done.returncode == 0 and "unchanged at rev-1" in done.stdout


def test_a_plan_without_an_image_uses_the_one_that_runs(cloud):
    (cloud.home / "deploy").mkdir()
    done = cloud.deploy("plan", IMAGE="")
    assert done.returncode == 0, done.stderr
    assert f"terraform plan {OLD}" in cloud.calls()


@pytest.mark.parametrize("word,more,told", [
    ("apply", {"IMAGE": "r/datos:latest"}, "not named by digest"),
    ("apply", {"IMAGE": ""}, "IMAGE is not set"),
    ("plan", {"GCP_PROJECT": ""}, "GCP_PROJECT is not set"),
    ("plan", {"TERRAFORM_VARIABLES": "{"}, "TERRAFORM_VARIABLES is no JSON"),
    ("rollout", {}, "apply comes first"),
    ("undo", {}, "none of plan, apply"),
])
def test_what_is_missing_is_named(cloud, word, more, told):
    done = cloud.deploy(word, **more)
    assert done.returncode == 1 and told in done.stderr


def image(folder, word, **more):
    fake = folder / "docker"
    fake.write_text(r'''#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
with open(os.environ["FAKE"] + "/docker.log", "a") as f:
    f.write(" ".join(words) + "\n")
if "--metadata-file" in words:
    with open(words[words.index("--metadata-file") + 1], "w") as f:
        json.dump({"containerimage.digest": os.environ["BUILT"]}, f)
if "inspect" in words:
    print(json.dumps({"manifests": [{"platform": {"architecture": a, "os": "linux"}, "digest": "sha256:" + c * 64}
                                    for a, c in (("amd64", "b"), ("arm64", "c"))]}))
''', encoding="utf-8")
    fake.chmod(0o755)
    done = subprocess.run([os.path.join(SCRIPTS, "image"), word], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False, env={
                              "PATH": f"{folder}:{os.environ['PATH']}", "FAKE": str(folder), "IMAGE": "r/datos",
                              "BUILD": os.path.relpath(folder, ROOT), "BUILT": DIGEST, "COMMIT": "abc",
                              "SOURCE_DATE_EPOCH": "1700000000", "GITHUB_OUTPUT": str(folder / "output"), **more})
    log = folder / "docker.log"
    return done, log.read_text(encoding="utf-8") if log.exists() else ""


def test_the_image_is_pushed_by_digest_for_both_processors(tmp_path):
    done, log = image(tmp_path, "push")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text(encoding="utf-8") == f"digest={DIGEST}\n"
    for part in ("--platform linux/amd64,linux/arm64", "--sbom=true", "--provenance=mode=max", "push-by-digest=true",
                 "rewrite-timestamp=true", "SNAPSHOT=20231114T221320Z"):
        assert part in log
    assert "--tag" not in log


@pytest.mark.parametrize("word", ["push", "repeat"])
def test_another_base_is_handed_on_to_both_builds(tmp_path, word):
    base = "docker.io/library/debian:13-slim@sha256:" + "d" * 64
    done, log = image(tmp_path, word, DEBIAN=base, DIGEST=DIGEST, BUILT="sha256:" + "b" * 64)
    assert done.returncode == 0, done.stderr
    assert f"--build-arg DEBIAN={base} " in log


def test_a_base_that_may_change_is_refused(tmp_path):
    done, log = image(tmp_path, "push", DEBIAN="debian:13-slim")
    assert done.returncode == 1 and "DEBIAN is not named by digest" in done.stderr and log == ""
    assert "DEBIAN" not in image(tmp_path, "push", DEBIAN="")[1]


@pytest.mark.parametrize("built,code", [("b", 0), ("d", 1)])
def test_an_image_that_differs_when_built_again_is_refused(tmp_path, built, code):
    done, _ = image(tmp_path, "repeat", DIGEST=DIGEST, BUILT="sha256:" + built * 64)
    assert done.returncode == code, done.stderr
    assert ("not reproducible" in done.stderr) == bool(code)


def test_an_image_is_named_by_its_digest_alone(tmp_path):
    done, log = image(tmp_path, "name", DIGEST=DIGEST, TAG="v1")
    assert done.returncode == 0 and f"--tag r/datos:v1 r/datos@{DIGEST}" in log
    done, _ = image(tmp_path, "name", DIGEST="latest", TAG="v1")
    assert done.returncode == 1 and "DIGEST is no sha256" in done.stderr

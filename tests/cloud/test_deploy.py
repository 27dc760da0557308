# SPDX-License-Identifier: Apache-2.0
"""Delivery's scripts against a Cloud Run, a Terraform and a docker that are but
files: in which order traffic moves, and that a revision which answers badly
takes it all back. The load test and the requests are real, to a real server."""
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse

import pytest

from conftest import ROOT, read, run

SCRIPTS = os.path.join(ROOT, ".github", "scripts")
DIGEST = "sha256:" + "a" * 64
OLD, NEW = f"r/datos@sha256:{'0' * 64}", f"r/datos@{DIGEST}"

# Each service a JSON file, calls in a log.
GCLOUD = r"""#!/usr/bin/env python3
import fcntl, json, os, sys
home, words = os.environ["FAKE"], sys.argv[1:]
def flag(name):
    return words[words.index(name) + 1] if name in words else None
def note(what):
    with open(os.path.join(home, "calls"), "a") as f:
        f.write(json.dumps(what) + "\n")
lock = open(os.path.join(home, "lock"), "w")
fcntl.flock(lock, fcntl.LOCK_EX)
if words[0] == "auth":
    note(" ".join(words))
    print("token-of-" + (flag("--audiences") or "monitoring"))
    sys.exit()
assert words[0] == "run" and flag("--project") == "p"
names = sorted(n[:-5] for n in os.listdir(os.path.join(home, "services")))
def path(name):
    return os.path.join(home, "services", name + ".json")
def load(name):
    with open(path(name)) as f:
        return json.load(f)
if words[1:3] == ["services", "list"]:
    # what Google's filter does, which is told all three
    terms = flag("--filter").split(" AND ")
    assert terms == ["metadata.labels.managed-by=terraform", "metadata.labels.environment=test", "metadata.labels.system:*"]
    for name in names:
        labels = load(name)["labels"]
        if labels.get("managed-by") == "terraform" and labels.get("environment") == "test" and "system" in labels:
            print(name, "us-central1", labels["system"], sep="\t")
    sys.exit()
if words[1:3] == ["revisions", "describe"]:
    d = next(d for d in map(load, names) if words[3] in d["images"])
    print(json.dumps({"spec": {"containers": [{"name": "collector", "image": "x"}, {"name": "api", "image": d["images"][words[3]]}]}}))
    sys.exit()
name = words[3]
d = load(name)
assert flag("--region") == "us-central1"
if words[1:3] == ["services", "describe"]:
    traffic = [{"revisionName": r, "percent": p} for r, p in d["traffic"].items()]
    if d["tag"]:
        traffic.append({"revisionName": d["tag"], "tag": "candidate", "url": os.environ["FAKE_URL"]})
    print(json.dumps({"metadata": {"annotations": {"run.googleapis.com/ingress": d.get("ingress", "all"),
                                                   "run.googleapis.com/invoker-iam-disabled": d.get("public", "true")}},
                      "status": {"url": f"https://{name}.run.app", "latestCreatedRevisionName": d["latest"],
                                 **({"traffic": traffic} if traffic else {})}}))
elif words[1:3] == ["services", "update-traffic"]:
    if flag("--to-revisions"):
        if d.get("stuck"):
            sys.exit("the fake service does not take traffic")
        d["traffic"] = {r: int(p) for r, p in (x.split("=") for x in flag("--to-revisions").split(","))}
        assert sum(d["traffic"].values()) == 100
    if flag("--update-tags"):
        d["tag"] = flag("--update-tags").split("=")[1]
    if "--remove-tags" in words:
        d["tag"] = None
    note({"service": name, **d["traffic"]})
    with open(path(name), "w") as f:
        json.dump(d, f)
else:
    sys.exit("fake gcloud: " + " ".join(words))
"""
TERRAFORM = r"""#!/usr/bin/env python3
import json, os, sys
home, words = os.environ["FAKE"], sys.argv[1:]
if words[1] != "show":
    with open(os.path.join(home, "calls"), "a") as f:
        f.write(json.dumps("terraform " + words[1] + (" " + os.environ["TF_VAR_image"] if words[1] == "plan" else "")) + "\n")
if words[1] == "plan":
    with open(os.path.join(home, "planned"), "w") as f:
        f.write(os.environ["TF_VAR_image"])
if words[1:3] == ["show", "-json"]:
    print(json.dumps({"resource_changes": [
        {"address": "one", "change": {"actions": json.loads(os.environ.get("FAKE_ACTIONS", '["update"]'))}},
        {"address": os.environ.get("FAKE_READ", "data.one"), "change": {"actions": ["read"]}}]}))
if words[1] == "apply":
    with open(os.path.join(home, "planned")) as f:
        image = f.read()
    for name in os.listdir(os.path.join(home, "services")):
        path = os.path.join(home, "services", name)
        with open(path) as f:
            d = json.load(f)
        new = name[:-9] + "-2"
        if new not in d["images"] and (image not in d["images"].values() or os.environ.get("FAKE_CHANGED")):
            d["latest"] = new
            d["images"][new] = image
        with open(path, "w") as f:
            json.dump(d, f)
"""


class Revision(http.server.BaseHTTPRequestHandler):
    """Answers as the API does; `server.broken` from the nth request on. Beside
    it Monitoring, which knows `server.live` by class of answer."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.n += 1
        self.server.seen.append((self.path, self.headers.get("X-Serverless-Authorization"), self.headers.get("Authorization")))
        broken = self.server.n >= self.server.broken
        self.answer(500 if broken else 200, b'{"status":"ok"}' if self.path.endswith("/health") else b'{"datos":[]}')

    def do_POST(self):
        query = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["query"][0]
        self.server.asked.append((self.path, self.headers["Authorization"], query))
        result = [{"metric": {"response_code_class": c}, "value": [0, str(n)]} for c, n in (self.server.live or {}).items()]
        self.answer(403 if self.server.live is None else 200, json.dumps({"status": "success", "data": {"result": result}}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(name="cloud")
def cloud_(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Revision)
    server.n, server.broken, server.live, server.asked, server.seen = 0, 1 << 30, {}, [], []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for name, text in (("gcloud", GCLOUD), ("terraform", TERRAFORM)):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    # the interpreter itself: some hundred are started, and a version manager's shim is slow
    (tmp_path / "python3").symlink_to(sys.executable)
    yield Cloud(tmp_path, server)
    server.shutdown()


class Cloud:
    def __init__(self, home, server):
        self.home, self.server = home, server
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        (home / "services").mkdir()
        self.put()

    def put(self, system="datos", **service):
        """A service of that system, at its first revision, but for what is said."""
        labels = {"managed-by": "terraform", "environment": "test", "system": system}
        first = f"{system}-1"
        (self.home / "services" / f"{system}-api.json").write_text(json.dumps({
            "labels": labels, "traffic": {first: 100}, "latest": first, "tag": None, "images": {first: OLD}, **service}), encoding="utf-8")

    def service(self, system="datos"):
        return json.loads((self.home / "services" / f"{system}-api.json").read_text(encoding="utf-8"))

    def calls(self):
        path = self.home / "calls"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def moves(self, system="datos"):
        return [c for c in self.calls() if isinstance(c, dict) and c["service"] == f"{system}-api"]

    def deploy(self, word, **more):
        environment = {
            "PATH": f"{self.home}:{os.environ['PATH']}", "FAKE": str(self.home), "BUILD": os.path.relpath(self.home, ROOT),
            "FAKE_URL": self.url, "MONITORING_API": self.url, "GCP_PROJECT": "p", "STATE_BUCKET": "b",
            "ENVIRONMENT": "test", "IMAGE": NEW, "LOAD_SECONDS": "0.3", "BAKE_SECONDS": "0", "PROBE_SECONDS": "0.1", "LOAD_USERS": "2",
            "PROBE_RETRIES": "0", "P99_MS": "10000",
            "TERRAFORM_VARIABLES": '{"region":"us-central1"}', **more}
        return subprocess.run([os.path.join(SCRIPTS, "deploy"), word], capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, env=environment, check=False)


def test_traffic_is_pinned_before_anything_is_applied(cloud):
    done = cloud.deploy("apply")
    assert done.returncode == 0, done.stderr
    assert cloud.calls() == [{"service": "datos-api", "datos-1": 100}, "terraform init", f"terraform plan {NEW}", "terraform apply"]
    assert cloud.service()["traffic"] == {"datos-1": 100}


def test_a_good_revision_gets_all_in_three_steps(cloud, tmp_path):
    assert cloud.deploy("apply").returncode == 0
    done = cloud.deploy("rollout")
    assert done.returncode == 0, done.stderr
    assert [m.get("datos-2", 0) for m in cloud.moves()[1:]] == [0, 5, 25, 100, 100]
    assert cloud.service()["traffic"] == {"datos-2": 100} and cloud.service()["tag"] is None
    assert cloud.server.n > 8
    assert not [s for s in cloud.server.seen if s[1] or s[2]], "a public service is asked without a token"
    rules = tmp_path / "q.yml"
    rules.write_text(json.dumps({"groups": [{"name": "q", "rules": [
        {"record": f"q:{i}", "expr": q} for i, (_, _, q) in enumerate(cloud.server.asked)]}]}), encoding="utf-8")
    assert "3 rules found" in run("promtool", "check", "rules", str(rules))


def test_all_systems_take_each_step_together(cloud):
    for i in range(8):
        cloud.put(f"sistema-{i:02d}")
    assert cloud.deploy("apply").returncode == 0
    done = cloud.deploy("rollout")
    assert done.returncode == 0, done.stderr
    shares = [m.get(f"{m['service'][:-4]}-2", 0) for m in cloud.calls()[12:] if isinstance(m, dict)]
    assert shares == [0] * 9 + [5] * 9 + [25] * 9 + [100] * 18
    assert cloud.service("sistema-07")["traffic"] == {"sistema-07-2": 100}


def test_another_service_whose_name_ends_alike_is_left_alone(cloud):
    cloud.put("uno", labels={})
    cloud.put("dos", labels={"managed-by": "terraform", "environment": "test", "system": "other"})
    cloud.put("tres", labels={"managed-by": "terraform", "environment": "staging", "system": "tres"})
    assert cloud.deploy("apply").returncode == 0
    assert cloud.deploy("rollout").returncode == 0
    assert {c["service"] for c in cloud.calls() if isinstance(c, dict)} == {"datos-api"}


@pytest.mark.parametrize("nth", [1, 10])
def test_a_bad_revision_takes_all_back(cloud, nth):
    cloud.put("dos")
    assert cloud.deploy("apply").returncode == 0
    # the tenth request falls into the load, not into the smoke test
    cloud.server.broken = nth
    done = cloud.deploy("rollout", LOAD_SECONDS="2")
    assert done.returncode == 1
    assert "all traffic is at the old ones" in done.stderr and "datos-api" in done.stderr
    for system in ("datos", "dos"):
        assert cloud.service(system)["traffic"] == {f"{system}-1": 100} and cloud.service(system)["tag"] is None
    assert not [c for c in cloud.calls() if isinstance(c, dict) and 5 in c.values()]
    assert cloud.deploy("rollback").returncode == 0
    assert cloud.calls()[-2:] == [f"terraform plan {OLD}", "terraform apply"]


def test_a_revision_that_turns_bad_under_traffic_takes_all_back(cloud):
    assert cloud.deploy("apply").returncode == 0
    assert cloud.deploy("rollout").returncode == 0
    before = cloud.server.n
    cloud.put(latest="datos-2", images={"datos-1": OLD, "datos-2": NEW})
    # smoke and load of about the same number, then some of the bake
    cloud.server.broken = 2 * before + 15
    done = cloud.deploy("rollout", BAKE_SECONDS="30")
    assert done.returncode == 1 and "datos-api failed; all traffic is at the old ones" in done.stderr
    assert any(c.get("datos-2") == 5 for c in cloud.moves()[-4:])
    assert cloud.service()["traffic"] == {"datos-1": 100}


@pytest.mark.parametrize("answers, code", [
    ({"2xx": 970, "5xx": 30}, 1), ({"2xx": 995.2, "5xx": 4.8}, 0), ({"2xx": 18, "5xx": 2}, 0), ({"5xx": "NaN"}, 0)])
def test_errors_of_real_users_send_a_revision_back(cloud, answers, code):
    assert cloud.deploy("apply").returncode == 0
    cloud.server.live = answers
    done = cloud.deploy("rollout")
    assert done.returncode == code, done.stderr
    assert cloud.service()["traffic"] == ({"datos-1": 100} if code else {"datos-2": 100})
    assert ("of the answers of datos-2 are 5xx, 1 % are allowed" in done.stdout) == bool(code)
    path, token, query = cloud.server.asked[0]
    assert path == "/v1/projects/p/location/global/prometheus/api/v1/query" and token == "Bearer token-of-monitoring"
    for part in ('monitored_resource="cloud_run_revision"', 'service_name="datos-api"', 'location="us-central1"', 'revision_name="datos-2"'):
        assert part in query
    assert len(cloud.server.asked) == (1 if code else 3)


def test_monitoring_that_cannot_be_asked_is_said_and_sends_nothing_back(cloud):
    assert cloud.deploy("apply").returncode == 0
    cloud.server.live = None
    done = cloud.deploy("rollout")
    assert done.returncode == 0 and "CLOUD MONITORING CANNOT BE ASKED" in done.stdout
    assert cloud.service()["traffic"] == {"datos-2": 100}


def test_behind_a_load_balancer_the_candidate_is_asked_there(cloud):
    cloud.put(ingress="internal-and-cloud-load-balancing")
    done = cloud.deploy("apply")
    assert done.returncode == 1 and "set PROBE_URL" in done.stderr and cloud.calls() == []
    where = cloud.url + "/{tag}/{system}/{service}"
    assert cloud.deploy("apply", PROBE_URL=where).returncode == 0
    done = cloud.deploy("rollout", PROBE_URL=where, FAKE_URL="http://127.0.0.1:1")
    assert done.returncode == 0, done.stdout
    assert {p for p, _, _ in cloud.server.seen} == {f"/candidate/datos/datos-api/{n}" for n in ("health", "datos")}


def test_a_service_that_is_not_public_is_asked_with_a_token_for_itself(cloud):
    cloud.put(public="false")
    done = cloud.deploy("apply")
    assert done.returncode == 1 and "datos-api is not public: set PROBE_ACCOUNT" in done.stderr and cloud.calls() == []
    assert cloud.deploy("apply", PROBE_ACCOUNT="probe@p").returncode == 0
    done = cloud.deploy("rollout", PROBE_ACCOUNT="probe@p")
    assert done.returncode == 0, done.stdout
    assert {s[1] for s in cloud.server.seen} == {"Bearer token-of-https://datos-api.run.app"}
    assert {p for p, _, _ in cloud.server.seen} == {"/health", "/datos"}
    asked = [c for c in cloud.calls() if "print-identity-token" in c]
    assert len(asked) == 4 and all("--impersonate-service-account probe@p" in c for c in asked)


def test_terraform_tells_where_and_as_whom_to_ask(cloud):
    """Its outputs are what the script takes."""
    (where,) = re.findall(r'output "probe_url" \{.*?value += "https://(\S+?)\.\$\{var.domain\}"', read("terraform", "modules", "edge", "outputs.tf"), re.S)
    cloud.put(ingress="internal-and-cloud-load-balancing")
    assert cloud.deploy("apply", PROBE_URL=f"{cloud.url}/{where}").returncode == 0
    assert cloud.deploy("rollout", PROBE_URL=f"{cloud.url}/{where}").returncode == 0
    assert {p for p, _, _ in cloud.server.seen} == {"/candidate-datos/health", "/candidate-datos/datos"}
    probe = read("terraform", "modules", "delivery", "probe.tf")
    for role in ("roles/run.invoker", "roles/iam.serviceAccountOpenIdTokenCreator"):
        assert probe.count(role) == 1
    assert re.search(r"private_services = \{.*?\} if !var\.systems\[name\]\.public\n", read("terraform", "main.tf"), re.S)


def test_the_first_deploy_has_nothing_to_pin(cloud):
    (cloud.home / "services" / "datos-api.json").unlink()
    assert cloud.deploy("apply").returncode == 0
    assert cloud.deploy("rollout").returncode == 0
    assert not [c for c in cloud.calls() if isinstance(c, dict)]


def test_a_list_that_fails_is_no_first_deploy(cloud):
    (cloud.home / "services" / "datos-api.json").write_text("no JSON: the fake fails", encoding="utf-8")
    done = cloud.deploy("apply")
    assert done.returncode == 1 and "nothing was applied" in done.stderr
    assert cloud.calls() == []


def test_a_system_that_never_served_stops_no_delivery(cloud):
    """Its first revision did not become ready; the delivery may be its mending. It is the first by name, too."""
    cloud.put("alfa", traffic={})
    done = cloud.deploy("apply", IMAGE="running", FAKE_CHANGED="1")
    assert done.returncode == 0, done.stderr
    assert "alfa-api: no revision serves yet" in done.stdout and "Traceback" not in done.stderr
    assert cloud.calls() == [{"service": "datos-api", "datos-1": 100}, "terraform init", f"terraform plan {OLD}", "terraform apply"]
    done = cloud.deploy("rollout")
    assert done.returncode == 0 and cloud.service()["traffic"] == {"datos-2": 100}, done.stdout
    assert cloud.moves("alfa") == []
    assert cloud.deploy("rollback").returncode == 0 and cloud.moves("alfa") == []


def test_an_answer_of_another_form_is_one_line(cloud):
    cloud.put(latest=None, traffic={"": 100})
    fake = cloud.home / "gcloud"
    fake.write_text(fake.read_text(encoding="utf-8").replace('"status": {', '"state": {'), encoding="utf-8")
    done = cloud.deploy("apply")
    assert done.returncode == 1 and "datos-api cannot be pinned, so nothing was applied" in done.stderr
    assert "Traceback" not in done.stderr and cloud.calls() == []


def test_an_unchanged_service_is_left_alone(cloud):
    assert cloud.deploy("apply", IMAGE=OLD).returncode == 0
    done = cloud.deploy("rollout")
    assert done.returncode == 0 and "unchanged at datos-1" in done.stdout
    assert len(cloud.moves()) == 1


@pytest.mark.parametrize("image_", ["", "running"])
def test_a_plan_without_an_image_uses_the_one_that_runs(cloud, image_):
    done = cloud.deploy("plan", IMAGE=image_)
    assert done.returncode == 0, done.stderr
    assert f"terraform plan {OLD}" in cloud.calls()


def test_changed_variables_are_rolled_out_with_the_image_that_runs(cloud):
    done = cloud.deploy("apply", IMAGE="running", FAKE_CHANGED="1")
    assert done.returncode == 0, done.stderr
    assert f"terraform plan {OLD}" in cloud.calls() and cloud.service()["traffic"] == {"datos-1": 100}
    assert cloud.deploy("rollout", IMAGE="running").returncode == 0
    assert cloud.service()["traffic"] == {"datos-2": 100}


def test_only_what_was_reviewed_is_applied(cloud, tmp_path):
    output = tmp_path / "output"
    assert cloud.deploy("plan", GITHUB_OUTPUT=str(output)).returncode == 0
    name, reviewed = output.read_text(encoding="utf-8").strip().split("=")
    assert name == "sum" and len(reviewed) == 64
    done = cloud.deploy("apply", PLAN_SUM=reviewed, FAKE_ACTIONS='["delete", "create"]')
    assert done.returncode == 1 and "no longer what the plan showed" in done.stderr
    assert "terraform apply" not in cloud.calls()
    # nor is it by what takes a failed delivery back
    done = cloud.deploy("rollback", FAKE_ACTIONS='["delete", "create"]')
    assert done.returncode == 0 and "nothing was applied, so the configuration stays" in done.stdout
    assert "terraform apply" not in cloud.calls() and f"terraform plan {OLD}" not in cloud.calls()
    assert cloud.service()["traffic"] == {"datos-1": 100}
    # what is only read is no change
    assert cloud.deploy("apply", PLAN_SUM=reviewed, FAKE_READ="data.two").returncode == 0
    assert cloud.calls()[-1] == "terraform apply"


def test_a_rollback_does_both_and_fails_at_the_end(cloud):
    cloud.put("dos")
    assert cloud.deploy("apply").returncode == 0
    cloud.put(stuck=True, traffic={"datos-2": 100}, latest="datos-2", images={"datos-1": OLD, "datos-2": NEW})
    cloud.put("dos", traffic={"dos-2": 100}, latest="dos-2", images={"dos-1": OLD, "dos-2": NEW})
    done = cloud.deploy("rollback")
    assert done.returncode == 1 and "TRAFFIC IS NOT BACK at datos-api" in done.stderr
    assert cloud.service("dos")["traffic"] == {"dos-1": 100}
    assert cloud.calls()[-2:] == [f"terraform plan {OLD}", "terraform apply"]
    done = cloud.deploy("rollback", TERRAFORM_VARIABLES="{")
    assert done.returncode == 1 and "could not be applied, and TRAFFIC IS NOT BACK at datos-api" in done.stderr


@pytest.mark.parametrize("word,more,told", [
    ("apply", {"IMAGE": "r/datos:latest"}, "not named by digest"),
    ("apply", {"IMAGE": ""}, "IMAGE is not set"),
    ("plan", {"GCP_PROJECT": ""}, "GCP_PROJECT is not set"),
    ("plan", {"TERRAFORM_VARIABLES": "{"}, "TERRAFORM_VARIABLES is no JSON"),
    ("apply", {"PROBE_URL": "https://{service}.example.com"}, "no {tag} in it"),
    ("apply", {"PROBE_URL": "https://{tag}.example.com"}, "neither {service} nor {system}"),
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

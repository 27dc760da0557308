# SPDX-License-Identifier: Apache-2.0
"""The whole configuration planned by the provider itself, for a project that is
not there: what a project with a domain and two owners would get, and what one
without systems would not. Needs the provider; without it the tests skip."""
import json
import os
import re
import shutil
import subprocess

import pytest

import datos
import emulator
from conftest import ROOT, read
from test_terraform import needs_terraform

COMMON = {
    "project": "p-1", "environment": "test", "state_bucket": "b", "runbook_url": "https://example.com/RUNBOOK.md",
    "auth": {"mode": "none"}, "image": f"us-central1-docker.pkg.dev/p/datos/datos@sha256:{'0' * 64}",
    "github": {"owner_id": "1", "repository_id": "2"}, "alert_emails": {"norte": "norte@example.com", "sur": "sur@example.com"}}
TWO = {**COMMON, "domain": "datos.example", "default_system": "uno", "systems": {
    "uno": {"plain_names": True, "critical": True, "owner": "norte", "redis": {"tls": True}},
    "dos": {"owner": "sur", "delivery": "push", "reads": {"check_seconds": 3600, "max_gib_billed": 2048}, "region": "southamerica-west1", "raw_subscription": True}}}


class Plan:
    """Resources by address, and the plan's outputs."""

    def __init__(self, shown):
        self.resources = {r["address"]: r["change"]["after"] for r in shown["resource_changes"] if r["mode"] == "managed"}
        self.outputs = {name: o.get("value") for name, o in shown["planned_values"]["outputs"].items()}
        self.text = json.dumps(shown["resource_changes"])
        self.system = shown["configuration"]["root_module"]["module_calls"].get("system", {}).get("module")

    def of(self, pattern):
        found = {a: r for a, r in self.resources.items() if re.search(pattern, a)}
        assert found, f"no resource is called {pattern}"
        return found


@pytest.fixture(scope="module", name="plan")
def plan_(tmp_path_factory):
    """A function: variables in, Plan out. One init for all."""
    home = tmp_path_factory.mktemp("plan")
    folder = home / "terraform"
    shutil.copytree(os.path.join(ROOT, "terraform"), folder)
    os.makedirs(home / "src" / "schema")
    shutil.copy(os.path.join(ROOT, "src", "schema", "datos.json"), home / "src" / "schema")
    (folder / "override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
    e = emulator.Emulator()
    endpoint = f"{e.console}/v1/"
    environment = {**os.environ, "GOOGLE_OAUTH_ACCESS_TOKEN": "offline", "GOOGLE_RESOURCE_MANAGER_CUSTOM_ENDPOINT": endpoint,
                   "GOOGLE_CLOUD_BILLING_CUSTOM_ENDPOINT": endpoint}

    def terraform(*words):
        return subprocess.run([needs_terraform(), *words], cwd=folder, timeout=240, env=environment, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def make(variables, refused=None):
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
        done = terraform("plan", "-no-color", "-input=false", "-out=plan")
        if refused:
            assert done.returncode == 1 and refused in re.sub(r"[\s│]+", " ", done.stdout), done.stdout
            return None
        assert done.returncode == 0, done.stdout
        return Plan(json.loads(terraform("show", "-json", "plan").stdout))

    needs_terraform()
    try:
        if terraform("init", "-no-color", "-input=false").returncode:
            pytest.skip("the Google provider cannot be had here: nothing was planned")
        yield make
    finally:
        assert e.stop() == 0


@pytest.fixture(scope="module", name="two")
def two_(plan):
    return plan(TWO)


def test_a_project_without_systems_asks_about_none(plan):
    empty = plan({**COMMON, "systems": {}, "image": None})
    assert 'full_match(\\"\\")' not in empty.text and "service_name=()" not in empty.text
    assert not [a for a in empty.resources if "alert_policy" in a]


def test_with_a_domain_a_candidate_answers_behind_the_balancer(two):
    services = two.of(r"google_cloud_run_v2_service\.api")
    assert {s["ingress"] for s in services.values()} == {"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}
    (urls,) = two.of(r"google_compute_url_map\.edge").values()
    hosts = {h for rule in urls["host_rule"] for h in rule["hosts"]}
    certified = [set(c["managed"][0]["domains"]) for c in two.of("managed_ssl_certificate").values()]
    assert set.union(*certified) == hosts | {"datos.example"}
    for service in services.values():
        url = two.outputs["probe_url"].replace("{tag}", "candidate").replace("{system}", service["labels"]["system"])
        assert url.removeprefix("https://") in hosts
    tags = {(c["cloud_run"][0]["service"], c["cloud_run"][0]["tag"]) for c in two.of(r"endpoint_group\.candidate").values()}
    assert tags == {("uno-api", "candidate"), ("dos-api", "candidate")}
    assert not any(b["enable_cdn"] for b in two.of(r"backend_service\.candidate").values()), "a probe asks the revision, not a cache"
    assert all(b["enable_cdn"] for b in two.of(r"backend_service\.api").values())


def test_without_a_domain_a_revisions_own_address_is_open(plan):
    bare = plan({**TWO, "domain": None})
    assert {s["ingress"] for s in bare.of(r"google_cloud_run_v2_service\.api").values()} == {"INGRESS_TRAFFIC_ALL"}
    assert bare.outputs.get("probe_url") is None


def test_policies_are_their_owners(two):
    shared = {}
    for address, policy in two.of(r"alert_policy\.(?!burn)").items():
        shared.setdefault(policy["user_labels"]["owner"], set()).add(address)
        other = {"norte": "dos", "sur": "uno"}[policy["user_labels"]["owner"]]
        asked = json.dumps(policy["conditions"])
        assert f'"{other}-api' not in asked and f'\\"{other}\\"' not in asked and f"{other}-datos-subscription" not in asked, address
    assert len(shared["norte"]) == len(shared["sur"]) >= 24


def test_objectives_ask_for_evidence_and_leave_the_stream_out(two):
    burns = two.of(r"alert_policy\.burn")
    assert len(burns) == 3
    for policy in burns.values():
        assert policy["combiner"] == "AND"
        evidence = policy["conditions"][-1]["condition_threshold"][0]
        assert evidence["threshold_value"] == 10 and "5xx" in evidence["filter"]
        assert int(evidence["aggregations"][0]["alignment_period"][:-1]) <= 25 * 3600
    assert "request_latencies" not in two.text


def test_containers_are_told_the_same(two):
    """The worker and the doctor; and what is secret is named, not written."""
    def told(address):
        (found,) = two.of(address).values()
        template = found["template"][0]
        template = template.get("template", [template])[0]
        first = template["containers"][0]
        return ({e["name"]: e["value"] or e["value_source"][0]["secret_key_ref"][0]["secret"] for e in first["env"]},
                {m["mount_path"] for m in first["volume_mounts"]}, {v["name"] for v in template["volumes"]})
    worker, files, _ = told(r"uno.*worker_pool\.ingest")
    assert told(r"uno.*v2_job\.doctor") == (worker, files, {"redis-ca"})
    assert worker["REDIS_URL"] == "uno-redis-url" and worker["DATOS_INGEST"] == "pull"
    assert worker["DATOS_REDIS_CA_FILE"] == "/secrets/redis-ca/ca.pem" and files == {"/secrets/redis-ca"}
    api, _, volumes = told(r"uno.*v2_service\.api")
    assert api["DATOS_INGEST"] == "off" and api["REDIS_URL"] == "uno-redis-url" and volumes == {"redis-ca", "metrics-config"}


def test_a_doctor_with_each_containers_settings_is_healthy(two, tmp_path):
    """In a system that is: what a container is told must not itself be a finding."""
    system = datos.System("--memory")
    try:
        here = {"GOOGLE_CLOUD_PROJECT": datos.PROJECT, "PUBSUB_EMULATOR_HOST": system.ready["pubsub"],
                "REDIS_URL": system.ready["redis"], "DATOS_ALLOW_MIXED": "1", "DATOS_REDIS_CA_FILE": ""}
        for address, given in ((r"uno.*v2_job\.doctor", {}), (r"uno.*v2_service\.api", {"K_SERVICE": "uno-api", "PORT": "8080"}),
                               (r"dos.*v2_service\.api", {"K_SERVICE": "dos-api", "PORT": "8080"})):
            (found,) = two.of(address).values()
            template = found["template"][0]
            told = {e["name"]: (e["value"] or "known later").removeprefix("dos-")
                    for e in template.get("template", [template])[0]["containers"][0]["env"]}
            done = datos.run(datos.DATOS, "doctor", "--store", f"sqlite:{tmp_path}/d.db", environment={**told, **given, **here})
            assert done.returncode == 0 and done.stdout.endswith("\nhealthy: 0 fatal, 0 to look at\n"), (address, done)
    finally:
        assert system.stop() == 0


def test_delivery_can_be_told_what_a_person_applied(two, plan):
    """As TERRAFORM_VARIABLES, beside what the script says by itself: the same plan."""
    told = json.loads(two.outputs["delivery_variables"])
    variables = set(re.findall(r'^variable "(\w+)"', read("terraform", "variables.tf"), re.M))
    assert set(told) == variables - {"project", "state_bucket", "environment", "image", "billing_account"}
    again = plan({**{name: COMMON[name] for name in ("project", "state_bucket", "environment", "image")}, **told})
    assert again.text == two.text and again.outputs == two.outputs


def test_what_reading_costs_is_bounded_by_the_map(two):
    def told(address):
        (found,) = two.of(address).values()
        return {e["name"]: e["value"] for e in found["template"][0]["containers"][0]["env"]}
    uno, dos = told(r"uno.*v2_service\.api"), told(r"dos.*v2_service\.api")
    assert (uno["DATOS_CACHE_CHECK_MS"], uno["DATOS_BIGQUERY_MAX_BYTES_BILLED"]) == ("300000", str(100 << 30))
    assert (dos["DATOS_CACHE_CHECK_MS"], dos["DATOS_BIGQUERY_MAX_BYTES_BILLED"]) == ("3600000", str(2 << 40))


def test_who_delivers_may_act_as_each_account_before_it_must(two):
    """Who makes a service or a push subscription that runs as an account needs the grant first."""
    given = {re.sub(r".*system\[\"(\w+)\"\].*acts_as\[\"(\w+)\"\]", r"\1 \2", a) for a in two.of(r"acts_as")}
    assert given == {"uno api", "uno worker", "dos api", "dos push"}
    grant = "google_service_account_iam_member.acts_as"
    assert grant in two.system["module_calls"]["data"]["depends_on"]
    runs = [r for r in two.system["resources"] if r["type"].startswith("google_cloud_run_v2_") and not r["type"].endswith("member")]
    assert len(runs) == 3 and all(grant in r["depends_on"] for r in runs)


@pytest.mark.parametrize("said, told", [
    ({"worker": {"instances": 0}}, "worker.instances is 1 at least"),
    ({"api": {"concurrency": 5000}}, "api.concurrency is 1 to 1000"),
    ({"api": {"cpu": "0.5"}}, "api.cpu and worker.cpu are"),
    ({"topic_retention": "7d"}, "topic_retention is in seconds"),
    ({"topic_retention": "60s"}, "topic_retention is in seconds"),
    ({"reads": {"check_seconds": 0}}, "reads.check_seconds"),
    ({"reads": {"max_gib_billed": 0.5}}, "reads.max_gib_billed")])
def test_what_google_would_refuse_at_the_apply_is_refused_by_the_plan(plan, said, told):
    plan({**COMMON, "systems": {"uno": said}}, refused=told)


def test_the_collector_of_each_container_may_write(two):
    """Google asks both roles of an account that is not the default one."""
    given = sorted((key, m["role"]) for key, m in two.of(r"google_project_iam_member\.collects").items())
    assert [role for _, role in given].count("roles/monitoring.metricWriter") == 3
    assert [role for _, role in given].count("roles/logging.logWriter") == 3
    assert len(given) == 6, "API and worker of the one, the API of the other, which is pushed to"


def test_logs_of_others_are_left_alone(two):
    (kept,) = two.of("logging_project_exclusion").values()
    assert 'service_name=("dos-api" OR "uno-api")' in kept["filter"]


def test_the_plan_and_the_state_know_who_reads(two):
    (custom,) = two.of("iam_custom_role").values()
    assert set(custom["permissions"]) == {"redis.instances.getAuthString", "servicenetworking.services.get"}

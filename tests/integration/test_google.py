# SPDX-License-Identifier: Apache-2.0
"""The production path as in the cloud: no emulator is named, so that TLS, HTTP/2, gzip and a token
are needed. Every kind of credential gets its token from the emulator's identity endpoints."""
import json
import os
import shutil
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import apis
import datos
import google_side as google
import pytest
import tokens

ACCOUNT = "sa@a-real-project.iam.gserviceaccount.com"
REFRESH, SECRET = "1//refresh-of-the-user", "GOCSPX-secret-of-the-client"
SUBJECT = "subject-token-of-somebody-else"
pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="no node here")


@pytest.fixture(scope="module")
def world():
    made = google.Google()
    yield made
    made.close()


@pytest.fixture(scope="module")
def key():
    return tokens.Key("key-1")


def identity(world, path):
    return world.emulator.console + path


def user(world, **more):
    return {"type": "authorized_user", "client_id": "client", "client_secret": SECRET, "refresh_token": REFRESH,
            "token_uri": identity(world, "/token"), **more}


def service_account(key, **more):
    with open(key.path, encoding="ascii") as f:
        pem = f.read()
    return {"type": "service_account", "project_id": google.PROJECT, "private_key_id": key.kid, "private_key": pem,
            "client_email": ACCOUNT, **more}


def external(world, source, **more):
    return {"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/"
            "workloadIdentityPools/pool/providers/p", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": identity(world, "/v1/token"), "credential_source": source, **more}


def impersonation(world):
    return identity(world, f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken")


def subject_file(world):
    with open(world.path("subject"), "w", encoding="ascii") as f:
        f.write(SUBJECT + "\n")
    return {"file": world.path("subject")}


def program(world):
    path = world.path("program")
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n" + "echo '" + json.dumps(
            {"version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:jwt",
             "id_token": SUBJECT, "expiration_time": 4102444800}) + "'\n")
    os.chmod(path, stat.S_IRWXU)
    return {"executable": {"command": path, "timeout_millis": 30000}}


def url(world):
    return {"url": identity(world, "/computeMetadata/v1/instance/service-accounts/default/identity?audience=pool"),
            "headers": {"Metadata-Flavor": "Google"}}


AWS = {"environment_id": "aws1", "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
       "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}
KINDS = {
    "service account": lambda w, k: service_account(k),
    "user": lambda w, k: user(w),
    "impersonated": lambda w, k: {"type": "impersonated_service_account", "source_credentials": user(w),
                                  "service_account_impersonation_url": impersonation(w)},
    "federated by a file": lambda w, k: external(w, subject_file(w)),
    "federated by a URL": lambda w, k: external(w, url(w)),
    "federated by a program": lambda w, k: external(w, program(w)),
    "federated by AWS": lambda w, k: external(
        w, AWS, subject_token_type="urn:ietf:params:aws:token-type:aws4_request"),
    "federated and impersonated": lambda w, k: external(
        w, subject_file(w), service_account_impersonation_url=impersonation(w)),
}
MORE = {"federated by a program": {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"},
        "federated by AWS": {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                             "AWS_SECRET_ACCESS_KEY": "secret-of-aws"}}


def written(world, content):
    path = world.path("credentials.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(content if isinstance(content, str) else json.dumps(content))
    return path


def line(text, what):
    return next(row for row in text.splitlines() if row[6:].startswith(what + " "))


def is_silent(text, key, seen):
    """No secret and no token in what was written."""
    with open(key.path, encoding="ascii") as f:
        secrets = [REFRESH, SECRET, SUBJECT, "secret-of-aws", f.read().splitlines()[3]]
    secrets += [request["bearer"] for request in seen if request["bearer"]]
    return not [secret for secret in secrets if secret in text]


def doctor(world, **environment):
    return world.run("doctor", DATOS_LOG="debug", **environment)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_credential_opens_the_services(world, key, kind):
    path = written(world, KINDS[kind](world, key))
    code, text, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path, **MORE.get(kind, {}))
    assert line(text, "credentials").startswith("ok"), text
    assert line(text, "topic").startswith("ok") and line(text, "store").startswith("ok"), text
    assert code == 0 and "FAIL" not in text, text
    assert {r["host"].split(".")[0] for r in seen} == {"pubsub", "bigquery"}
    assert not [r for r in seen if r["refused"]] and {r["http"] for r in seen} == {"2.0"}
    bearers = {r["bearer"] for r in seen}
    # one of Pub/Sub's and one of BigQuery's, for all their requests
    assert len(bearers) <= 2 < len(seen)
    if kind == "service account":
        for bearer in bearers:
            head, claims = (json.loads(tokens.unb64(part)) for part in bearer.split(".")[:2])
            assert head["kid"] == key.kid and tokens.verifies(key, bearer)
            assert claims["iss"] == claims["sub"] == ACCOUNT and 0 < claims["exp"] - claims["iat"] <= 3600
    else:
        assert all(bearer.startswith("ya29.") for bearer in bearers)
    assert is_silent(text, key, seen)


def test_the_machines_account_opens_the_services(world, key):
    host = world.emulator.console.removeprefix("http://")
    code, text, seen = doctor(world, GCE_METADATA_HOST=host)
    assert code == 0 and line(text, "credentials").startswith("ok"), text
    assert all(r["bearer"].startswith("ya29.") for r in seen) and len(seen) > 2
    assert is_silent(text, key, seen)


@pytest.mark.parametrize("content", [
    None, "", "no json", "{}", '{"type":"unheard_of"}', '{"type":"service_account","client_email":"a@b","private_key":"x"}',
    '{"type":"authorized_user","client_id":"c"}'])
def test_a_file_that_cannot_be_used_is_an_error_and_nothing_else_is_tried(world, content):
    """The metadata server would give a token."""
    host = world.emulator.console.removeprefix("http://")
    path = world.path("nowhere.json") if content is None else written(world, content)
    code, text, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path, GCE_METADATA_HOST=host)
    row = line(text, "credentials")
    assert code != 0 and row.startswith("FAIL") and path in row, text
    assert seen == []


def test_a_refused_token_is_fetched_anew_once(world, key):
    path = written(world, user(world))
    world.refuse(1)
    code, text, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path)
    assert code == 0, text
    first, second = seen[:2]
    assert first["refused"] and not second["refused"] and first["path"] == second["path"]
    assert first["bearer"] != second["bearer"] and is_silent(text, key, seen)
    world.refuse(1000)
    code, text, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path)
    world.refuse(0)
    assert code != 0 and "invalid authentication credentials" in text, text
    # each request once more and no oftener
    asked = [(r["host"], r["method"], r["path"]) for r in seen]
    assert seen and all(asked.count(one) <= 2 for one in asked if one[0].startswith("pubsub")), asked
    assert is_silent(text, key, seen)


def test_the_quota_project_goes_along(world):
    path = written(world, user(world, quota_project_id="payer-of-the-file"))
    _, _, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path)
    assert {r["payer"] for r in seen} == {"payer-of-the-file"}
    _, _, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path, GOOGLE_CLOUD_QUOTA_PROJECT="payer-of-the-environment")
    assert {r["payer"] for r in seen} == {"payer-of-the-environment"}


def test_another_universe_has_its_own_hosts_and_credentials(world, key):
    path = written(world, service_account(key, universe_domain="other.universe"))
    code, text, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path, GOOGLE_CLOUD_UNIVERSE_DOMAIN="other.universe")
    assert code == 0 and {r["host"] for r in seen} == {"pubsub.other.universe", "bigquery.other.universe"}, text
    # nobody names another: the credential's own
    code, text, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path)
    assert code == 0 and {r["host"] for r in seen} == {"pubsub.other.universe", "bigquery.other.universe"}, text
    code, text, seen = doctor(world, GOOGLE_APPLICATION_CREDENTIALS=path, GOOGLE_CLOUD_UNIVERSE_DOMAIN="googleapis.com")
    assert code != 0 and "other.universe" in line(text, "credentials") and seen == [], text


# --- the roles, run by a user's credential --------------------------------------

TABLE = "/bigquery/v2/projects/{}/datasets/latam_dataset/tables/datos/insertAll".format(google.PROJECT)


@pytest.fixture
def start(world, tmp_path):
    made = []

    def api(*flags, **environment):
        made.append(apis.Api(str(tmp_path), "--store", "bigquery", *flags, environment={
            **world.environment, "GOOGLE_APPLICATION_CREDENTIALS": written(world, user(world)), **environment}))
        return made[-1]
    yield api
    world.emulator.control("DELETE", "faults")
    for one in made:
        one.stop()


def post(api, record):
    return api.request("POST", "/datos", record, {"Content-Type": "application/json"})


def ids(api, query):
    answer = api.get("/datos" + query)
    return [row["id"] for row in json.loads(answer.body)["datos"]] if answer.status == 200 else []


def test_the_roles_speak_http_2_and_gzip(world, start, key):
    before = len(world.seen())
    api = start("--with-ingest", DATOS_LOG="debug", DATOS_STORE_QPS="0")
    row = datos.record("over-tls", contenido="compressible " * 400, timestamp=datos.from_now(0))
    assert post(api, row).status == 201
    published = datos.record("pulled-over-tls", timestamp=datos.from_now(1))
    code, text, _ = world.run("publish", "--id", published["id"], "--timestamp", published["timestamp"],
                              GOOGLE_APPLICATION_CREDENTIALS=world.path("credentials.json"))
    assert code == 0, text
    datos.wait_for(lambda: {"over-tls", "pulled-over-tls"} <= set(ids(api, "?limit=10")), 30)
    datos.wait_for(lambda: [r for r in world.seen()[before:] if r["path"].endswith(":acknowledge")], 30)
    seen = world.seen()[before:]
    assert {r["http"] for r in seen} == {"2.0"} and not [r for r in seen if r["refused"]]
    inserts = [r for r in seen if r["path"].startswith(TABLE)]
    assert any(r["packed"] == "gzip" and r["bytes"] < 2000 for r in inserts), inserts
    assert all("gzip" in (r["accepts"] or "") for r in seen)
    assert is_silent(api.log(), key, seen)


def test_a_token_refused_while_it_serves_is_fetched_anew(world, start):
    api = start()
    assert post(api, datos.record("first-token", timestamp=datos.from_now(0))).status == 201
    before = len(world.seen())
    world.refuse(1)
    assert post(api, datos.record("second-token", timestamp=datos.from_now(1))).status == 201
    refused = [r for r in world.seen()[before:] if r["refused"]]
    later = [r for r in world.seen()[before:] if not r["refused"]]
    assert len(refused) == 1 and later and refused[0]["bearer"] not in {r["bearer"] for r in later[-1:]}


def test_reads_keep_to_their_budget(world, start):
    """A second's worth at once, then as many a second; the rest is told to come again."""
    # more than the head holds, or it would know that there is no such id
    for at in range(0, 1200, 400):
        answer = datos.request("POST", f"http://{world.emulator.bigquery}{TABLE}", {"rows": [
            {"json": datos.record(f"many-{i}", timestamp=datos.from_now(-i))} for i in range(at, at + 400)]})
        assert answer.status == 200 and "insertErrors" not in answer.json()
    api = start(DATOS_STORE_QPS="2")
    started = time.monotonic()
    answers = [api.get(f"/datos?id=nobody-{i}") for i in range(40)]
    allowed = 2 + 2 * (time.monotonic() - started)
    served = [a for a in answers if a.status == 200]
    assert 1 <= len(served) <= allowed + 1
    others = [a for a in answers if a.status != 200]
    assert others and all(a.status == 429 and int(a.headers["Retry-After"]) >= 1 for a in others)
    # and it is a budget, no end
    datos.wait_for(lambda: api.get("/datos?id=nobody-more").status == 200, 20)


def test_a_dead_store_is_asked_seldom_and_found_again(world, start):
    """The breaker: after a few failures calls are refused at once and one at a time finds out."""
    api = start()
    assert post(api, datos.record("while-alive", timestamp=datos.from_now(0))).status == 201
    world.emulator.control("PUT", "faults", {"rules": [{
        "service": "bigquery", "method": "tabledata.insertAll", "action": "error", "http_status": 503}]})
    before = len(world.seen())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: post(api, datos.record(f"while-dead-{i}")).status, range(120)))
    assert set(answers) == {503}
    tried = [r for r in world.seen()[before:] if r["path"].startswith(TABLE)]
    assert 1 <= len(tried) < 60, len(tried)
    world.emulator.control("DELETE", "faults")
    datos.wait_for(lambda: post(api, datos.record("found-again", timestamp=datos.from_now(2))).status in (200, 201), 30)

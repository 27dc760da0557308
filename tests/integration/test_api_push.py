# SPDX-License-Identifier: Apache-2.0
"""POST /pubsub/push: who may, what is stored before 204, what is dead-lettered."""
import base64
import contextlib
import json
import threading

import apis
import datos
import pytest
import tokens

ACCOUNT = "pusher@datos-local.iam.gserviceaccount.com"
OURS = "projects/datos-local/subscriptions/datos-subscription"


class Topic:
    """As much of Pub/Sub as takes dead letters."""

    def __init__(self):
        import http.server
        topic = self
        self.letters, self.down = [], False

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not topic.down:
                    topic.letters += [m for m in body.get("messages", [])]
                answer = json.dumps({"messageIds": ["1"] * len(body.get("messages", []))}).encode()
                self.send_response(503 if topic.down else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextlib.contextmanager
def pushing(**more):
    bench, topic = apis.Bench(), Topic()
    environment = {"DATOS_INGEST": "push", "DATOS_PUSH_AUTH": "none", "PUBSUB_EMULATOR_HOST": topic.host,
                   "DATOS_ALLOW_MIXED": "1", **more}
    try:
        api = bench.api("--threads", "2", environment=environment)
        api.topic = topic
        yield api
    finally:
        bench.close()
        topic.server.shutdown()


@pytest.fixture(scope="module")
def api():
    with pushing() as a:
        yield a


def wrapped(data, subscription=OURS, **more):
    if isinstance(data, dict):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return {"message": {"data": base64.b64encode(data).decode(), "messageId": "7", "message_id": "7",
                        "publishTime": "2025-01-14T10:00:00.123Z", "attributes": {"a": "b"}, **more},
            "subscription": subscription, "deliveryAttempt": 1}


def push(api, body, **headers):
    return api.request("POST", "/pubsub/push", body, {"Content-Type": "application/json", **headers})


def test_wrapped_message_is_stored_before_204(api):
    answer = push(api, wrapped(datos.record("w1")))
    assert answer.status == 204 and answer.raw == b"" and answer.headers["Cache-Control"] == "no-store"
    assert api.get("/datos/w1").status == 200
    assert push(api, wrapped(datos.record("w1"))).status == 204, "a repeat is acknowledged"
    assert api.ids().count("w1") == 1


def test_message_without_wrapper_is_its_data(api):
    assert push(api, datos.record("u1")).status == 204
    assert api.get("/datos/u1").status == 200
    name = {"x-goog-pubsub-subscription-name": "projects/other/subscriptions/x"}
    assert push(api, datos.record("u2"), **name).status == 403
    assert api.get("/datos/u2").status == 404


@pytest.mark.parametrize("data, reason", [
    (b"{", "malformed"), (b"\xff", "malformed"), (b"", "malformed"), ({"id": "x"}, "schema"),
    (datos.record("c1", "other"), "conflict")])
def test_refused_message_is_dead_lettered_then_204(api, data, reason):
    push(api, wrapped(datos.record("c1")))
    before = len(api.topic.letters)
    assert push(api, wrapped(data)).status == 204
    letter = api.topic.letters[before]
    assert letter["attributes"]["datos-error"] == reason
    assert letter["attributes"]["datos-source-message-id"] == "7"
    assert letter["attributes"]["a"] == "b"
    sent = json.dumps(data).encode() if isinstance(data, dict) else data
    assert base64.b64decode(letter.get("data", "")) == sent


def test_not_answered_before_the_dead_letter_is_there(api):
    api.topic.down = True
    answers = []
    t = threading.Thread(target=lambda: answers.append(push(api, wrapped(b"{", messageId="wait")).status))
    t.start()
    t.join(1)
    assert not answers
    api.topic.down = False
    t.join(20)
    assert answers == [204]


@pytest.mark.parametrize("body", [
    {"message": {"data": "!"}, "subscription": OURS}, {"message": {"data": 7}, "subscription": OURS},
    {"message": {"data": "e30=", "attributes": {"a": 1}}, "subscription": OURS}])
def test_what_is_no_envelope_of_pubsub_is_400(api, body):
    assert push(api, body).status == 400


def test_other_subscriptions_are_403(api):
    for other in ("projects/datos-local/subscriptions/x", "projects/x/subscriptions/datos-subscription", "x"):
        assert push(api, wrapped(datos.record("s1"), other)).status == 403
    assert api.get("/datos/s1").status == 404


def test_many_at_once_and_a_large_one(api):
    codes = []

    def work(k):
        for n in range(50):
            codes.append(push(api, wrapped(datos.record(f"m{k}-{n}"))).status)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert codes == [204] * 300
    assert len([i for page in api.walk("?limit=1000") for i in page if i.startswith("m")]) == 300
    large = wrapped(b"x" * 9_000_000)
    before = len(api.topic.letters)
    assert push(api, large).status == 204, "over the body limit of other paths"
    assert api.topic.letters[before]["attributes"]["datos-error"] in ("too_large", "malformed")
    assert api.request("POST", "/pubsub/push", b" " * (16 * 1024 * 1024 + 1)).status == 413


def test_other_methods_are_405(api):
    assert api.get("/pubsub/push").status == 405


# --- its OIDC check ---------------------------------------------------------
def test_only_the_account_of_the_subscription_passes():
    key, stranger = tokens.Key("g1"), tokens.Key("g1")
    issuer = tokens.Issuer(key)
    good = {"iss": "https://accounts.google.com", "aud": "https://here/pubsub/push", "email": ACCOUNT,
            "email_verified": True}
    with pushing(DATOS_PUSH_AUTH="jwt", DATOS_PUSH_AUDIENCE=good["aud"], DATOS_PUSH_SERVICE_ACCOUNT=ACCOUNT,
                 DATOS_PUSH_JWKS_URL=issuer.url) as api:
        def status(token, identity):
            headers = {"Authorization": "Bearer " + token} if token else {}
            return push(api, wrapped(datos.record(identity)), **headers).status
        assert status(key.token(tokens.claims(**good)), "ok") == 204
        assert status(None, "n0") == 401
        assert status(stranger.token(tokens.claims(**good)), "n1") == 401
        for i, (more, code) in enumerate([({"aud": "other"}, 401), ({"iss": "https://evil"}, 401), ({"exp": 1}, 401),
                                          ({"email": "x@y"}, 403), ({"email_verified": False}, 403),
                                          ({"email_verified": "true"}, 403), ({"email": None}, 403)]):
            assert status(key.token(tokens.claims(**{**good, **more})), f"n2-{i}") == code, more
        assert api.ids() == ["ok"]
        assert api.post(datos.record("open")).status == 201, "POST has its own setting"
    issuer.close()


@pytest.mark.parametrize("more, told", [
    ({"DATOS_PUSH_AUDIENCE": ""}, "DATOS_PUSH_AUDIENCE"), ({"DATOS_PUSH_SERVICE_ACCOUNT": ""}, "DATOS_PUSH_SERVICE_ACCOUNT"),
    ({"DATOS_PUSH_AUTH": "none", "DATOS_BIND": "0.0.0.0"}, "loopback")])
def test_incomplete_settings_are_a_start_error(more, told, tmp_path):
    environment = {"DATOS_INGEST": "push", "DATOS_PUSH_AUDIENCE": "a", "DATOS_PUSH_SERVICE_ACCOUNT": ACCOUNT,
                   "PUBSUB_EMULATOR_HOST": "127.0.0.1:9", "DATOS_ALLOW_MIXED": "1", **more}
    done = datos.run(datos.DATOS, "api", "--port", "0", "--store", f"sqlite:{tmp_path}/x.db",
                     environment=environment, seconds=20)
    assert done.returncode in (1, 2) and told in done.stderr.strip().split("\n")[-1]

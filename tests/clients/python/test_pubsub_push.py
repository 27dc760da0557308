# SPDX-License-Identifier: Apache-2.0
"""Push subscriptions: form, tokens, what acknowledges, pace, order, dead
letters, changes while requests are out, faults, metrics."""
import base64
import json
import socket
import threading
import time

import datos
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from endpoint import Endpoint
from google.api_core import exceptions
from google.auth import jwt
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from google.protobuf import duration_pb2
from google.pubsub_v1.types import PushConfig

ACCOUNT = "pusher@datos-local.iam.gserviceaccount.com"
FAMILY = "pubsub_googleapis_com:subscription_"
METHOD = "google.pubsub.v1.Subscriber/Push"


@pytest.fixture
def endpoint():
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def push(google):
    """Makes a topic with a push subscription; both are gone afterwards."""
    names = []

    def make(endpoint, config=None, **more):
        topic = google.topic()
        name = google.subscription(topic, push_config={"push_endpoint": endpoint.url, **(config or {})}, **more)
        names.append(name)
        return topic, name
    yield make
    for name in names:
        try:
            google.subscriber.delete_subscription(subscription=name)
        except exceptions.NotFound:
            pass


def rows(emulator, name, family):
    ident = name.rsplit("/", 1)[1]
    text = datos.request("GET", f"{emulator.console}/metrics").body
    return [r for r in text.splitlines() if r.startswith(FAMILY + family + "{") and f'subscription_id="{ident}"' in r]


def total(emulator, name, family):
    return sum(int(float(r.rsplit(" ", 1)[1])) for r in rows(emulator, name, family))


def backlog(emulator, name):
    """Messages not acknowledged."""
    return total(emulator, name, "num_undelivered_messages")


def wait_answered(emulator, name, n):
    """The emulator knows the outcome of n requests: only then may the clock move."""
    datos.wait_for(lambda: total(emulator, name, "push_request_count") == n, what=f"{n} answers")


def wait_drained(emulator, name, seconds=20):
    datos.wait_for(lambda: backlog(emulator, name) == 0, seconds, f"{name} drained")


# --- form ----------------------------------------------------------------------

def test_envelope(google, emulator, endpoint, push):
    topic, name = push(endpoint, enable_message_ordering=True)
    ident, = google.publish(topic, "hola ñ", key="k", a="1", b="2")
    pushed, = endpoint.wait(1)
    assert pushed.path == "/push"
    assert pushed.headers["Content-Type"] == "application/json"
    assert pushed.headers["User-Agent"].startswith("APIs-Google")
    assert "Authorization" not in pushed.headers
    time_ = pushed.message["publishTime"]
    assert time_.endswith("Z") and "T" in time_
    assert pushed.envelope == {
        "message": {"data": base64.b64encode("hola ñ".encode()).decode(), "attributes": {"a": "1", "b": "2"},
                    "messageId": ident, "message_id": ident, "orderingKey": "k",
                    "publishTime": time_, "publish_time": time_},
        "subscription": name}
    wait_drained(emulator, name)
    assert len(endpoint.got) == 1


def test_no_wrapper(google, emulator, endpoint, push):
    topic, name = push(endpoint, {"no_wrapper": {"write_metadata": True}}, enable_message_ordering=True)
    ident, = google.raw.publish(topic=topic, messages=[{
        "data": b"\x00raw\xff", "ordering_key": "k",
        "attributes": {"colour": "red", "empty": "", "content-type": "text/x-test", "host": "elsewhere",
                       "authorization": "Bearer stolen", "not a name": "x", "line": "a\r\nX-Injected: 1"}}]).message_ids
    pushed, = endpoint.wait(1)
    assert pushed.body == b"\x00raw\xff"
    h = pushed.headers
    assert h["x-goog-pubsub-message-id"] == ident and h["x-goog-pubsub-subscription-name"] == name
    assert h["x-goog-pubsub-ordering-key"] == "k" and h["x-goog-pubsub-publish-time"].endswith("Z")
    assert h["colour"] == "red" and h["empty"] == "" and h["content-type"] == "text/x-test"
    assert h["host"] == f"127.0.0.1:{endpoint.port}" and "authorization" not in h
    assert "not a name" not in h and "line" not in h and "x-injected" not in h
    wait_drained(emulator, name)


def test_no_wrapper_without_metadata_is_the_data_alone(google, emulator, endpoint, push):
    topic, name = push(endpoint, {"no_wrapper": {}})
    google.publish(topic, "alone", colour="red")
    google.publish(topic, "", colour="red")
    pushed = endpoint.wait(2)
    assert sorted(p.body for p in pushed) == [b"", b"alone"]
    for p in pushed:
        assert "content-type" not in p.headers and "colour" not in p.headers
        assert not [n for n in p.headers if n.lower().startswith("x-goog-pubsub")]
    wait_drained(emulator, name)


def test_ten_megabytes(google, emulator, endpoint, push):
    topic, name = push(endpoint)
    text = "x" * 9_999_000
    google.publish(topic, text)
    assert endpoint.wait(1)[0].text == text
    wait_drained(emulator, name)


# --- tokens --------------------------------------------------------------------

def public_keys(emulator):
    """As PEM by id, found by discovery."""
    found = datos.request("GET", emulator.console + "/.well-known/openid-configuration").json()
    keys = datos.request("GET", found["jwks_uri"]).json()["keys"]

    def number(text):
        return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")
    return {k["kid"]: rsa.RSAPublicNumbers(number(k["e"]), number(k["n"])).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo) for k in keys}


@pytest.mark.parametrize("audience", [None, "https://example.test/audience"])
def test_token_is_verified_by_googles_library(google, emulator, endpoint, push, audience):
    token = {"service_account_email": ACCOUNT, **({"audience": audience} if audience else {})}
    topic, name = push(endpoint, {"oidc_token": token})
    google.publish(topic, "a")
    pushed, = endpoint.wait(1)
    kind, bearer = pushed.headers["Authorization"].split(" ")
    assert kind == "Bearer"
    claims = jwt.decode(bearer, certs=public_keys(emulator), audience=audience or endpoint.url)
    assert claims["email"] == ACCOUNT and claims["email_verified"] is True
    assert claims["iss"] == "https://accounts.google.com"
    assert claims["exp"] - claims["iat"] == 3600 and abs(claims["iat"] - time.time()) < 60
    assert claims["sub"] == claims["azp"] and len(claims["sub"]) == 21 and claims["sub"].isdigit()
    certs = emulator.console + "/oauth2/v1/certs"
    assert id_token.verify_token(bearer, Request(), audience or endpoint.url, certs)["email"] == ACCOUNT
    header = jwt.decode_header(bearer)
    assert header["alg"] == "RS256" and header["typ"] == "JWT"
    wait_drained(emulator, name)


def test_token_follows_the_configuration(google, emulator, endpoint, push):
    topic, name = push(endpoint)
    google.publish(topic, "none")
    endpoint.wait(1)
    google.subscriber.modify_push_config(subscription=name, push_config={
        "push_endpoint": endpoint.url, "oidc_token": {"service_account_email": "other@p.iam.gserviceaccount.com"}})
    google.publish(topic, "signed")
    endpoint.wait(2)
    assert "Authorization" not in endpoint.got[0].headers
    claims = jwt.decode(endpoint.got[1].headers["Authorization"][7:], verify=False)
    assert claims["email"] == "other@p.iam.gserviceaccount.com" and claims["aud"] == endpoint.url


# --- what acknowledges ---------------------------------------------------------

@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
def test_success_acknowledges(google, emulator, endpoint, push, status):
    endpoint.answer = status
    topic, name = push(endpoint)
    google.publish(topic, "a")
    endpoint.wait(1)
    wait_drained(emulator, name, 5)
    assert len(endpoint.got) == 1


@pytest.mark.parametrize("answer", [203, 206, (301, {"Location": "/elsewhere"}), 302, 400, 404, 429, 500, 503, None])
def test_all_else_is_pushed_again(google, emulator, endpoint, push, answer):
    endpoint.answer = lambda p: answer if len(endpoint.got) < 3 else 200
    topic, name = push(endpoint)
    google.publish(topic, "a")
    endpoint.wait(3)
    assert {p.path for p in endpoint.got} == {"/push"}  # redirects are not followed
    assert len({p.message["messageId"] for p in endpoint.got}) == 1
    wait_drained(emulator, name)


def test_no_answer_within_the_deadline_is_pushed_again(google, emulator, endpoint, push):
    first = threading.Event()
    endpoint.answer = lambda p: first.wait(60) and None if len(endpoint.got) == 1 else 200
    topic, name = push(endpoint, ack_deadline_seconds=10)
    start = time.monotonic()
    google.publish(topic, "a")
    endpoint.wait(2, 30)
    assert 9.5 < endpoint.got[1].at - start < 20
    wait_drained(emulator, name)
    first.set()


def test_moved_clock_ends_the_wait_for_an_answer(google, emulator, endpoint, push):
    first = threading.Event()
    endpoint.answer = lambda p: first.wait(60) and None if len(endpoint.got) == 1 else 200
    topic, name = push(endpoint, ack_deadline_seconds=600)
    google.publish(topic, "a")
    endpoint.wait(1)
    emulator.advance(700)
    endpoint.wait(2)
    wait_drained(emulator, name)
    first.set()


def test_endpoint_that_is_not_there_yet(google, emulator, endpoint, push):
    port = endpoint.port
    endpoint.close()
    topic, name = push(endpoint)
    google.publish(topic, "early")
    time.sleep(0.3)
    later = Endpoint(port=port)
    try:
        assert later.wait(1)[0].text == "early"
        wait_drained(emulator, name)
    finally:
        later.close()


# --- pace ----------------------------------------------------------------------

def test_backoff_doubles_and_follows_the_clock(google, emulator, endpoint, push):
    endpoint.answer = 500
    topic, name = push(endpoint)
    google.publish(topic, "a")
    got = endpoint.wait(5)
    gaps = [b.at - a.at for a, b in zip(got, got[1:])]
    for gap, least in zip(gaps, (0.1, 0.2, 0.4, 0.8)):
        assert least * 0.9 < gap < least + 2
    emulator.freeze()
    datos.wait_for(lambda: total(emulator, name, "push_request_count") == len(endpoint.got))
    n = len(endpoint.got)
    for _ in range(6):  # never more than a minute
        emulator.advance(61)
        n += 1
        endpoint.wait(n)
        wait_answered(emulator, name, n)
    endpoint.answer = 200
    emulator.freeze(False)
    emulator.advance(61)
    wait_drained(emulator, name)


def test_retry_policy_delays_the_message_and_no_other(google, emulator, endpoint, push):
    endpoint.answer = lambda p: 500 if p.text == "bad" and len(endpoint.got) < 8 else 200
    policy = {"minimum_backoff": duration_pb2.Duration(seconds=60), "maximum_backoff": duration_pb2.Duration(seconds=120)}
    topic, name = push(endpoint, retry_policy=policy)
    google.publish(topic, "bad")
    endpoint.wait(1)
    google.publish(topic, *"abcd")
    endpoint.wait(5)
    assert sorted(endpoint.texts()) == ["a", "b", "bad", "c", "d"]
    wait_answered(emulator, name, 5)
    emulator.freeze()
    emulator.advance(61)
    wait_answered(emulator, name, 6)
    emulator.advance(61)
    time.sleep(0.3)
    assert endpoint.texts().count("bad") == 2, "the second wait is twice the first"
    emulator.advance(61)
    endpoint.wait(7)
    emulator.freeze(False)
    emulator.advance(130)
    wait_drained(emulator, name)


def test_failing_endpoint_is_not_hammered_in_spite_of_a_policy(google, emulator, endpoint, push):
    endpoint.answer = 500
    policy = {"minimum_backoff": duration_pb2.Duration(seconds=1), "maximum_backoff": duration_pb2.Duration(seconds=600)}
    topic, name = push(endpoint, retry_policy=policy)
    google.publish(topic, *[str(i) for i in range(500)])
    endpoint.wait(1)
    time.sleep(2)
    assert len(endpoint.got) < 20
    endpoint.answer = 200
    datos.wait_for(lambda: emulator.advance(60) or backlog(emulator, name) == 0, 30)
    assert len(set(endpoint.texts())) == 500


def test_window_begins_small_and_opens(google, emulator, endpoint, push):
    go = threading.Event()
    endpoint.answer = lambda p: 200 if go.wait(20) else None
    topic, name = push(endpoint)
    google.publish(topic, *[str(i) for i in range(400)])
    endpoint.wait(1)
    time.sleep(0.3)
    assert 1 <= len(endpoint.got) <= 9, "a single-digit window at first"
    go.set()
    endpoint.wait(400)
    assert sorted(endpoint.texts(), key=int) == [str(i) for i in range(400)]
    wait_drained(emulator, name)
    endpoint.answer = lambda p: time.sleep(0.2) or 200
    endpoint.most = 0
    google.publish(topic, *[str(i) for i in range(200)])
    endpoint.wait(600)
    assert endpoint.most > 40
    wait_drained(emulator, name)


# --- order, dead letters, filters -----------------------------------------------

def test_one_message_of_a_key_at_a_time_in_order(google, emulator, endpoint, push):
    out, seen, overlap = {}, {}, []

    def answer(p):
        key = p.message["orderingKey"]
        with endpoint.lock:
            overlap.extend([key] if out.get(key) else [])
            out[key] = True
        time.sleep(0.002)
        with endpoint.lock:
            out[key] = False
        if p.text == "3" and key == "k0" and p.message["messageId"] not in seen:
            seen[p.message["messageId"]] = True
            return 500
        return 200
    endpoint.answer = answer
    topic, name = push(endpoint, enable_message_ordering=True)
    for i in range(10):
        for key in ("k0", "k1", "k2"):
            google.publish(topic, str(i), key=key)
    wait_drained(emulator, name)
    assert not overlap
    for key in ("k0", "k1", "k2"):
        texts = [p.text for p in endpoint.got if p.message["orderingKey"] == key]
        again = ["3"] if key == "k0" else []
        assert texts == [*"0123", *again, *"456789"]


def test_worn_out_message_is_dead_lettered(google, emulator, endpoint, push):
    endpoint.answer = lambda p: 400 if p.text == "poison" else 200
    letters = google.topic()
    grave = google.subscription(letters)
    topic, name = push(endpoint, dead_letter_policy={"dead_letter_topic": letters, "max_delivery_attempts": 5})
    google.publish(topic, "poison", "good")
    wait_drained(emulator, name)
    attempts = [p.envelope["deliveryAttempt"] for p in endpoint.got if p.text == "poison"]
    assert attempts == [1, 2, 3, 4, 5]
    assert [p.envelope["deliveryAttempt"] for p in endpoint.got if p.text == "good"] == [1]
    letter, = google.pull(grave)
    assert letter.message.data == b"poison"
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


def test_filter_applies(google, emulator, endpoint, push):
    topic, name = push(endpoint, filter='attributes.c = "red"')
    google.publish(topic, "no", c="blue")
    google.publish(topic, "yes", c="red")
    wait_drained(emulator, name)
    assert endpoint.texts() == ["yes"]


def test_transforms_run_before_a_push(google, emulator, endpoint, push):
    code = """function f(message, metadata) {
        if (message.data === "drop") return null;
        message.data = message.data.toUpperCase(); message.attributes["seen"] = "yes"; return message; }"""
    topic, name = push(endpoint, message_transforms=[{"javascript_udf": {"function_name": "f", "code": code}}])
    google.publish(topic, "drop", "keep")
    wait_drained(emulator, name)
    assert endpoint.texts() == ["KEEP"] and endpoint.got[0].message["attributes"] == {"seen": "yes"}


# --- changes -------------------------------------------------------------------

def test_between_pull_and_push(google, emulator, endpoint):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, "kept")
    google.subscriber.modify_push_config(subscription=name, push_config={"push_endpoint": endpoint.url})
    assert endpoint.wait(1)[0].text == "kept"
    wait_drained(emulator, name)
    shown = google.subscriber.get_subscription(subscription=name).push_config
    assert shown.push_endpoint == endpoint.url and dict(shown.attributes) == {"x-goog-version": "v1"}
    with pytest.raises(exceptions.FailedPrecondition, match="not supported for this subscription type"):
        google.pull(name)
    google.subscriber.modify_push_config(subscription=name, push_config={})
    google.publish(topic, "pulled")
    assert google.texts(name) == ["pulled"]
    assert len(endpoint.got) == 1
    assert google.subscriber.get_subscription(subscription=name).push_config == PushConfig()


def test_update_by_mask(google, emulator, endpoint):
    topic = google.topic()
    name = google.subscription(topic)
    made = google.subscriber.update_subscription(
        subscription={"name": name, "push_config": {"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": True}}},
        update_mask={"paths": ["push_config"]})
    assert made.push_config.push_endpoint == endpoint.url and made.push_config.no_wrapper.write_metadata
    google.publish(topic, "a")
    assert endpoint.wait(1)[0].body == b"a"
    made = google.subscriber.update_subscription(
        subscription={"name": name, "push_config": {}}, update_mask={"paths": ["push_config"]})
    assert made.push_config.push_endpoint == ""
    google.publish(topic, "b")
    assert google.texts(name) == ["b"]


def test_stream_ends_when_the_subscription_begins_to_push(google, endpoint):
    topic = google.topic()
    name = google.subscription(topic)
    future = google.subscriber.subscribe(name, lambda m: m.ack())
    time.sleep(0.3)
    google.subscriber.modify_push_config(subscription=name, push_config={"push_endpoint": endpoint.url})
    with pytest.raises(exceptions.FailedPrecondition):
        future.result(timeout=20)


def test_answer_after_the_switch_still_counts(google, emulator, endpoint, push):
    go = threading.Event()
    endpoint.answer = lambda p: 200 if go.wait(20) else None
    topic, name = push(endpoint)
    google.publish(topic, "a")
    endpoint.wait(1)
    google.subscriber.modify_push_config(subscription=name, push_config={})
    assert google.texts(name) == [], "it is out"
    go.set()
    wait_drained(emulator, name)


@pytest.mark.parametrize("end", ["delete", "detach", "reset"])
def test_requests_out_survive_the_end_of_their_subscription(google, emulator, endpoint, push, end):
    go = threading.Event()
    endpoint.answer = lambda p: 200 if go.wait(20) else None
    topic, name = push(endpoint)
    google.publish(topic, *"abc")
    endpoint.wait(3)
    if end == "delete":
        google.subscriber.delete_subscription(subscription=name)
    elif end == "detach":
        google.publisher.detach_subscription(request={"subscription": name})
    else:
        assert emulator.control("POST", "reset").status == 200
    go.set()
    topic, name = push(endpoint)
    google.publish(topic, "next")
    wait_drained(emulator, name)
    assert endpoint.texts()[-1] == "next"


# --- refused -------------------------------------------------------------------

@pytest.mark.parametrize("config, more, word", [
    ({"push_endpoint": "http://example.com/push"}, {}, "endpoint=http://example.com/push"),
    ({"push_endpoint": "ftp://127.0.0.1/"}, {}, "Invalid push endpoint"),
    ({"push_endpoint": "127.0.0.1:80"}, {}, "Invalid push endpoint"),
    ({"push_endpoint": "http://127.0.0.1.evil.example/"}, {}, "Invalid push endpoint"),
    ({"push_endpoint": "https://user@127.0.0.1/"}, {}, "Invalid push endpoint"),
    ({"push_endpoint": "https:///path"}, {}, "Invalid push endpoint"),
    ({"push_endpoint": "https://a b/"}, {}, "Invalid push endpoint"),
    ({"push_endpoint": "https://x.test/", "oidc_token": {"service_account_email": ""}}, {}, "service_account_email"),
    ({"push_endpoint": "https://x.test/", "attributes": {"x-goog-version": "v9"}}, {}, "x-goog-version=v9"),
    ({"push_endpoint": "https://x.test/", "attributes": {"colour": "red"}}, {}, "colour"),
    ({"push_endpoint": "https://x.test/"}, {"enable_exactly_once_delivery": True}, "Exactly-once"),
    ({"push_endpoint": "https://x.test/"}, {"bigquery_config": {"table": "p.d.t"}}, "only one of"),
    ({"oidc_token": {"service_account_email": ACCOUNT}}, {}, "push_endpoint is not"),
])
def test_configuration_that_cannot_be_carried_out(google, config, more, word):
    topic = google.topic()
    with pytest.raises(exceptions.InvalidArgument, match=word):
        google.subscription(topic, push_config=config, **more)
    if not more and config.get("push_endpoint"):
        name = google.subscription(topic)
        with pytest.raises(exceptions.InvalidArgument, match=word):
            google.subscriber.modify_push_config(subscription=name, push_config=config)


def test_exactly_once_cannot_be_switched_on_while_pushing(google, endpoint, push):
    _, name = push(endpoint)
    with pytest.raises(exceptions.InvalidArgument, match="Exactly-once"):
        google.subscriber.update_subscription(
            subscription={"name": name, "enable_exactly_once_delivery": True},
            update_mask={"paths": ["enable_exactly_once_delivery"]})


def test_lenient_takes_any_http_endpoint(lenient):
    topic = lenient.topic()
    name = lenient.subscription(topic, push_config={"push_endpoint": "http://api.test:8080/push"})
    assert lenient.subscriber.get_subscription(subscription=name).push_config.push_endpoint == "http://api.test:8080/push"
    assert lenient.texts(name) == [], "Google's emulator lets it be pulled too"


# --- faults, metrics, notes ------------------------------------------------------

def test_faults(google, emulator, endpoint, push, faults):
    topic, name = push(endpoint)
    faults({"method": METHOD, "match": name, "http_status": 503, "count": 2})
    google.publish(topic, "error")
    wait_drained(emulator, name)
    assert endpoint.texts() == ["error"], "it was not sent while it failed"
    faults({"method": "Push", "match": name, "action": "duplicate", "count": 1})
    google.publish(topic, "twice")
    wait_drained(emulator, name)
    assert endpoint.texts() == ["error", "twice", "twice"]
    faults({"method": "Push", "match": name, "action": "reset", "count": 1})
    google.publish(topic, "cut")
    wait_drained(emulator, name)
    assert endpoint.texts()[3:] == ["cut", "cut"], "it came, and came again"
    faults({"method": "Push", "match": name, "action": "delay", "latency_ms": 300, "count": 1})
    start = time.monotonic()
    google.publish(topic, "late")
    endpoint.wait(6)
    assert time.monotonic() - start > 0.3
    wait_drained(emulator, name)
    faults({"method": "Push", "match": name, "action": "drop", "count": 1})
    google.publish(topic, "dropped")
    time.sleep(0.2)
    assert len(endpoint.got) == 6
    emulator.advance(20)
    emulator.advance(61)
    wait_drained(emulator, name)


@pytest.fixture
def blackholes():
    """64 endpoints that take connections and never say a word."""
    made = []
    for _ in range(64):
        s = socket.create_server(("127.0.0.1", 0), backlog=256)
        made.append(s)
    yield [f"http://127.0.0.1:{s.getsockname()[1]}/" for s in made]
    for s in made:
        s.close()


def test_dead_endpoints_delay_no_other(google, emulator, endpoint, push, blackholes):
    topic, live = push(endpoint, ack_deadline_seconds=600)
    names = [google.subscription(topic, ack_deadline_seconds=600,
                                 push_config={"push_endpoint": f"{url}{i}"})
             for url in blackholes for i in range(3)]
    try:
        sent = [f"{i}" for i in range(40)]
        for text in sent: # all wait for answers from the first few on
            google.publish(topic, text)
        began = time.monotonic()
        datos.wait_for(lambda: len(endpoint.got) == len(sent), 30, what="the live one's messages")
        wait_drained(emulator, live)
        assert time.monotonic() - began < 30
        assert sorted(p.text for p in endpoint.got) == sorted(sent)
        # and they do have their requests out, more than there once was room for
        out = sum(total(emulator, n, "num_outstanding_messages") for n in names[::16]) * 16
        assert out == 4 * len(names) > 512
    finally:
        for name in names:
            google.subscriber.delete_subscription(subscription=name)


def test_metrics_and_notes(google, emulator, endpoint, push):
    endpoint.answer = lambda p: 503 if len(endpoint.got) == 1 else 404 if len(endpoint.got) == 2 else 201
    topic, name = push(endpoint)
    google.publish(topic, "a")
    wait_drained(emulator, name)
    counts = rows(emulator, name, "push_request_count")
    for code, kind in ((201, "ack"), (503, "remote_server_5xx"), (404, "remote_server_4xx")):
        assert [r for r in counts if f'response_class="{kind}",response_code="{code}"' in r and r.endswith("} 1")]
    assert total(emulator, name, "push_request_latencies_count") == 3
    notes = emulator.control("GET", "requests?limit=1000").json()["requests"]
    ours = [n for n in notes if n["resource"] == name and n["method"] == METHOD]
    assert [n.get("http_status") for n in ours] == [503, 404, 201], json.dumps(ours)

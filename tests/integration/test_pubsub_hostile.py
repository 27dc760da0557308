# SPDX-License-Identifier: Apache-2.0
"""Clients that mean no good, or are broken, or just many: memory stays bounded,
others are served, nothing ends the process."""
import random
import socket
import struct
import time

import datos
import h2raw
import pytest
from emulator import PROJECT, Emulator, is_quiet
from h2raw import message, number_field, text_field

PUBLISHER, SUBSCRIBER = "/google.pubsub.v1.Publisher/", "/google.pubsub.v1.Subscriber/"
TOPIC = f"projects/{PROJECT}/topics/hostile-topic"
NAME = f"projects/{PROJECT}/subscriptions/hostile-sub"
METHODS = [PUBLISHER + m for m in ("Publish", "CreateTopic", "UpdateTopic", "ListTopics")] + \
    [SUBSCRIBER + m for m in ("Pull", "Acknowledge", "ModifyAckDeadline", "StreamingPull",
                              "CreateSubscription", "Seek", "CreateSnapshot")]
MB = 1 << 20


@pytest.fixture
def emulator():
    e = Emulator("--memory", "--log", "warn")
    assert e.rest("PUT", "topics/hostile-topic", {}).status == 200
    assert e.rest("PUT", "subscriptions/hostile-sub", {"topic": TOPIC}).status == 200
    yield e
    is_served(e)
    assert e.stop() == 0, e.log()


def is_served(e):
    answer = e.rest("GET", "topics/hostile-topic", seconds=10)
    assert answer.status == 200, answer.body


def publish_bytes(*data):
    return text_field(1, TOPIC) + b"".join(text_field(2, text_field(1, d)) for d in data)


def first_frame(**more):
    return text_field(1, NAME) + number_field(5, 10) + b"".join(
        number_field(n, v) for n, v in more.items())


# --- broken messages ---------------------------------------------------------------

@pytest.mark.parametrize("path", METHODS)
def test_bytes_that_are_no_protobuf(emulator, path):
    dice = random.Random(7)
    c = h2raw.Connection(emulator.pubsub)
    for i in range(60):
        junk = [b"\xff" * 20, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05abc", b"\x0b", b"\x0a\x01\xff",
                bytes(dice.randrange(256) for _ in range(i))][i % 6]
        body, trailers = c.answer(c.open(path, message(junk), end=True))
        assert trailers is not None or body == b""
    c.ping()
    c.close()


def test_strings_that_no_client_could_read_are_refused(emulator):
    """A NUL would cut a name, and one list of resources with a string that is
    not UTF-8 could be decoded by nobody."""
    def resources():
        return [emulator.rest("GET", kind).json() for kind in ("topics", "subscriptions")]
    before = resources()
    c = h2raw.Connection(emulator.pubsub)
    for path, request in (
            (PUBLISHER + "DeleteTopic", text_field(1, TOPIC + "\0bad")),
            (PUBLISHER + "CreateTopic", text_field(1, f"projects/{PROJECT}/topics/cut\0bad")),
            (PUBLISHER + "CreateTopic", text_field(1, f"projects/{PROJECT}/topics/labelled") +
             text_field(2, text_field(1, "a") + text_field(2, b"b\0c"))),
            (SUBSCRIBER + "CreateSubscription", text_field(1, NAME + "2") + text_field(2, TOPIC) +
             text_field(4, text_field(1, b"http://127.0.0.1:9/\xff"))),
            (SUBSCRIBER + "CreateSubscription", text_field(1, NAME + "3") + text_field(2, TOPIC) +
             text_field(12, b"attributes:a\0b"))):
        body, trailers = c.answer(c.open(path, message(request), end=True))
        assert body == b"" and trailers, path
    c.close()
    assert resources() == before


@pytest.mark.parametrize("payload", [
    b"\x00\xff\xff\xff\xff", b"\x02\x00\x00\x00\x00", b"\x01\x00\x00\x00\x04junk", b"\x00\x00",
    message(b"", 1), message(b"") * 3, b"", struct.pack(">BI", 0, 21 * MB)])
def test_broken_framing(emulator, payload):
    c = h2raw.Connection(emulator.pubsub)
    for path in METHODS:
        c.answer(c.open(path, payload, end=True))
    c.ping()
    c.close()


@pytest.mark.parametrize("first", [
    b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 9000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"POST /v1/x HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 99999999999\r\n\r\n", b"\r\n" * 9000])
def test_broken_connections(emulator, first):
    host, port = emulator.pubsub.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as s:
        s.sendall(first)
        s.shutdown(socket.SHUT_WR)
        try:
            while s.recv(65536):
                pass
        except ConnectionError:
            pass


# --- floods ------------------------------------------------------------------------

def flood(c, frames, times):
    """Sends until the server takes no more, or closes."""
    c.sock.settimeout(1)
    sent = 0
    try:
        for _ in range(times):
            c.sock.sendall(frames)
            sent += len(frames)
    except OSError:
        pass
    return sent


def test_pings_of_a_stream_that_is_never_read(emulator):
    before = emulator.memory()
    c = h2raw.Connection(emulator.pubsub, window=0)
    stream = c.open(SUBSCRIBER + "StreamingPull", message(first_frame()))
    sent = c.flood(stream, message(b""), 20 * MB)
    assert 32 * 1024 < sent < 8 * MB  # four million pings: it stopped hearing us
    is_served(emulator)
    assert emulator.memory() - before < 30 * MB
    c.close()


def test_confirmations_that_are_never_read(emulator):
    assert emulator.rest("PATCH", "subscriptions/hostile-sub", {
        "subscription": {"enableExactlyOnceDelivery": True},
        "updateMask": "enableExactlyOnceDelivery"}).status == 200
    before = emulator.memory()
    c = h2raw.Connection(emulator.pubsub, window=0)
    stream = c.open(SUBSCRIBER + "StreamingPull", message(first_frame()))
    acks = message(b"".join(text_field(2, "x" * 32) for _ in range(100)))
    assert 32 * 1024 < c.flood(stream, acks, 200 * MB) < 20 * MB
    is_served(emulator)
    assert emulator.memory() - before < 60 * MB
    c.close()


@pytest.mark.parametrize("kind,payload", [
    (h2raw.PING, b"12345678"), (h2raw.SETTINGS, b"\x00\x04\x00\x01\x00\x00" * 50)])
def test_control_frames_without_end(emulator, kind, payload):
    before = emulator.memory()
    c = h2raw.Connection(emulator.pubsub)
    flood(c, c.frame(kind, 0, 0, payload) * 1000, 300)
    is_served(emulator)
    assert emulator.memory() - before < 30 * MB
    c.close()


@pytest.mark.parametrize("port", ["pubsub", "bigquery", "console"])
def test_heads_that_are_too_large(emulator, port):
    address = getattr(emulator, port).removeprefix("http://")
    for size in (16384, 1 << 16, 1 << 20):
        with socket.create_connection(address.split(":"), timeout=10) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 16340)
            try:
                s.sendall(b"x" * (size - 16340) + b"\r\n\r\n")
            except ConnectionError:
                pass  # answered already
            assert s.recv(4096).startswith(b"HTTP/1.1 431 "), size
    c = h2raw.Connection(address, timeout=10)
    stream = c.open("/", x="y" * 16200)
    while (got := c.receive())[:3] != (h2raw.HEADERS, 4, stream) and got[2] != stream:
        pass
    assert b"431" in got[3] or b"\x48\x82\x68\x1f" in got[3], got  # plain, or by Huffman's code
    c.close()


def test_pings_between_answers_are_honest(emulator):
    c = h2raw.Connection(emulator.pubsub, wide=True)
    for _ in range(1500):  # as clients do that measure the line
        c.answer(c.open(PUBLISHER + "ListTopics", message(text_field(1, f"projects/{PROJECT}")), end=True))
        c.ping()
    c.close()


def test_empty_data_frames_without_end(emulator):
    c = h2raw.Connection(emulator.pubsub, timeout=5)
    stream, head = c.head(SUBSCRIBER + "StreamingPull")
    c.send(head, c.data(stream, message(first_frame())))
    flood(c, c.frame(h2raw.DATA, 0, stream, b"") * 1000, 20)
    try:
        while (got := c.receive()) and got[0] != h2raw.GOAWAY:
            pass
        assert got and got[3][4:8] == struct.pack(">I", 11), got  # ENHANCE_YOUR_CALM
    except ConnectionError:
        pass  # cut already: its last word was lost with it
    is_served(emulator)
    c.close()


@pytest.mark.parametrize("rule", [
    {"action": "error", "code": "UNAVAILABLE"}, {"action": "reset"}, {"action": "drop"},
    {"action": "delay", "latency_ms": 50}, {"action": "duplicate"}])
def test_faulted_streams(emulator, rule):
    rules = {"rules": [{"service": "pubsub", "method": "StreamingPull", **rule}]}
    assert emulator.control("PUT", "faults", rules).status == 200
    for half_closed in (False, True):
        for _ in range(20):
            c = h2raw.Connection(emulator.pubsub, timeout=0.2)
            stream = c.open(SUBSCRIBER + "StreamingPull", message(first_frame()), end=half_closed)
            try:
                c.answer(stream)
            except (OSError, AssertionError):
                pass  # cut, or silent: as the rule says
            c.close()
    is_served(emulator)


@pytest.mark.parametrize("rule, told", [
    ({"method": "Publsh"}, "google.pubsub.v1.Publisher/Publish of pubsub"),
    ({"method": "tabledata.insertAl"}, "tabledata.insertAll of bigquery"),
    ({"service": "bigquery", "method": "Publish"}, " of bigquery"), ({"service": "nope"}, "pubsub and bigquery"),
    ({"method": "CreateTopic", "action": "duplicate"}, "rules[0].action: duplicate is for Publish, Pull, "),
    ({"service": "bigquery", "method": "jobs.*", "action": "duplicate"}, "tabledata.insertAll"),
    ({"action": "reset", "code": "ABORTED"}, "rules[0].code: only an error has one"),
    ({"match": "["}, "rules[0].match: '[' fits no resource")])
def test_fault_rules_that_can_fit_nothing(emulator, rule, told):
    answer = emulator.control("PUT", "faults", {"rules": [rule]})
    assert answer.status == 400 and told in answer.body, answer.body
    for method in ("Publish", "Publisher/Publish", "*", "google.pubsub.v1.*", "Push", "jobs.*", "StreamingPull"):
        assert emulator.control("PUT", "faults", {"rules": [{"method": method, "count": 0}]}).status == 200, method


@pytest.mark.parametrize("method, path, body, status, told", [
    ("POST", "reset?bogus=pubsub", None, 400, "no parameter 'bogus'"),
    ("POST", "reset", {"service": "pubsub"}, 400, "reset takes no body"),
    ("POST", "reset?service", None, 404, "no service ''"), ("POST", "reset?service=", None, 404, "no service ''"),
    ("POST", "save", {"bogus": 1}, 400, "no member 'bogus'"), ("POST", "save?path=a", None, 400, "no parameter 'path'"),
    ("POST", "load", {"path": "a", "bogus": 1}, 400, "no member 'bogus'"),
    ("POST", "load?path=a", {"path": "a"}, 400, "no parameter 'path'"),
    ("GET", "requests?bogus=x", None, 400, "no parameter 'bogus'")])
def test_what_the_control_api_does_not_know_does_nothing(emulator, method, path, body, status, told):
    answer = emulator.control(method, path, body)
    assert answer.status == status and told in answer.body, answer.body


def test_pages_of_other_sites_reach_nothing(emulator):
    for origin, status in (("https://evil.example", 403), ("null", 403), ("http://localhost:3000", 200)):
        answer = datos.request("GET", f"http://{emulator.pubsub}/v1/projects/datos-local/topics",
                               headers={"Origin": origin})
        assert answer.status == status, origin


def test_streams_opened_and_reset_at_once(emulator):
    before = emulator.memory()
    c = h2raw.Connection(emulator.pubsub)
    c.sock.settimeout(2)
    try:
        for _ in range(5000):
            stream, head = c.head(SUBSCRIBER + "StreamingPull")
            c.send(head, c.data(stream, message(first_frame())),
                   c.frame(h2raw.RST_STREAM, 0, stream, struct.pack(">I", 8)))
    except OSError:
        pass  # it may have had enough of us
    is_served(emulator)
    assert emulator.memory() - before < 30 * MB
    c.close()


def test_large_requests_that_never_end(emulator):
    before = emulator.memory()
    connections = []
    part = struct.pack(">BI", 0, 9 * MB) + publish_bytes(b"x" * 4 * MB)
    for _ in range(100):
        c = h2raw.Connection(emulator.pubsub, timeout=0.5)
        connections.append(c)
        try:
            c.open(PUBLISHER + "Publish", part)
        except OSError:
            pass
    is_served(emulator)
    assert emulator.memory() - before < 600 * MB
    for c in connections:
        c.close()
    datos.wait_for(lambda: emulator.memory() - before < 100 * MB)


def test_readers_that_do_not_read(emulator):
    payload = {"messages": [{"data": "x" * 40000} for _ in range(100)]}
    for _ in range(10):
        assert emulator.rest("POST", "topics/hostile-topic:publish", payload).status == 200
    before = emulator.memory()
    connections = []
    for i in range(100):
        name = f"slow-{i}"
        assert emulator.rest("PUT", f"subscriptions/{name}", {"topic": TOPIC}).status == 200
    for _ in range(2):
        assert emulator.rest("POST", "topics/hostile-topic:publish", payload).status == 200
    published = emulator.memory()
    for i in range(100):
        c = h2raw.Connection(emulator.pubsub, window=0)
        c.open(SUBSCRIBER + "StreamingPull", message(
            text_field(1, f"projects/{PROJECT}/subscriptions/slow-{i}") + number_field(5, 10)))
        c.ping()
        connections.append(c)
    is_served(emulator)
    # about one answer waits for each of them, not the backlog
    assert emulator.memory() - published < 100 * 3 * MB
    assert published - before < 40 * MB
    for c in connections:
        c.close()


# --- many --------------------------------------------------------------------------

def test_thousands_of_streams(emulator):
    n, each = 30, 100
    connections = []
    for _ in range(n):
        c = h2raw.Connection(emulator.pubsub, window=65535)
        for _ in range(each):
            c.open(SUBSCRIBER + "StreamingPull", message(first_frame()))
        c.ping()
        connections.append(c)
    assert emulator.memory() < 120 * MB
    assert is_quiet(emulator) < 0.03
    # one message for each: all are alike
    sent = n * each
    for i in range(0, sent, 1000):
        assert emulator.rest("POST", "topics/hostile-topic:publish",
                             {"messages": [{"data": "eA=="}] * 1000}).status == 200
    metric = "pubsub_googleapis_com:subscription_sent_message_count"
    datos.wait_for(lambda: emulator.metric(metric) >= sent, 20)
    for c in connections:
        c.close()
    is_served(emulator)


def test_ten_thousand_subscriptions_idle_at_no_cost():
    e = Emulator("--memory", "--log", "warn")
    c = h2raw.Connection(e.pubsub, wide=True)

    def call(path, body):
        _, trailers = c.answer(c.open(path, message(body), end=True))
        assert trailers is not None
    started = time.monotonic()
    for t in range(1000):
        topic = f"projects/many/topics/topic-{t}"
        call(PUBLISHER + "CreateTopic", text_field(1, topic))
        for s in range(10):
            call(SUBSCRIBER + "CreateSubscription",
                 text_field(1, f"projects/many/subscriptions/sub-{t}-{s}") + text_field(2, topic))
    assert time.monotonic() - started < 60
    listed = datos.request("GET", f"http://{e.pubsub}/v1/projects/many/subscriptions?pageSize=1000")
    assert len(listed.json()["subscriptions"]) == 1000
    assert is_quiet(e, 2) < 0.01
    assert e.memory() < 100 * MB
    c.close()
    assert e.stop() == 0

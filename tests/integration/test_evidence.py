# SPDX-License-Identifier: Apache-2.0
"""The reference system's own evidence, on real parts."""
import base64
import json
import time

import datos
import pytest


def test_health_is_exactly_ok(system):
    answer = system.get("/health")
    assert (answer.status, answer.body) == (200, '{"status":"ok"}')


def test_published_message_is_shown_in_the_exact_form(system):
    sent = {"id": "789", "contenido": "Prueba automática", "timestamp": "2024-01-14T14:00:00Z"}
    answer = system.publish(sent)
    assert answer.status == 200 and len(answer.json()["messageIds"]) == 1
    datos.wait_for(lambda: "789" in system.ids())
    answer = system.get("/datos?id=789")
    assert answer.body == ('{"datos":[{"id":"789","contenido":"Prueba automática",'
                           '"timestamp":"2024-01-14T14:00:00+00:00"}]}')


@pytest.mark.parametrize("name", ["googclient_traceparent", "traceparent"])
def test_trace_of_a_publisher_ends_where_its_row_appears(system, name):
    trace = "4bf92f3577b34da6a3ce929d0e0e47" + ("36" if name.startswith("goog") else "37")
    for flags, ident in (("01", f"traced-{name}"), ("00", f"untraced-{name}")):
        data = base64.b64encode(json.dumps(datos.record(ident)).encode()).decode()
        answer = system.pubsub("POST", "topics/datos-topic:publish", {"messages": [{
            "data": data, "attributes": {name: f"00-{trace}-00f067aa0ba902b7-{flags}"}}]})
        assert answer.status == 200, answer.body
        datos.wait_for(lambda ident=ident: ident in system.ids())
    lines = datos.wait_for(lambda: [line for line in system.log().split("\n") if trace in line])
    assert len(lines) == 1, "who samples nothing is told nothing"
    told = json.loads(lines[0])
    assert told["logging.googleapis.com/trace"] == f"projects/{datos.PROJECT}/traces/{trace}"
    assert told["logging.googleapis.com/spanId"] == "00f067aa0ba902b7" and "stored and visible" in told["message"]


def test_trace_of_a_message_that_becomes_no_row_ends_too(system):
    def publish(trace, record):
        data = base64.b64encode(json.dumps(record).encode()).decode()
        assert system.pubsub("POST", "topics/datos-topic:publish", {"messages": [{
            "data": data, "attributes": {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}}]}).status == 200

    def told(trace, what):
        return datos.wait_for(lambda: [line for line in system.log().split("\n") if trace in line and what in line])
    repeat, refused = "5bf92f3577b34da6a3ce929d0e0e4741", "5bf92f3577b34da6a3ce929d0e0e4742"
    publish(repeat, datos.record("again"))
    told(repeat, "stored and visible")
    publish(repeat, datos.record("again"))
    told(repeat, "a repeat of what is visible")
    publish(refused, {"id": "no timestamp"})
    line = json.loads(told(refused, "is refused (schema)")[0])
    assert line["severity"] == "WARNING"
    assert line["logging.googleapis.com/trace"] == f"projects/{datos.PROJECT}/traces/{refused}"
    assert len(system.dead_letters()) == 1


def test_datos_publish_reaches_the_table(system):
    environment = {"PUBSUB_EMULATOR_HOST": system.ready["pubsub"]}
    done = datos.run(datos.DATOS, "publish", "--id", "cli-1", "--contenido", "desde la línea",
                     "--timestamp", "2025-01-14T12:00:00Z", environment=environment)
    assert done.returncode == 0, done.stderr
    datos.wait_for(lambda: "cli-1" in system.ids())
    row = system.rows("?id=cli-1")[0]
    assert row == {"id": "cli-1", "contenido": "desde la línea",
                   "timestamp": "2025-01-14T12:00:00+00:00"}


def test_datos_publish_reads_lines_and_generates(system):
    environment = {"PUBSUB_EMULATOR_HOST": system.ready["pubsub"]}
    lines = "".join(json.dumps(datos.record(f"line-{i}")) + "\n" for i in range(50))
    done = datos.run(datos.DATOS, "publish", stdin=lines, environment=environment)
    assert done.returncode == 0, done.stderr
    done = datos.run(datos.DATOS, "publish", "--count", "30", environment=environment)
    assert done.returncode == 0, done.stderr
    datos.wait_for(lambda: len([i for i in system.ids() if i.startswith("line-")]) == 50)


def test_datos_publish_fails_when_nobody_answers():
    done = datos.run(datos.DATOS, "publish", "--id", "x", "--contenido", "x",
                     environment={"PUBSUB_EMULATOR_HOST": "127.0.0.1:9"})
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr


def test_post_stores_and_shows(system):
    body = {"id": "post-1", "contenido": None, "timestamp": "2025-02-01T00:00:00.5+01:00"}
    shown = '{"id":"post-1","contenido":null,"timestamp":"2025-01-31T23:00:00.500000+00:00"}'
    answer = system.post(body)
    assert (answer.status, answer.body) == (201, shown)
    assert answer.headers["Location"] == "/datos/post-1"
    assert system.get("/datos?id=post-1").body == '{"datos":[' + shown + "]}"
    assert system.post(body).status == 200
    assert system.post({**body, "contenido": "other"}).status == 409


@pytest.mark.parametrize("body, status", [
    ("{", 400),
    ("", 400),
    ('{"id":"a","id":"b","timestamp":"2025-01-14T10:00:00Z"}', 400),
    ('"text"', 422),
    ('{"id":"bad","contenido":"x"}', 422),
    ('{"id":"bad","timestamp":"yesterday"}', 422),
    ('{"id":"bad","timestamp":"2025-01-14T10:00:00Z","more":1}', 422),
    ('{"id":7,"timestamp":"2025-01-14T10:00:00Z"}', 422),
    ('{"id":"bad","timestamp":"1900-01-14T10:00:00Z"}', 422),
])
def test_malformed_post_is_refused_and_reaches_no_table(system, body, status):
    answer = system.post(body)
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert "bad" not in system.ids()


def test_malformed_message_is_dead_lettered_with_its_reason(system):
    refused = {
        b"{": "malformed",
        b'{"id":"dl-1","contenido":"x"}': "schema",
        b'{"id":"dl-2","timestamp":"2025-13-14T10:00:00Z"}': "schema",
        b"\xff\xfe": "malformed",
    }
    assert system.publish(*refused).status == 200
    letters = system.dead_letters(len(refused))
    import base64
    told = {base64.b64decode(m["data"]): m["attributes"]["datos-error"] for m in letters}
    assert told == refused
    for letter in letters:
        assert letter["attributes"]["datos-error-detail"]
        assert letter["attributes"]["datos-source-message-id"]
    assert not [i for i in system.ids() if i.startswith("dl-")]


def test_conflicting_message_is_dead_lettered_and_the_first_stands(system):
    system.publish(datos.record("twice", "first"))
    datos.wait_for(lambda: "twice" in system.ids())
    system.publish(datos.record("twice", "second"))
    letter = system.dead_letters(1)[0]
    assert letter["attributes"]["datos-error"] == "conflict"
    assert system.rows("?id=twice")[0]["contenido"] == "first"


def test_repeated_message_is_stored_once(system):
    for _ in range(3):
        system.publish(datos.record("again"), datos.record("again"))
    datos.wait_for(lambda: "again" in system.ids())
    system.publish(datos.record("again-end"))
    datos.wait_for(lambda: "again-end" in system.ids())
    assert system.ids().count("again") == 1


def test_newest_ten_come_first(system):
    for i in range(12):
        system.post(datos.record(f"order-{i:02}", timestamp=datos.from_now(60 + i)))
    rows = system.rows()
    assert [r["id"] for r in rows] == [f"order-{i:02}" for i in range(11, 1, -1)]


def test_published_row_is_visible_soon(system):
    took = []
    for i in range(20):
        started = time.monotonic()
        system.publish(datos.record(f"soon-{i}", timestamp=datos.from_now(120 + i)))
        datos.wait_for(lambda i=i: system.rows("?limit=1")[0]["id"] == f"soon-{i}")
        took.append(time.monotonic() - started)
    # make bench measures; here only that nothing waits for a timer
    assert sorted(took)[len(took) // 2] < 0.5, took


def test_metrics_tell_of_what_happened(system):
    text = system.get("/metrics").body
    assert "datos_http_request_duration_seconds_bucket" in text
    ingest = datos.request("GET", system.ready["ingest"] + "/metrics").body
    stored = [line for line in ingest.split("\n")
              if line.startswith("datos_ingest_messages_total") and 'outcome="stored"' in line]
    assert stored and float(stored[0].rsplit(" ", 1)[1]) > 0

# SPDX-License-Identifier: Apache-2.0
"""Message transforms by the official Python client: on topics before a message
is kept, on subscriptions before it is delivered."""
import base64
import json
import os
import signal
import threading
import time

import datos
import pytest
from endpoint import Endpoint
from google.api_core import exceptions
from google.protobuf import field_mask_pb2
from google.pubsub_v1.types import (Encoding, JavaScriptUDF, MessageTransform, Schema, Subscription,
                                    Topic)


def udf(code, name="f", **more):
    return MessageTransform(javascript_udf=JavaScriptUDF(function_name=name, code=code), **more)


UPPER = udf("function f(m) { m.data = m.data.toUpperCase(); return m; }")
# what a message says is what becomes of it
OBEY = udf("""
function f(message, metadata) {
  if (message.data === 'drop') return null;
  if (message.data.indexOf('bad') === 0) throw new Error('as it says');
  while (message.data === 'loop') ;
  return {data: '<' + message.data + '>',
          attributes: {id: metadata.message_id, at: metadata.publish_time,
                       key: metadata.ordering_key || ''}};
}""")


def wait_for(ask, seconds=20):
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.02)


def received(google, subscription, n):
    """`n` messages, acknowledged."""
    found = []

    def more():
        got = google.pull(subscription, n - len(found), at_once=True)
        if got:
            google.ack(subscription, *got)
        found.extend(got)
        return len(found) >= n
    assert wait_for(more), [m.message.data for m in found]
    return found


def datas(messages):
    return [m.message.data.decode() for m in messages]


# --- topics ----------------------------------------------------------------------

def test_topic_keeps_what_its_transform_makes(google):
    topic = google.topic(message_transforms=[OBEY])
    subscription = google.subscription(topic)
    ids = google.publish(topic, "a", "drop", "b", "drop", key="k", gone="x")
    assert len(set(ids)) == 4
    got = received(google, subscription, 2)
    assert datas(got) == ["<a>", "<b>"]
    for message, ident in zip(got, (ids[0], ids[2])):
        assert message.message.message_id == ident
        assert message.message.ordering_key == "k"
        attributes = dict(message.message.attributes)
        assert attributes["id"] == ident and attributes["key"] == "k"
        assert time.strptime(attributes["at"], "%Y-%m-%dT%H:%M:%SZ")
        assert "gone" not in attributes
    google.drained(subscription)


def test_publish_fails_whole_where_the_transform_fails(google):
    topic = google.topic(message_transforms=[OBEY])
    subscription = google.subscription(topic)
    with pytest.raises(exceptions.InvalidArgument, match="message 1 .*as it says"):
        google.publish(topic, "a", "bad")
    with pytest.raises(exceptions.InvalidArgument, match="500 ms"):
        google.publish(topic, "loop")
    with pytest.raises(exceptions.InvalidArgument, match="UTF-8"):
        google.raw.publish(topic=topic, messages=[{"data": b"\xff"}])
    google.publish(topic, "after")
    assert datas(received(google, subscription, 1)) == ["<after>"]
    google.drained(subscription)


def test_results_obey_the_limits_of_messages(google):
    topic = google.topic(message_transforms=[udf(
        "function f(m) { return {data: '', attributes: JSON.parse(m.data)}; }")])
    for attributes, why in (({}, "empty"), ({"goog-x": "1"}, "goog"), ({"a" * 257: ""}, "key size"),
                            ({"a": "b" * 1025}, "value size"),
                            ({str(i): "" for i in range(101)}, "count")):
        with pytest.raises(exceptions.InvalidArgument, match=why):
            google.publish(topic, json.dumps(attributes))


def test_schema_checks_what_the_transform_makes(google):
    from google.cloud import pubsub_v1
    schemas = pubsub_v1.SchemaServiceClient()
    schema = schemas.create_schema(
        parent=f"projects/{google.project}", schema_id="transformed",
        schema={"type_": Schema.Type.AVRO, "definition": json.dumps(
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]})})
    topic = google.topic(
        schema_settings={"schema": schema.name, "encoding": Encoding.JSON},
        message_transforms=[udf("function f(m) { return {data: JSON.stringify({a: m.data})}; }")])
    subscription = google.subscription(topic)
    google.publish(topic, "plain")
    got = received(google, subscription, 1)
    assert datas(got) == ['{"a":"plain"}']
    assert got[0].message.attributes["googclient_schemaencoding"] == "JSON"


def test_other_topics_do_not_wait_for_one_that_hangs(google):
    slow = google.topic(message_transforms=[udf("function f(m) { for (;;) ; }")])
    quick = google.topic(message_transforms=[UPPER])
    failed = []

    def publish():
        try:
            google.publish(slow, "a")
        except exceptions.InvalidArgument as e:
            failed.append(e)
    thread = threading.Thread(target=publish)
    thread.start()
    for _ in range(5):
        google.publish(quick, "b")
        google.raw.get_topic(topic=slow)
    assert thread.is_alive()  # half a second of processor time is long
    thread.join()
    assert failed


def test_nobody_waits_while_code_is_tried(google):
    refused = []

    def make():
        try:
            google.topic(message_transforms=[udf("for (;;) ;")])
        except exceptions.InvalidArgument as e:
            refused.append(e)
    thread = threading.Thread(target=make)
    thread.start()
    topic = google.topic(message_transforms=[UPPER])
    for _ in range(20):
        google.publish(topic, "b")
    assert thread.is_alive()
    thread.join()
    assert refused


def test_killed_processes_cost_nothing(google, emulator):
    topic = google.topic(message_transforms=[UPPER])
    subscription = google.subscription(topic, message_transforms=[OBEY])
    with open(f"/proc/{emulator.process.pid}/task/{emulator.process.pid}/children",
              encoding="ascii") as children:
        sent = []
        for at in range(20):
            children.seek(0)
            for child in children.read().split():
                os.kill(int(child), signal.SIGKILL)
            sent += [f"m{at}-{i}" for i in range(100)]
            google.publish(topic, *sent[-100:])
    assert sorted(datas(received(google, subscription, len(sent)))) == \
        sorted(f"<{text.upper()}>" for text in sent)


# --- subscriptions ---------------------------------------------------------------

def test_subscription_delivers_what_its_transform_makes(google):
    topic = google.topic()
    changed = google.subscription(topic, message_transforms=[OBEY])
    plain = google.subscription(topic)
    ids = google.publish(topic, "a", "drop", "é😀")
    got = received(google, changed, 2)
    assert datas(got) == ["<a>", "<é😀>"]
    assert [m.message.message_id for m in got] == [ids[0], ids[2]]
    assert [m.message.attributes["id"] for m in got] == [ids[0], ids[2]]
    assert datas(received(google, plain, 3)) == ["a", "drop", "é😀"]
    google.drained(changed)


def test_transforms_follow_each_other_unless_disabled(google):
    topic = google.topic()
    subscription = google.subscription(topic, message_transforms=[
        UPPER, udf("function g(m) { m.data += '!'; return m; }", "g", disabled=True),
        udf("function h(m) { m.data += '?'; return m; }", "h")])
    google.publish(topic, "a")
    assert datas(received(google, subscription, 1)) == ["A?"]


def test_filter_sees_the_message_as_published(google):
    topic = google.topic()
    subscription = google.subscription(
        topic, filter='attributes.a = "1"', message_transforms=[udf(
            "function f(m) { return {data: m.data, attributes: {a: '2'}}; }")])
    google.publish(topic, "no")
    google.publish(topic, "yes", a="1")
    got = received(google, subscription, 1)
    assert datas(got) == ["yes"] and dict(got[0].message.attributes) == {"a": "2"}


def test_failures_end_in_the_dead_letter_topic(google):
    dead = google.topic()
    letters = google.subscription(dead)
    topic = google.topic()
    subscription = google.subscription(
        topic, message_transforms=[OBEY],
        dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": 5})
    google.publish(topic, "bad", "good")
    assert datas(received(google, subscription, 1)) == ["<good>"]

    def arrived():
        google.pull(subscription)
        return google.pull(letters)
    got = wait_for(arrived)
    assert datas(got) == ["bad"]  # as it was published
    assert got[0].message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    google.drained(subscription)


def test_dead_letter_topic_transforms_too(google):
    dead = google.topic(message_transforms=[UPPER])
    letters = google.subscription(dead)
    topic = google.topic()
    subscription = google.subscription(
        topic, dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": 5})
    google.publish(topic, "letter")

    def arrived():
        got = google.pull(subscription)
        if got:
            google.nack(subscription, *got)
        return google.pull(letters)
    got = wait_for(arrived)
    assert datas(got) == ["LETTER"]
    google.drained(subscription)


def test_order_of_keys_is_kept(google):
    topic = google.topic()
    subscription = google.subscription(topic, enable_message_ordering=True,
                                       message_transforms=[UPPER])
    want = [f"M{i}" for i in range(500)]
    for at in range(0, 500, 50):
        google.publish(topic, *[w.lower() for w in want[at:at + 50]], key="k")
    assert datas(received(google, subscription, 500)) == want


def test_streams_get_what_transforms_make(google):
    topic = google.topic()
    subscription = google.subscription(topic, message_transforms=[UPPER])
    n, lock, found, all_here = 3000, threading.Lock(), set(), threading.Event()

    def on_message(message):
        message.ack()
        with lock:
            found.add(message.data)
            if len(found) == n:
                all_here.set()
    for at in range(0, n, 500):
        google.publish(topic, *[f"m{i}" for i in range(at, at + 500)])
    future = google.subscriber.subscribe(subscription, on_message)
    assert all_here.wait(30), len(found)
    future.cancel()
    future.result()
    assert found == {f"M{i}".encode() for i in range(n)}


def test_redelivery_and_exactly_once_work_as_ever(google):
    topic = google.topic()
    subscription = google.subscription(topic, enable_exactly_once_delivery=True,
                                       message_transforms=[UPPER])
    google.publish(topic, "a")
    first = wait_for(lambda: google.pull(subscription))
    google.nack(subscription, *first)
    second = wait_for(lambda: google.pull(subscription))
    assert datas(first) == datas(second) == ["A"]
    assert first[0].ack_id != second[0].ack_id
    google.ack(subscription, *second)
    google.drained(subscription)


# --- settings --------------------------------------------------------------------

def test_transforms_are_shown_changed_and_removed(google):
    topic = google.topic(message_transforms=[UPPER])
    subscription = google.subscription(topic, message_transforms=[UPPER])
    mask = field_mask_pb2.FieldMask(paths=["message_transforms"])
    assert list(google.raw.get_topic(topic=topic).message_transforms) == [UPPER]
    assert list(google.subscriber.get_subscription(
        subscription=subscription).message_transforms) == [UPPER]

    mark = udf("function f(m) { m.data += '.'; return m; }")
    changed = google.raw.update_topic(topic=Topic(name=topic, message_transforms=[mark]),
                                      update_mask=mask)
    assert list(changed.message_transforms) == [mark]
    google.publish(topic, "a")
    assert datas(received(google, subscription, 1)) == ["A."]

    google.publish(topic, "b")
    assert list(google.subscriber.update_subscription(
        subscription=Subscription(name=subscription), update_mask=mask).message_transforms) == []
    google.raw.update_topic(topic=Topic(name=topic), update_mask=mask)
    google.publish(topic, "c")
    assert sorted(datas(received(google, subscription, 2))) == ["b.", "c"]


REFUSED = [
    ([udf("function f(m) { let x = 1; return m; }")], exceptions.MethodNotImplemented,
     r"message_transforms\[0\].*line 1: let"),
    ([udf("var a;\nvar f = (m) => m;")], exceptions.MethodNotImplemented, "line 2: arrow functions"),
    ([udf("function f(m) { return {data: `${m.data}`}; }")], exceptions.MethodNotImplemented,
     "template literals"),
    ([udf("class A {}")], exceptions.MethodNotImplemented, "classes"),
    ([udf("async function f(m) {}")], exceptions.MethodNotImplemented, "async"),
    ([udf("function f(m) { return m?.data; }")], exceptions.MethodNotImplemented, "optional chaining"),
    ([udf("function f(m) {")], exceptions.InvalidArgument, "SyntaxError"),
    ([udf("function g(m) {}")], exceptions.InvalidArgument, "no function f"),
    ([udf("throw new Error('first')")], exceptions.InvalidArgument, "first"),
    ([udf("for (;;) ;")], exceptions.InvalidArgument, "too long"),
    ([udf("")], exceptions.InvalidArgument, "must not be empty"),
    ([udf("function f() {}", name="")], exceptions.InvalidArgument, "function_name"),
    ([udf("function f() {}", name="f()")], exceptions.InvalidArgument, "function_name"),
    ([udf("/*" + "x" * 20480 + "*/")], exceptions.InvalidArgument, "20484 bytes"),
    ([UPPER, UPPER], exceptions.InvalidArgument, "unique"),
    ([udf(f"function f{i}() {{}}", f"f{i}") for i in range(6)], exceptions.InvalidArgument, "6 entries"),
    ([MessageTransform()], exceptions.InvalidArgument, "javascript_udf"),
]


@pytest.mark.parametrize("transforms, error, why", REFUSED, ids=[r[2][:25] for r in REFUSED])
def test_what_cannot_be_run_is_refused_by_name(google, transforms, error, why):
    with pytest.raises(error, match=why):
        google.topic(message_transforms=transforms)
    topic = google.topic()
    with pytest.raises(error, match=why):
        google.subscription(topic, message_transforms=transforms)
    mask = field_mask_pb2.FieldMask(paths=["message_transforms"])
    with pytest.raises(error, match=why):
        google.raw.update_topic(topic=Topic(name=topic, message_transforms=transforms),
                                update_mask=mask)
    assert list(google.raw.get_topic(topic=topic).message_transforms) == []


def test_disabled_code_is_checked_all_the_same(google):
    with pytest.raises(exceptions.InvalidArgument):
        google.topic(message_transforms=[udf("(", disabled=True)])


def test_models_are_refused(emulator):
    answer = emulator.rest("PUT", "topics/with-a-model", {
        "messageTransforms": [{"aiInference": {"endpoint": "projects/p/locations/l/endpoints/e"}}]})
    assert answer.status == 501 and "message_transforms[0].ai_inference" in answer.body


# --- what writes elsewhere -------------------------------------------------------

def test_push_sends_what_transforms_make(google):
    endpoint = Endpoint()
    try:
        topic = google.topic()
        subscription = google.subscription(topic, message_transforms=[OBEY],
                                           push_config={"push_endpoint": endpoint.url})
        google.publish(topic, "drop", "a")
        pushed, = endpoint.wait(1)
        assert base64.b64decode(json.loads(pushed.body)["message"]["data"]) == b"<a>"
        google.subscriber.delete_subscription(subscription=subscription)
    finally:
        endpoint.close()


def test_bigquery_gets_what_transforms_make(google, emulator):
    base = f"http://{emulator.bigquery}/bigquery/v2/projects/{google.project}"
    for path, body in (
            ("datasets", {"datasetReference": {"datasetId": "transformed"}}),
            ("datasets/transformed/tables", {
                "tableReference": {"tableId": "rows"},
                "schema": {"fields": [{"name": "data", "type": "STRING"}]}})):
        answer = datos.request("POST", f"{base}/{path}", body)
        assert answer.status == 200, answer.body
    topic = google.topic()
    google.subscription(topic, message_transforms=[OBEY],
                        bigquery_config={"table": f"{google.project}.transformed.rows"})
    google.publish(topic, "drop", "a", "b")

    def rows():
        answer = datos.request("POST", f"{base}/queries", {
            "query": "SELECT data FROM transformed.rows ORDER BY data", "useLegacySql": False}).json()
        return [r["f"][0]["v"] for r in answer.get("rows", [])]
    assert wait_for(lambda: len(rows()) == 2) and rows() == ["<a>", "<b>"]


# --- metrics ------------------------------------------------------------------

def latencies(google, kind, name):
    """Messages by (status, filtered), and the milliseconds of all."""
    ident = name.rsplit("/", 1)[1]
    family = f"pubsub_googleapis_com:{kind}_message_transform_latencies"
    found, total = {}, 0.0
    for row in datos.request("GET", f"{google.emulator.console}/metrics").body.splitlines():
        if f'{kind}_id="{ident}"' not in row or not row.startswith(family):
            continue
        labels, value = row.rsplit(" ", 1)
        if labels.startswith(family + "_count{"):
            status = labels.split('status="', 1)[1].split('"', 1)[0]
            filtered = labels.split('filtered="', 1)[1].split('"', 1)[0]
            found[status, filtered] = int(value)
        elif labels.startswith(family + "_sum{"):
            total += float(value)
        elif 'le="+Inf"' in labels:
            assert int(value) > 0
    return found, total


def test_metrics_tell_how_long_and_what_came_out(google):
    topic = google.topic(message_transforms=[OBEY])
    name = google.subscription(topic, message_transforms=[UPPER])
    assert latencies(google, "topic", topic) == ({}, 0)
    google.publish(topic, "a", "b", "drop")
    with pytest.raises(exceptions.InvalidArgument):
        google.publish(topic, "bad")
    found, total = latencies(google, "topic", topic)
    assert found == {("ok", "false"): 2, ("ok", "true"): 1, ("invalid_argument", "false"): 1}
    assert 0 < total < 10000
    with pytest.raises(exceptions.InvalidArgument):
        google.publish(topic, "loop")
    found, late = latencies(google, "topic", topic)
    assert found["invalid_argument", "false"] == 2
    assert round(late - total, 3) >= 500
    received(google, name, 2)
    found, total = latencies(google, "subscription", name)
    assert found == {("ok", "false"): 2} and total > 0

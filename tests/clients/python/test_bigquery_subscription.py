# SPDX-License-Identifier: Apache-2.0
"""BigQuery subscriptions: what is published is found by a query."""
import json
import os
import struct
import time
import urllib.error
import urllib.request

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1.types import BigQueryConfig, DeadLetterPolicy, Schema, Subscription

STATE = BigQueryConfig.State


def bigquery(method, path, body=None):
    host = os.environ["BIGQUERY_EMULATOR_HOST"]
    host = host if "://" in host else "http://" + host
    request = urllib.request.Request(
        f"{host}/bigquery/v2/projects/{os.environ['GOOGLE_CLOUD_PROJECT']}{path}", method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"{}")


def rows(sql):
    answer = bigquery("POST", "/queries", {"query": sql, "useLegacySql": False})
    return [[cell["v"] for cell in row["f"]] for row in answer.get("rows", [])]


def wait_for_rows(sql, n, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = rows(sql)
        if len(found) >= n:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{sql}: {found}")


@pytest.fixture(scope="module")
def dataset():
    try:
        bigquery("POST", "/datasets", {"datasetReference": {"datasetId": "exported"}})
    except urllib.error.HTTPError as e:
        assert e.code == 409
    return "exported"


def make_table(dataset, name, *fields):
    bigquery("POST", f"/datasets/{dataset}/tables", {
        "tableReference": {"datasetId": dataset, "tableId": name},
        "schema": {"fields": [{"name": n, "type": t, "mode": mode[0] if mode else "NULLABLE"}
                              for n, t, *mode in fields]}})


def drop_table(dataset, name):
    bigquery("DELETE", f"/datasets/{dataset}/tables/{name}")


@pytest.fixture
def clients():
    return pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()


def subscribe(clients, project, dataset, name, table=None, more=None, **config):
    publisher, subscriber = clients
    topic = publisher.create_topic(name=f"projects/{project}/topics/{name}").name
    made = subscriber.create_subscription(request=Subscription(
        name=f"projects/{project}/subscriptions/{name}", topic=topic,
        bigquery_config={"table": f"{project}.{dataset}.{table or name}", **config}, **(more or {})))
    return topic, made


def test_data_and_metadata_are_columns(clients, project, dataset):
    make_table(dataset, "plain", ("data", "STRING"), ("subscription_name", "STRING"),
               ("message_id", "STRING"), ("publish_time", "TIMESTAMP"), ("attributes", "JSON"))
    topic, made = subscribe(clients, project, dataset, "plain", write_metadata=True)
    ident = clients[0].publish(topic, b"hola", color="rojo").result(timeout=20)
    data, name, message_id, attributes = wait_for_rows(
        f"SELECT data, subscription_name, message_id, TO_JSON_STRING(attributes) FROM {dataset}.plain",
        1)[0]
    assert (data, name, message_id) == ("hola", made.name, ident)
    assert json.loads(attributes) == {"color": "rojo"}
    assert clients[1].get_subscription(subscription=made.name).bigquery_config.state == STATE.ACTIVE


def test_eight_megabytes_are_written(clients, project, dataset):
    """More than one answer of a pull may hold."""
    make_table(dataset, "wide", ("data", "STRING"))
    topic, _ = subscribe(clients, project, dataset, "wide")
    for letter in "abcdefgh":
        clients[0].publish(topic, letter.encode() * 1000000).result(timeout=20)
    found = wait_for_rows(f"SELECT SUBSTR(data, 1, 1), LENGTH(data) FROM {dataset}.wide ORDER BY 1", 8)
    assert found == [[letter, "1000000"] for letter in "abcdefgh"]


def test_members_are_columns_by_the_tables_schema(clients, project, dataset):
    make_table(dataset, "members", ("id", "INTEGER"), ("name", "STRING"))
    topic, _ = subscribe(clients, project, dataset, "members", use_table_schema=True,
                         drop_unknown_fields=True)
    clients[0].publish(topic, b'{"id": 7, "name": "siete", "other": 1}').result(timeout=20)
    assert wait_for_rows(f"SELECT id, name FROM {dataset}.members", 1) == [["7", "siete"]]


def test_what_does_not_fit_is_a_dead_letter(clients, project, dataset):
    publisher, subscriber = clients
    make_table(dataset, "strict", ("id", "INTEGER"))
    grave = publisher.create_topic(name=f"projects/{project}/topics/strict-dead").name
    kept = subscriber.create_subscription(name=f"projects/{project}/subscriptions/strict-dead",
                                          topic=grave).name
    topic, _ = subscribe(clients, project, dataset, "strict", use_table_schema=True,
                         more={"dead_letter_policy": DeadLetterPolicy(dead_letter_topic=grave,
                                                                      max_delivery_attempts=5)})
    publisher.publish(topic, b'{"id": "no number"}').result(timeout=20)
    publisher.publish(topic, b'{"id": 1}').result(timeout=20)
    assert wait_for_rows(f"SELECT id FROM {dataset}.strict", 1) == [["1"]]
    answer = subscriber.pull(subscription=kept, max_messages=10, timeout=20)
    assert [m.message.data for m in answer.received_messages] == [b'{"id": "no number"}']
    why = answer.received_messages[0].message.attributes["CloudPubSubDeadLetterSourceDeliveryErrorMessage"]
    assert "id" in why and "integer" in why


@pytest.mark.parametrize("kind,written,found", [
    ("TIMESTAMP", 1736848800000001, "2025-01-14 10:00:00.000001+00"),
    ("TIMESTAMP", "2025-01-14T10:00:00Z", "2025-01-14 10:00:00+00"),
    ("DATE", 20102, "2025-01-14"), ("DATE", "2025-01-14", "2025-01-14"),
    ("NUMERIC", "12.5", "12.5"), ("INT64", 9007199254740993, "9007199254740993"),
    ("BOOL", True, "true"), ("FLOAT64", 0.5, "0.5"), ("BYTES", "aG9sYQ==", "hola")])
def test_a_member_by_the_tables_schema_becomes(clients, project, dataset, kind, written, found):
    """Numbers for times are the Storage Write API's: microseconds, days."""
    name = f"member_{kind}_{abs(hash(str(written)))}"
    make_table(dataset, name, ("v", kind))
    topic, _ = subscribe(clients, project, dataset, name.replace("_", "-"), table=name, use_table_schema=True)
    clients[0].publish(topic, json.dumps({"v": written}).encode()).result(timeout=20)
    assert wait_for_rows(f"SELECT CAST(v AS STRING) FROM {dataset}.{name}", 1) == [[found]]


def test_numbers_by_the_tables_schema_keep_every_digit(clients, project, dataset):
    """Also in lists and records, whose members are the table's, too."""
    rows(f"CREATE TABLE {dataset}.digits (n NUMERIC, b BIGNUMERIC, i INT64, list ARRAY<NUMERIC>, "
         "r STRUCT<n NUMERIC, ts TIMESTAMP>)")
    topic, _ = subscribe(clients, project, dataset, "digits", use_table_schema=True)
    clients[0].publish(topic, b"""{"n": 12345678901234567890123456789.123456789, "i": 9223372036854775807,
        "b": 123456789012345678901234567890123456789.01234567890123456789012345678901234567,
        "list": [1.000000001, 99999999999999999999],
        "r": {"n": -0.123456789, "ts": 1736848800000001}}""").result(timeout=20)
    assert wait_for_rows(f"SELECT CAST(n AS STRING), CAST(b AS STRING), i, TO_JSON_STRING(list), "
                         f"CAST(r.n AS STRING), CAST(r.ts AS STRING) "
                         f"FROM {dataset}.digits", 1) == [[
        "12345678901234567890123456789.123456789",
        "123456789012345678901234567890123456789.01234567890123456789012345678901234567",
        "9223372036854775807", '["1.000000001","99999999999999999999"]', "-0.123456789",
        "2025-01-14 10:00:00.000001+00"]]


def schema_topic(clients, project, name, kind, definition, encoding):
    schemas = pubsub_v1.SchemaServiceClient()
    made = schemas.create_schema(parent=f"projects/{project}", schema_id=name, schema=Schema(
        type_=kind, definition=definition))
    return clients[0].create_topic(request={
        "name": f"projects/{project}/topics/{name}",
        "schema_settings": {"schema": made.name, "encoding": encoding}}).name


def export(clients, project, dataset, topic, table, **config):
    name = topic.rsplit("/", 1)[1]
    return clients[1].create_subscription(request=Subscription(
        name=f"projects/{project}/subscriptions/{name}", topic=topic,
        bigquery_config={"table": f"{project}.{dataset}.{table}", "use_topic_schema": True, **config}))


AVRO = [  # Avro type, value in JSON, the same in binary, column, as text
    (["null", "string"], {"string": "hola"}, b"\x02\x08hola", "STRING", "hola"),
    (["null", "string"], None, b"\x00", "STRING", None),
    ("bytes", "\u00ff\u0001", b"\x04\xff\x01", "BYTES", "/wE="),
    ("long", -3, b"\x05", "INT64", "-3"),
    ("double", 0.5, struct.pack("<d", 0.5), "FLOAT64", "0.5"),
    ("boolean", True, b"\x01", "BOOL", "true"),
    ("string", "2025-01-14T10:00:00Z", b"\x282025-01-14T10:00:00Z", "TIMESTAMP",
     "2025-01-14 10:00:00+00"),
    ({"type": "int", "logicalType": "date"}, 20102, b"\x8c\xba\x02", "DATE", "2025-01-14"),
    ({"type": "long", "logicalType": "time-micros"}, 1, b"\x02", "TIME", "00:00:00.000001"),
    ({"type": "long", "logicalType": "timestamp-micros"}, 1, b"\x02", "TIMESTAMP",
     "1970-01-01 00:00:00.000001+00"),
    ({"type": "long", "logicalType": "timestamp-millis"}, 1, b"\x02", "TIMESTAMP",
     "1970-01-01 00:00:00.001+00"),
    ({"type": "long", "logicalType": "local-timestamp-micros"}, 1, b"\x02", "DATETIME",
     "1970-01-01 00:00:00.000001"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, "\u00fb\u002e",
     b"\x04\xfb\x2e", "NUMERIC", "-12.34"),
    ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", b"\x02", "INT64", "1"),
]


@pytest.mark.parametrize("encoding", ["JSON", "BINARY"])
@pytest.mark.parametrize("index", range(len(AVRO)))
def test_an_avro_field_becomes(clients, project, dataset, index, encoding):
    kind, value, binary, column, found = AVRO[index]
    name = f"avro{index}{encoding.lower()}"
    make_table(dataset, name, ("v", column))
    topic = schema_topic(clients, project, name, Schema.Type.AVRO, json.dumps(
        {"type": "record", "name": "R", "fields": [{"name": "v", "type": kind}]}), encoding)
    export(clients, project, dataset, topic, name)
    clients[0].publish(topic, json.dumps({"v": value}).encode() if encoding == "JSON" else binary
                       ).result(timeout=20)
    text = "TO_BASE64(v)" if column == "BYTES" else "CAST(v AS STRING)"
    assert wait_for_rows(f"SELECT {text} FROM {dataset}.{name}", 1) == [[found]]


NESTED = {"type": "record", "name": "R", "fields": [
    {"name": "list", "type": {"type": "array", "items": "long"}},
    {"name": "map", "type": {"type": "map", "values": "string"}},
    {"name": "inner", "type": {"type": "record", "name": "I", "fields": [
        {"name": "a", "type": ["null", "long"]}]}},
    {"name": "extra", "type": "string"}]}


def test_avros_lists_maps_and_records(clients, project, dataset):
    bigquery("POST", f"/datasets/{dataset}/tables", {
        "tableReference": {"datasetId": dataset, "tableId": "nested"},
        "schema": {"fields": [
            {"name": "list", "type": "INT64", "mode": "REPEATED"},
            {"name": "map", "type": "RECORD", "mode": "REPEATED", "fields": [
                {"name": "key", "type": "STRING"}, {"name": "value", "type": "STRING"}]},
            {"name": "inner", "type": "RECORD", "fields": [{"name": "a", "type": "INT64"}]}]}})
    topic = schema_topic(clients, project, "nested", Schema.Type.AVRO, json.dumps(NESTED), "JSON")
    export(clients, project, dataset, topic, "nested", drop_unknown_fields=True)
    clients[0].publish(topic, json.dumps({"list": [1, 2], "map": {"k": "v"}, "inner": {"a": {"long": 5}},
                                          "extra": "x"}).encode()).result(timeout=20)
    assert wait_for_rows(f"SELECT TO_JSON_STRING(t) FROM {dataset}.nested t", 1) == [[
        '{"list":[1,2],"map":[{"key":"k","value":"v"}],"inner":{"a":5}}']]


def varint(value):
    out = b""
    while value > 0x7f:
        out, value = out + bytes([value & 0x7f | 0x80]), value >> 7
    return out + bytes([value])


PROTO = """syntax = "proto3";
message M {
  enum E { A = 0; B = 1; }
  message I { int64 a = 1; }
  string id = 1; int64 ts = 2; int32 day = 3; uint64 big = 4; repeated sint32 list = 5;
  I inner = 6; map<string, int32> map = 7; E e = 8; bytes raw = 9; float f = 10;
}"""


@pytest.mark.parametrize("encoding,message", [
    ("JSON", json.dumps({"id": "a", "ts": "1736848800000000", "day": 20102, "big": "12", "list": [-1, 300],
                         "inner": {"a": "5"}, "map": {"k": 7}, "e": "B", "raw": "aG9sYQ==",
                         "f": 0.5}).encode()),
    ("BINARY", b"\x0a\x01a" + b"\x10" + varint(1736848800000000) + b"\x18\x86\x9d\x01" + b"\x20\x0c"
     + b"\x2a\x03\x01\xd8\x04" + b"\x32\x02\x08\x05" + b"\x3a\x05\x0a\x01k\x10\x07" + b"\x40\x01"
     + b"\x4a\x04hola" + b"\x55" + struct.pack("<f", 0.5))], ids=["json", "binary"])
def test_protocol_buffers_fields(clients, project, dataset, encoding, message):
    name = "proto" + encoding.lower()
    bigquery("POST", f"/datasets/{dataset}/tables", {
        "tableReference": {"datasetId": dataset, "tableId": name},
        "schema": {"fields": [
            {"name": "id", "type": "STRING"}, {"name": "ts", "type": "TIMESTAMP"},
            {"name": "day", "type": "DATE"}, {"name": "big", "type": "NUMERIC"},
            {"name": "list", "type": "INT64", "mode": "REPEATED"},
            {"name": "inner", "type": "RECORD", "fields": [{"name": "a", "type": "INT64"}]},
            {"name": "map", "type": "RECORD", "mode": "REPEATED", "fields": [
                {"name": "key", "type": "STRING"}, {"name": "value", "type": "INT64"}]},
            {"name": "e", "type": "INT64"}, {"name": "raw", "type": "BYTES"}, {"name": "f", "type": "FLOAT64"}]}})
    topic = schema_topic(clients, project, name, Schema.Type.PROTOCOL_BUFFER, PROTO, encoding)
    export(clients, project, dataset, topic, name)
    clients[0].publish(topic, message).result(timeout=20)
    assert [json.loads(r[0]) for r in wait_for_rows(f"SELECT TO_JSON_STRING(t) FROM {dataset}.{name} t", 1)] == [{
        "id": "a", "ts": "2025-01-14T10:00:00Z", "day": "2025-01-14", "big": 12, "list": [-1, 300],
        "inner": {"a": 5}, "map": [{"key": "k", "value": 7}], "e": 1, "raw": "aG9sYQ==", "f": 0.5}]


def test_protocol_buffers_numbers_keep_their_digits(clients, project, dataset):
    make_table(dataset, "protowide", ("u", "NUMERIC"), ("f", "BIGNUMERIC"), ("i", "INT64"), ("d", "FLOAT64"))
    topic = schema_topic(clients, project, "protowide", Schema.Type.PROTOCOL_BUFFER,
                         'syntax = "proto3"; message M { uint64 u = 1; fixed64 f = 2; int64 i = 3; double d = 4; }',
                         "JSON")
    export(clients, project, dataset, topic, "protowide")
    with pytest.raises(exceptions.InvalidArgument):
        clients[0].publish(topic, b'{"d":1e400}').result(timeout=20)
    clients[0].publish(topic, b'{"u":18446744073709551615,"f":9223372036854775808,"i":-9223372036854775808,'
                              b'"d":123456789012345678901234567890}').result(timeout=20)
    assert wait_for_rows(f"SELECT CAST(u AS STRING), CAST(f AS STRING), CAST(i AS STRING), CAST(d AS STRING) "
                         f"FROM {dataset}.protowide", 1) == [[
        "18446744073709551615", "9223372036854775808", "-9223372036854775808", "1.2345678901234568e+29"]]


def wait_for_state(clients, name, state, seconds=30):
    end = time.monotonic() + seconds
    while (found := clients[1].get_subscription(subscription=name).bigquery_config.state) != state:
        assert time.monotonic() < end, found
        time.sleep(0.02)


def test_a_table_that_does_not_fit_any_more_is_shown(clients, project, dataset):
    make_table(dataset, "misfit", ("v", "STRING"))
    topic = schema_topic(clients, project, "misfit", Schema.Type.AVRO, json.dumps(
        {"type": "record", "name": "R", "fields": [{"name": "v", "type": "string"}]}), "JSON")
    made = export(clients, project, dataset, topic, "misfit")
    assert (made.state, made.bigquery_config.state) == (Subscription.State.ACTIVE, STATE.ACTIVE)
    drop_table(dataset, "misfit")
    wait_for_state(clients, made.name, STATE.NOT_FOUND)
    make_table(dataset, "misfit", ("v", "INT64"))
    wait_for_state(clients, made.name, STATE.SCHEMA_MISMATCH)
    drop_table(dataset, "misfit")
    make_table(dataset, "misfit", ("v", "STRING"))
    wait_for_state(clients, made.name, STATE.ACTIVE)
    clients[0].publish(topic, b'{"v":"hola"}').result(timeout=20)
    assert wait_for_rows(f"SELECT v FROM {dataset}.misfit", 1) == [["hola"]]


def test_nothing_is_lost_while_the_table_is_missing(clients, project, dataset):
    make_table(dataset, "late", ("data", "BYTES"))
    topic, made = subscribe(clients, project, dataset, "late")
    drop_table(dataset, "late")
    for i in range(50):
        clients[0].publish(topic, b"%d" % i)
    wait_for_state(clients, made.name, STATE.NOT_FOUND)
    assert clients[1].get_subscription(subscription=made.name).state == Subscription.State.RESOURCE_ERROR
    make_table(dataset, "late", ("data", "BYTES"))
    assert len(wait_for_rows(f"SELECT data FROM {dataset}.late", 50, 30)) == 50
    wait_for_state(clients, made.name, STATE.ACTIVE)
    assert clients[1].get_subscription(subscription=made.name).state == Subscription.State.ACTIVE


WHOLE = [("data", "STRING")]
METADATA = [("subscription_name", "STRING"), ("message_id", "STRING"), ("publish_time", "TIMESTAMP"),
            ("attributes", "STRING")]


@pytest.mark.parametrize("fields,config,why", [
    ([("v", "STRING")], {}, "the table has no column data"),
    ([("data", "INT64")], {}, "Incompatible schema type for field data: expected BYTES or STRING, got INTEGER"),
    ([("data", "STRING", "REPEATED")], {}, "got REPEATED STRING"),
    ([*WHOLE, ("more", "INT64", "REQUIRED")], {}, "column more is REQUIRED"),
    (WHOLE, {"write_metadata": True}, "no column subscription_name"),
    ([*WHOLE, *METADATA[:2], ("publish_time", "STRING"), METADATA[3]], {"write_metadata": True},
     "field publish_time: expected TIMESTAMP, got STRING"),
    ([("id", "INT64")], {"use_table_schema": True, "write_metadata": True}, "no column subscription_name")])
def test_a_table_that_does_not_fit_is_refused(clients, project, dataset, fields, config, why):
    """Production does so (page "Troubleshooting BigQuery subscriptions"), when one is made and when one is changed."""
    name = f"unfit-{abs(hash((str(fields), str(config))))}"
    table = name.replace("-", "_")
    make_table(dataset, table, *fields)
    topic = clients[0].create_topic(name=f"projects/{project}/topics/{name}").name
    wanted = {"name": f"projects/{project}/subscriptions/{name}", "topic": topic,
              "bigquery_config": {"table": f"{project}.{dataset}.{table}", **config}}
    with pytest.raises(exceptions.InvalidArgument, match=why) as refused:
        clients[1].create_subscription(request=wanted)
    assert table in refused.value.message
    made = clients[1].create_subscription(name=wanted["name"], topic=topic)
    with pytest.raises(exceptions.InvalidArgument, match=why):
        clients[1].update_subscription(subscription=wanted, update_mask={"paths": ["bigquery_config"]})
    assert clients[1].get_subscription(subscription=made.name) == made


@pytest.mark.parametrize("kind,nullable,fields,why", [
    ("string", False, [("v", "INT64")],
     "Incompatible schema type for field v: the field is a string, the column INTEGER"),
    ("string", False, [("w", "STRING")], "field v: the table has no column of this name"),
    ("string", False, [("v", "STRING"), ("w", "STRING", "REQUIRED")], "column w is REQUIRED"),
    ("string", True, [("v", "STRING", "REQUIRED")], "field v: it may be null, its column is REQUIRED"),
    ("string", False, [("v", "STRING", "REQUIRED")], None), ("string", True, [("v", "STRING")], None)])
def test_by_the_topics_schema_a_table_fits_or_is_refused(clients, project, dataset, kind, nullable, fields, why):
    name = f"byschema-{abs(hash((kind, nullable, str(fields))))}"
    table = name.replace("-", "_")
    make_table(dataset, table, *fields, *METADATA)
    topic = schema_topic(clients, project, name, Schema.Type.AVRO, json.dumps({
        "type": "record", "name": "R", "fields": [{"name": "v", "type": ["null", kind] if nullable else kind}]}), "JSON")
    if why is None:
        export(clients, project, dataset, topic, table, write_metadata=True)
        return
    with pytest.raises(exceptions.InvalidArgument, match=why):
        export(clients, project, dataset, topic, table, write_metadata=True)


@pytest.mark.parametrize("table", ["exported.nowhere", "nowhere.x"])
def test_a_table_that_is_not_there_is_refused(clients, project, dataset, table):
    topic = clients[0].create_topic(name=f"projects/{project}/topics/nowhere-{table[:2]}").name
    with pytest.raises(exceptions.NotFound, match="The BigQuery table or dataset specified cannot be found"):
        clients[1].create_subscription(request={
            "name": f"projects/{project}/subscriptions/nowhere", "topic": topic,
            "bigquery_config": {"table": f"{project}.{table}"}})
    with pytest.raises(exceptions.NotFound):
        clients[1].get_subscription(subscription=f"projects/{project}/subscriptions/nowhere")


def test_a_view_is_no_table(clients, project, dataset):
    rows(f"CREATE VIEW {dataset}.seen AS SELECT 'x' AS data")
    with pytest.raises(exceptions.InvalidArgument, match="no table that rows go into"):
        subscribe(clients, project, dataset, "seen")


def test_nobody_pulls_from_it(clients, project, dataset):
    make_table(dataset, "unpulled", ("data", "STRING"))
    _, made = subscribe(clients, project, dataset, "unpulled")
    with pytest.raises(exceptions.FailedPrecondition):
        clients[1].pull(subscription=made.name, max_messages=1, timeout=10)


@pytest.mark.parametrize("config", [{"table": "nonsense"}, {"table": "p.d.t.x"},
                                    {"use_topic_schema": True},
                                    {"use_topic_schema": True, "use_table_schema": True},
                                    {"drop_unknown_fields": True}])
def test_impossible_configurations_are_refused(clients, project, dataset, config):
    publisher, subscriber = clients
    try:
        publisher.create_topic(name=f"projects/{project}/topics/refused")
    except exceptions.AlreadyExists:
        pass
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.create_subscription(request=Subscription(
            name=f"projects/{project}/subscriptions/refused",
            topic=f"projects/{project}/topics/refused",
            bigquery_config={"table": f"{project}.{dataset}.x", **config}))


# last: `lenient` is where clients look from now on
def test_lenient_takes_any_table_and_shows_its_state(lenient):
    made = lenient.subscription(lenient.topic(), bigquery_config={"table": f"{lenient.project}.no.where"})
    wait_for_state((None, lenient.subscriber), made, STATE.NOT_FOUND)

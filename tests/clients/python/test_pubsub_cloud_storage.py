# SPDX-License-Identifier: Apache-2.0
"""Cloud Storage subscriptions: what is published stands in the files of a
bucket's folder, whole, before it is acknowledged."""
import io
import json
import os
import re
import struct
import time

import datos
import grpc
import pytest
from conftest import NUMBERS, Google
from emulator import Emulator
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf import field_mask_pb2
from google.pubsub_v1.services.schema_service.transports.grpc import SchemaServiceGrpcTransport
from google.pubsub_v1.types import CloudStorageConfig, Encoding

STATE = CloudStorageConfig.State
NAME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00_[0-9a-f-]{36}$")


# --- Avro's files, read by a reader of our own -------------------------------------

def read_long(f):
    value, shift = 0, 0
    while True:
        byte = f.read(1)[0]
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)


def read_bytes(f):
    return f.read(read_long(f))


def read_blocks(f, item):
    found = []
    while n := read_long(f):
        assert n > 0
        found += [item() for _ in range(n)]
    return found


def read_value(f, t):
    if isinstance(t, list):
        return read_value(f, t[read_long(f)])
    kind = t["type"] if isinstance(t, dict) else t
    if isinstance(kind, (dict, list)):
        return read_value(f, kind)
    if kind == "record":
        return {field["name"]: read_value(f, field["type"]) for field in t["fields"]}
    if kind == "map":
        return dict(read_blocks(f, lambda: (read_bytes(f).decode(), read_value(f, t["values"]))))
    if kind == "array":
        return read_blocks(f, lambda: read_value(f, t["items"]))
    if kind == "enum":
        return t["symbols"][read_long(f)]
    return {"null": lambda: None, "long": lambda: read_long(f), "int": lambda: read_long(f),
            "bytes": lambda: read_bytes(f), "string": lambda: read_bytes(f).decode(),
            "boolean": lambda: f.read(1) == b"\1", "fixed": lambda: f.read(t["size"]),
            "double": lambda: struct.unpack("<d", f.read(8))[0],
            "float": lambda: struct.unpack("<f", f.read(4))[0]}[kind]()


def read_avro(data):
    f = io.BytesIO(data)
    assert f.read(4) == b"Obj\1"
    head = dict(read_blocks(f, lambda: (read_bytes(f), read_bytes(f))))
    assert head[b"avro.codec"] == b"null"
    schema, sync, rows = json.loads(head[b"avro.schema"]), f.read(16), []
    while f.tell() < len(data):
        n, end = read_long(f), read_long(f)
        end += f.tell()
        rows += [read_value(f, schema) for _ in range(n)]
        assert f.tell() == end and f.read(16) == sync
    return schema, rows


# --- the fixture --------------------------------------------------------------------

class Buckets(Google):
    """An emulator, its folder of buckets, a topic and its subscription."""

    def __init__(self, emulator, folder):
        super().__init__(emulator)
        self.folder = folder

    def pair(self, bucket, topic=None, **config):
        topic = topic or self.topic()
        return topic, self.subscription(topic, cloud_storage_config={"bucket": bucket, **config})

    def files(self, bucket):
        """Name to content, in the order of their names."""
        found, root = {}, os.path.join(self.folder, bucket)
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as f:
                    found[os.path.relpath(path, root)] = f.read()
        return dict(sorted(found.items()))

    def wait(self, bucket, n=1, seconds=20):
        return wait_for(lambda: (found := self.files(bucket)) and len(found) >= n and found, seconds)

    def state(self, name):
        shown = self.subscriber.get_subscription(subscription=name)
        return shown.cloud_storage_config.state, shown.state.name


def wait_for(ask, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ask():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come")


@pytest.fixture(scope="module")
def buckets(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("buckets") / "deep" / "down")
    before = os.environ.get("PUBSUB_EMULATOR_HOST")
    made = Emulator("--memory", "--storage", folder)
    yield Buckets(made, folder)
    os.environ["PUBSUB_EMULATOR_HOST"] = before or ""
    assert made.stop() == 0, made.log()


@pytest.fixture
def bucket(buckets):
    return f"bucket-{next(NUMBERS)}"


def out_of(buckets, name):
    """Messages that are in an object which is not complete."""
    ident = name.rsplit("/", 1)[1]
    text = datos.request("GET", f"{buckets.emulator.console}/metrics").body
    row, = [r for r in text.splitlines()
            if "num_outstanding_messages{" in r and f'subscription_id="{ident}"' in r]
    return int(float(row.rsplit(" ", 1)[1]))


# --- text ---------------------------------------------------------------------------

def test_a_file_appears_when_its_time_is_over(buckets, bucket):
    topic, name = buckets.pair(bucket)
    shown = buckets.subscriber.get_subscription(subscription=name).cloud_storage_config
    assert shown.max_duration.total_seconds() == 300 and "text_config" in shown
    assert buckets.state(name) == (STATE.ACTIVE, "ACTIVE")
    buckets.publish(topic, "one", "two\nlines")
    buckets.publish(topic, "", a="b")
    buckets.emulator.advance(290)
    assert buckets.files(bucket) == {}
    buckets.emulator.advance(11)
    (file, content), = buckets.wait(bucket).items()
    assert NAME.match(file), file
    assert content == b"one\ntwo\nlines\n"
    buckets.emulator.advance(700)
    assert list(buckets.files(bucket)) == [file]


def test_large_messages_fill_one_file(buckets, bucket):
    """More than one answer of a pull may hold."""
    topic, name = buckets.pair(bucket)
    for letter in "abcd":
        buckets.publish(topic, letter * 6000000)
    wait_for(lambda: out_of(buckets, name) == 4)
    buckets.emulator.advance(301)
    content, = buckets.wait(bucket).values()
    assert content == b"\n".join(c * 6000000 for c in (b"a", b"b", b"c", b"d"))


@pytest.mark.parametrize("change", ["none", "settings"])
def test_many_messages_of_a_file_are_acknowledged_once(buckets, bucket, change):
    """In several turns of the loop, during which all else goes on."""
    topic, name = buckets.pair(bucket)
    for i in range(20):
        buckets.raw.publish(topic=topic, messages=[
            {"data": f"{i * 1000 + k}".encode()} for k in range(1000)])
    wait_for(lambda: out_of(buckets, name) == 20000)
    buckets.emulator.advance(301)
    if change == "settings":
        buckets.subscriber.update_subscription(
            subscription={"name": name, "cloud_storage_config": {"bucket": bucket, "filename_suffix": ".new"}},
            update_mask=field_mask_pb2.FieldMask(paths=["cloud_storage_config.filename_suffix"]))
    buckets.publish(topic, "20000")
    wait_for(lambda: out_of(buckets, name) == 1)
    buckets.emulator.advance(301)
    written = b"\n".join(buckets.wait(bucket, 2).values()).split(b"\n")
    assert sorted(map(int, written)) == list(range(20001))
    wait_for(lambda: out_of(buckets, name) == 0)


def test_names_are_made_as_configured(buckets, bucket):
    topic, _ = buckets.pair(bucket, filename_prefix="prod/", filename_suffix=".txt",
                            filename_datetime_format="YY/MM-DD/hh_mm_ss-", max_duration={"seconds": 60})
    buckets.publish(topic, "x")
    buckets.emulator.advance(61)
    file, = buckets.wait(bucket)
    assert re.match(r"^prod/\d\d/\d\d-\d\d/\d\d_\d\d_\d\d-[0-9a-f-]{36}\.txt$", file), file


def test_a_file_ends_with_its_messages_or_bytes(buckets, bucket):
    topic, _ = buckets.pair(bucket, max_messages=1000)
    for i in range(3):
        buckets.publish(topic, *[f"{i:04}"] * 800)
    first, second = buckets.wait(bucket, 2).values()
    assert first.count(b"\n") == second.count(b"\n") == 999
    other = bucket + "-b"
    topic, _ = buckets.pair(other, max_bytes=1000)
    buckets.publish(topic, *["x" * 300] * 4)
    content, = buckets.wait(other).values()
    assert content == b"\n".join([b"x" * 300] * 3)
    buckets.publish(topic, "y" * 2000)  # larger than a file may be: alone in one
    assert sorted(map(len, buckets.wait(other, 3).values())) == [300, 902, 2000]


def test_a_keys_messages_stand_in_their_order(buckets, bucket):
    topic = buckets.topic()
    buckets.subscription(topic, enable_message_ordering=True,
                         cloud_storage_config={"bucket": bucket, "max_duration": {"seconds": 60}})
    for i in range(50):
        buckets.publish(topic, f"{i:02}", key="k")
    buckets.emulator.advance(61)
    content, = buckets.wait(bucket).values()
    assert content.decode().split("\n") == [f"{i:02}" for i in range(50)]


def test_filters_hold_here_too(buckets, bucket):
    topic = buckets.topic()
    buckets.subscription(topic, filter='attributes.keep = "1"', cloud_storage_config={
        "bucket": bucket, "max_duration": {"seconds": 60}})
    buckets.publish(topic, "not this", keep="0")
    buckets.publish(topic, "this", keep="1")
    buckets.emulator.advance(61)
    assert list(buckets.wait(bucket).values()) == [b"this"]


# --- Avro ---------------------------------------------------------------------------

def test_avro_with_and_without_metadata(buckets, bucket):
    topic, _ = buckets.pair(bucket, avro_config={}, max_duration={"seconds": 60})
    _, name = buckets.pair(bucket + "-m", topic, avro_config={"write_metadata": True},
                           max_duration={"seconds": 60})
    ids = list(buckets.publish(topic, "eins", "zwei", key="k", a="b"))
    buckets.emulator.advance(61)
    content, = buckets.wait(bucket).values()
    schema, rows = read_avro(content)
    assert (schema["namespace"], schema["name"]) == ("com.google.pubsub", "PubsubMessage")
    assert rows == [{"data": b"eins"}, {"data": b"zwei"}]
    content, = buckets.wait(bucket + "-m").values()
    schema, rows = read_avro(content)
    assert schema["name"] == "PubsubMessageWithMetadata"
    assert [r["message_id"] for r in rows] == ids
    assert rows[0]["data"] == b"eins" and rows[0]["subscription_name"] == name
    assert rows[1]["attributes"] == {"a": "b", "ordering_key": "k"}
    assert abs(rows[0]["publish_time"] / 1e6 - time.time()) < 3600 * 24


ALL_KINDS = {"type": "record", "name": "All", "fields": [
    {"name": "s", "type": "string"}, {"name": "i", "type": "int"}, {"name": "l", "type": "long"},
    {"name": "f", "type": "float"}, {"name": "d", "type": "double"}, {"name": "b", "type": "bytes"},
    {"name": "t", "type": "boolean"}, {"name": "n", "type": "null"},
    {"name": "u", "type": ["null", "string", {"type": "array", "items": "int"}]},
    {"name": "m", "type": {"type": "map", "values": "long"}},
    {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
    {"name": "x", "type": {"type": "fixed", "name": "X", "size": 2}}]}
VALUE = {"s": "ñ", "i": -3, "l": 1 << 60, "f": 0.5, "d": -1e300, "b": "\u00ff\u0000a", "t": True, "n": None,
         "u": {"array": [1, -2]}, "m": {"k": -1, "": 2}, "e": "B", "x": "\u0080z"}
READ = {**VALUE, "b": b"\xff\0a", "x": b"\x80z", "u": [1, -2]}


def make_schema_topic(buckets, definition, encoding):
    client = pubsub_v1.SchemaServiceClient(transport=SchemaServiceGrpcTransport(
        channel=grpc.insecure_channel(buckets.emulator.pubsub)))
    schema = client.create_schema(request={
        "parent": f"projects/{buckets.project}", "schema_id": f"schema-{next(NUMBERS)}",
        "schema": {"type_": "AVRO", "definition": json.dumps(definition)}})
    return client, schema, buckets.topic(schema_settings={"schema": schema.name, "encoding": encoding})


@pytest.fixture
def schema_topic(buckets):
    return lambda definition, encoding: make_schema_topic(buckets, definition, encoding)


@pytest.mark.parametrize("metadata", [False, True])
def test_the_topics_schema_becomes_the_files(buckets, bucket, schema_topic, metadata):
    _, _, topic = schema_topic(ALL_KINDS, Encoding.JSON)
    buckets.pair(bucket, topic, max_duration={"seconds": 60},
                 avro_config={"use_topic_schema": True, "write_metadata": metadata})
    buckets.publish(topic, json.dumps(VALUE), json.dumps({**VALUE, "u": None}))
    buckets.emulator.advance(61)
    content, = buckets.wait(bucket).values()
    schema, rows = read_avro(content)
    assert schema["name"] == "All"
    assert [{k: r[k] for k in READ} for r in rows] == [READ, {**READ, "u": None}]
    assert (len(rows[0]) - len(READ), "message_id" in rows[0]) == (4 if metadata else 0, metadata)


def test_each_revision_has_its_own_file(buckets, bucket, schema_topic):
    one = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}
    client, schema, topic = schema_topic(one, Encoding.BINARY)
    buckets.pair(bucket, topic, max_duration={"seconds": 60}, avro_config={"use_topic_schema": True})
    buckets.publish(topic, "\x02x")
    two = {**one, "fields": [*one["fields"], {"name": "b", "type": "string", "default": ""}]}
    client.commit_schema(name=schema.name, schema={
        "name": schema.name, "type_": "AVRO", "definition": json.dumps(two)})
    buckets.publish(topic, "\x02y\x02z")
    buckets.emulator.advance(61)
    rows = [read_avro(content)[1] for content in buckets.wait(bucket, 2).values()]
    assert sorted(rows, key=str) == [[{"a": "x"}], [{"a": "y", "b": "z"}]]


# --- what goes wrong ----------------------------------------------------------------

@pytest.mark.parametrize("config, text", [
    ({"bucket": ""}, "bucket"),
    ({"bucket": "gs://bucket"}, "bucket"),
    ({"bucket": "../bucket"}, "bucket"),
    ({"bucket": ".partial"}, "bucket"),
    ({"bucket": "Bucket"}, "bucket"),
    ({"filename_prefix": "../"}, "filename prefix"),
    ({"filename_prefix": "/etc/"}, "filename prefix"),
    ({"filename_prefix": "a//b"}, "filename prefix"),
    ({"filename_prefix": "a/./"}, "filename prefix"),
    ({"filename_prefix": "p" * 250}, "filename prefix"),
    ({"filename_suffix": "/.."}, "filename prefix"),
    ({"filename_suffix": "a/"}, "end in"),
    ({"filename_datetime_format": "YYYY-MM-DD"}, "datetime format"),
    ({"filename_datetime_format": "YYYY-YY-MM-DDThh:mm:ss"}, "once"),
    ({"filename_datetime_format": "YYYY.MM-DDThh:mm:ss"}, "datetime format"),
    ({"max_duration": {"seconds": 59}}, "max_duration"),
    ({"max_duration": {"seconds": 601}}, "max_duration"),
    ({"max_bytes": 999}, "max_bytes"),
    ({"max_bytes": (10 << 30) + 1}, "max_bytes"),
    ({"max_messages": 999}, "max_messages"),
    ({"avro_config": {"use_topic_schema": True}}, "no schema"),
])
def test_what_is_refused(buckets, config, text):
    with pytest.raises(exceptions.InvalidArgument, match=text):
        buckets.pair(**{"bucket": "bucket", **config})


def test_schemas_that_no_file_can_have(buckets, bucket, schema_topic):
    both = {"use_topic_schema": True, "write_metadata": True}
    _, _, topic = schema_topic({"type": "record", "name": "R", "fields": [
        {"name": "attributes", "type": "string"}]}, Encoding.JSON)
    with pytest.raises(exceptions.InvalidArgument, match="attributes"):
        buckets.pair(bucket, topic, avro_config=both)


def test_one_kind_of_subscription_only(buckets, bucket):
    with pytest.raises(exceptions.InvalidArgument, match="only one of"):
        buckets.subscription(buckets.topic(), cloud_storage_config={"bucket": bucket},
                             bigquery_config={"table": "p.d.t"})
    _, name = buckets.pair(bucket)
    with pytest.raises(exceptions.FailedPrecondition):
        buckets.pull(name)


def test_without_a_folder_it_is_refused_by_name(google):
    with pytest.raises(exceptions.FailedPrecondition, match="--storage DIR"):
        google.subscription(google.topic(), cloud_storage_config={"bucket": "bucket"})


def test_settings_change_and_what_was_collected_stays(buckets, bucket):
    topic, name = buckets.pair(bucket, service_account_email="a@b.iam.gserviceaccount.com")
    buckets.publish(topic, "old")
    changed = buckets.subscriber.update_subscription(
        subscription={"name": name, "cloud_storage_config": {"bucket": bucket, "filename_suffix": ".new"}},
        update_mask=field_mask_pb2.FieldMask(paths=["cloud_storage_config.filename_suffix"]))
    assert changed.cloud_storage_config.service_account_email == "a@b.iam.gserviceaccount.com"
    assert changed.cloud_storage_config.state == STATE.ACTIVE
    assert list(buckets.wait(bucket).values()) == [b"old"]
    buckets.publish(topic, "new")
    buckets.emulator.advance(301)
    assert sorted((f.endswith(".new"), c) for f, c in buckets.wait(bucket, 2).items()) == [
        (False, b"old"), (True, b"new")]
    with pytest.raises(exceptions.InvalidArgument, match="max_bytes"):
        buckets.subscriber.update_subscription(
            subscription={"name": name, "cloud_storage_config": {"max_bytes": 1}},
            update_mask=field_mask_pb2.FieldMask(paths=["cloud_storage_config.max_bytes"]))
    # no longer one that writes
    changed = buckets.subscriber.update_subscription(
        subscription={"name": name}, update_mask=field_mask_pb2.FieldMask(paths=["cloud_storage_config"]))
    assert "cloud_storage_config" not in changed
    buckets.publish(topic, "pulled")
    assert buckets.texts(name) == ["pulled"]


@pytest.fixture
def existing(tmp_path):
    before = os.environ.get("PUBSUB_EMULATOR_HOST")
    made = Emulator("--memory", "--storage", str(tmp_path), "--storage-existing")
    yield Buckets(made, str(tmp_path))
    os.environ["PUBSUB_EMULATOR_HOST"] = before or ""
    assert made.stop() == 0, made.log()


def test_missing_buckets_keep_their_messages(existing, bucket):
    topic, name = existing.pair(bucket, max_duration={"seconds": 60})
    assert existing.state(name) == (STATE.NOT_FOUND, "RESOURCE_ERROR")
    existing.publish(topic, "kept")
    existing.emulator.advance(61)
    assert not os.path.exists(os.path.join(existing.folder, bucket))
    os.mkdir(os.path.join(existing.folder, bucket))
    wait_for(lambda: existing.state(name) == (STATE.ACTIVE, "ACTIVE"))
    existing.emulator.advance(61)
    assert list(existing.wait(bucket).values()) == [b"kept"]
    # it goes while an object is open
    existing.publish(topic, "later")
    os.rename(os.path.join(existing.folder, bucket), os.path.join(existing.folder, "gone"))
    existing.emulator.advance(61)
    wait_for(lambda: existing.state(name) == (STATE.NOT_FOUND, "RESOURCE_ERROR"))
    os.mkdir(os.path.join(existing.folder, bucket))
    assert list(existing.wait(bucket).values()) == [b"later"]


def test_what_cannot_be_written_becomes_a_dead_letter(existing, bucket):
    client, schema, topic = make_schema_topic(
        existing, {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}, Encoding.BINARY)
    dead = existing.topic()
    lost = existing.subscription(dead)
    existing.subscription(topic, cloud_storage_config={
        "bucket": bucket, "avro_config": {"use_topic_schema": True}},
        dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": 5})
    existing.publish(topic, "\x02x")
    client.delete_schema(name=schema.name)  # nobody can tell any more what it is
    os.mkdir(os.path.join(existing.folder, bucket))
    received = wait_for(lambda: existing.emulator.advance(30) or existing.pull(lost))
    assert [m.message.data for m in received] == [b"\x02x"]
    assert existing.files(bucket) == {}

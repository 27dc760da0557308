# SPDX-License-Identifier: Apache-2.0
"""Schemas by the official Python client: their life, their revisions, what they
take, and topics that have one. Messages are encoded here by hand, in Avro's
and protocol buffers' words."""
import itertools
import json

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf import field_mask_pb2
from google.pubsub_v1.types import Encoding, Schema, SchemaView

NUMBERS = itertools.count(1)
AVRO = json.dumps({"type": "record", "name": "Dato", "fields": [
    {"name": "id", "type": "string"},
    {"name": "n", "type": ["null", "int"], "default": None}]})
AVRO_MORE = json.dumps({"type": "record", "name": "Dato", "fields": [
    {"name": "id", "type": "string"},
    {"name": "n", "type": ["null", "int"], "default": None},
    {"name": "more", "type": "string", "default": ""}]})
PROTO = 'syntax = "proto3"; message Dato { string id = 1; int32 n = 2; }'


class Schemas:
    def __init__(self, google):
        self.google = google
        self.client = pubsub_v1.SchemaServiceClient()
        self.parent = f"projects/{google.project}"

    def make(self, definition=AVRO, kind=Schema.Type.AVRO):
        return self.client.create_schema(
            parent=self.parent, schema_id=f"c-{next(NUMBERS)}",
            schema={"type_": kind, "definition": definition})

    def commit(self, name, definition, kind=Schema.Type.AVRO):
        return self.client.commit_schema(
            name=name, schema={"name": name, "type_": kind, "definition": definition})

    def topic(self, schema, encoding=Encoding.JSON, **settings):
        return self.google.topic(schema_settings={"schema": schema, "encoding": encoding, **settings})

    def takes(self, message, encoding=Encoding.JSON, **spec):
        try:
            self.client.validate_message(request={
                "parent": self.parent, "message": message, "encoding": encoding, **spec})
        except exceptions.InvalidArgument:
            return False
        return True


@pytest.fixture(scope="module")
def schemas(google):
    return Schemas(google)


def test_schema_is_made_shown_and_deleted(schemas):
    made = schemas.make()
    assert len(made.revision_id) == 8
    assert made.definition == AVRO
    shown = schemas.client.get_schema(name=made.name)
    assert shown == made
    basic = schemas.client.get_schema(request={"name": made.name, "view": SchemaView.BASIC})
    assert (basic.name, basic.type_, basic.definition) == (made.name, made.type_, "")
    with pytest.raises(exceptions.AlreadyExists):
        schemas.client.create_schema(parent=schemas.parent, schema=made,
                                     schema_id=made.name.split("/")[-1])
    schemas.client.delete_schema(name=made.name)
    with pytest.raises(exceptions.NotFound, match="Resource not found"):
        schemas.client.get_schema(name=made.name)


def test_list_shows_the_newest_revision_by_view(schemas):
    made = schemas.make()
    newer = schemas.commit(made.name, AVRO_MORE)
    basic = {s.name: s for s in schemas.client.list_schemas(parent=schemas.parent)}
    full = {s.name: s for s in schemas.client.list_schemas(
        request={"parent": schemas.parent, "view": SchemaView.FULL, "page_size": 1})}
    assert basic[made.name].definition == ""
    assert full[made.name] == newer
    assert set(basic) == set(full)


def test_revisions_are_committed_rolled_back_and_deleted(schemas):
    first = schemas.make()
    second = schemas.commit(first.name, AVRO_MORE)
    assert second.revision_id != first.revision_id
    third = schemas.client.rollback_schema(name=first.name, revision_id=first.revision_id)
    assert third.definition == AVRO
    listed = list(schemas.client.list_schema_revisions(
        request={"name": first.name, "view": SchemaView.FULL, "page_size": 2}))
    assert listed == [first, second, third]
    assert schemas.client.get_schema(name=f"{first.name}@{second.revision_id}") == second
    left = schemas.client.delete_schema_revision(name=f"{first.name}@{second.revision_id}")
    assert left == third
    schemas.client.delete_schema_revision(name=f"{first.name}@{first.revision_id}")
    with pytest.raises(exceptions.InvalidArgument, match="last revision"):
        schemas.client.delete_schema_revision(name=f"{first.name}@{third.revision_id}")
    with pytest.raises(exceptions.NotFound):
        schemas.client.rollback_schema(name=first.name, revision_id=first.revision_id)


def test_revision_must_be_compatible(schemas):
    avro, proto = schemas.make(), schemas.make(PROTO, Schema.Type.PROTOCOL_BUFFER)
    with pytest.raises(exceptions.InvalidArgument, match="compatible"):
        schemas.commit(avro.name, AVRO.replace('"string"', '"int"'))
    with pytest.raises(exceptions.InvalidArgument, match="compatible"):
        schemas.commit(proto.name, PROTO.replace("int32", "int64"), Schema.Type.PROTOCOL_BUFFER)
    with pytest.raises(exceptions.InvalidArgument, match="type"):
        schemas.commit(avro.name, PROTO, Schema.Type.PROTOCOL_BUFFER)


def test_no_more_than_twenty_revisions(schemas):
    made = schemas.make()
    for _ in range(19):
        schemas.commit(made.name, AVRO)
    with pytest.raises(exceptions.ResourceExhausted):
        schemas.commit(made.name, AVRO)


@pytest.mark.parametrize("kind, definition", [
    (Schema.Type.AVRO, "{"), (Schema.Type.AVRO, '"nothing"'), (Schema.Type.AVRO, PROTO),
    (Schema.Type.PROTOCOL_BUFFER, AVRO), (Schema.Type.PROTOCOL_BUFFER, ""),
    (Schema.Type.PROTOCOL_BUFFER, 'import "x.proto"; message M {}'),
    (Schema.Type.TYPE_UNSPECIFIED, AVRO), (Schema.Type.AVRO, '"int"' + " " * 400_000)])
def test_bad_definition_is_refused(schemas, kind, definition):
    with pytest.raises(exceptions.InvalidArgument):
        schemas.make(definition, kind)
    with pytest.raises(exceptions.InvalidArgument):
        schemas.client.validate_schema(parent=schemas.parent,
                                       schema={"type_": kind, "definition": definition})


def test_messages_are_checked_in_both_encodings(schemas):
    avro = {"schema": {"type_": Schema.Type.AVRO, "definition": AVRO}}
    proto = {"schema": {"type_": Schema.Type.PROTOCOL_BUFFER, "definition": PROTO}}
    assert schemas.takes(b'{"id":"1","n":{"int":1}}', **avro)
    assert not schemas.takes(b'{"id":"1","n":1}', **avro)
    assert schemas.takes(b"\x021\x02\x02", Encoding.BINARY, **avro)
    assert not schemas.takes(b"\x021\x02", Encoding.BINARY, **avro)
    assert schemas.takes(b'{"id":"1","n":1}', **proto)
    assert not schemas.takes(b'{"id":1}', **proto)
    assert schemas.takes(b"\x0a\x011\x10\x01", Encoding.BINARY, **proto)
    assert not schemas.takes(b"\x18\x01", Encoding.BINARY, **proto)
    assert schemas.takes(b'{"id":"1","n":null}', name=schemas.make().name)
    with pytest.raises(exceptions.InvalidArgument, match="encoding"):
        schemas.client.validate_message(request={
            "parent": schemas.parent, "message": b"", "name": schemas.make().name})
    with pytest.raises(exceptions.NotFound):
        schemas.takes(b"", name=f"{schemas.parent}/schemas/no-such")


def test_topic_takes_what_its_schema_takes_and_says_which(schemas, google):
    made = schemas.make()
    topic = schemas.topic(made.name)
    subscription = google.subscription(topic)
    good = '{"id": "1", "n": null}'
    google.publish(topic, good, origin="test")
    with pytest.raises(exceptions.InvalidArgument, match="Message failed schema validation") as caught:
        google.publish(topic, good, '{"id": 1}')
    assert caught.value.reason == "INVALID_JSON_AVRO_MESSAGE"
    assert made.revision_id in caught.value.metadata["revisionInfo"]
    received = google.pull(subscription)
    assert [m.message.data.decode() for m in received] == [good]
    assert dict(received[0].message.attributes) == {
        "origin": "test", "googclient_schemaencoding": "JSON",
        "googclient_schemaname": made.name, "googclient_schemarevisionid": made.revision_id}


def test_topic_of_a_binary_proto_schema(schemas, google):
    topic = schemas.topic(schemas.make(PROTO, Schema.Type.PROTOCOL_BUFFER).name, Encoding.BINARY)
    subscription = google.subscription(topic)
    google.raw.publish(topic=topic, messages=[{"data": b"\x0a\x011"}])
    with pytest.raises(exceptions.InvalidArgument) as caught:
        google.raw.publish(topic=topic, messages=[{"data": b"\x1a\x011"}])
    assert caught.value.reason == "INVALID_BINARY_PROTO_MESSAGE"
    attributes = google.pull(subscription)[0].message.attributes
    assert attributes["googclient_schemaencoding"] == "BINARY"


def test_topic_keeps_to_its_range_of_revisions(schemas, google):
    first = schemas.make()
    second = schemas.commit(first.name, AVRO_MORE)
    old = schemas.topic(first.name, last_revision_id=first.revision_id)
    new = schemas.topic(first.name, first_revision_id=second.revision_id)
    both = schemas.topic(first.name)
    short, whole = '{"id":"1","n":null}', '{"id":"1","n":null,"more":"x"}'
    subscription = google.subscription(both)
    google.publish(old, short)
    google.publish(both, short, whole)
    with pytest.raises(exceptions.InvalidArgument):
        google.publish(new, short)
    assert [m.message.attributes["googclient_schemarevisionid"]
            for m in google.pull(subscription)] == [first.revision_id, second.revision_id]
    with pytest.raises(exceptions.InvalidArgument, match="newer"):
        schemas.topic(first.name, first_revision_id=second.revision_id,
                      last_revision_id=first.revision_id)
    with pytest.raises(exceptions.NotFound):
        schemas.topic(first.name, first_revision_id="00000000")


def test_settings_come_and_go_by_mask(schemas, google):
    topic = google.topic()
    google.publish(topic, "anything")
    mask = field_mask_pb2.FieldMask(paths=["schema_settings"])
    settings = {"schema": schemas.make().name, "encoding": Encoding.JSON}
    google.publisher.update_topic(topic={"name": topic, "schema_settings": settings},
                                  update_mask=mask)
    with pytest.raises(exceptions.InvalidArgument):
        google.publish(topic, "anything")
    google.publisher.update_topic(topic={"name": topic}, update_mask=mask)
    google.publish(topic, "anything")


def test_unknown_schema_or_no_encoding_is_refused(schemas):
    with pytest.raises(exceptions.NotFound):
        schemas.topic(f"{schemas.parent}/schemas/no-such")
    with pytest.raises(exceptions.InvalidArgument):
        schemas.topic(schemas.make().name, Encoding.ENCODING_UNSPECIFIED)


def test_topic_of_a_deleted_schema_takes_nothing(schemas, google):
    made = schemas.make()
    topic = schemas.topic(made.name)
    schemas.client.delete_schema(name=made.name)
    assert google.publisher.get_topic(topic=topic).schema_settings.schema == "_deleted-schema_"
    with pytest.raises(exceptions.NotFound, match="Schema associated with topic deleted"):
        google.publish(topic, "{}")
    changed = google.publisher.update_topic(
        topic={"name": topic, "labels": {"a": "b"}},
        update_mask=field_mask_pb2.FieldMask(paths=["labels"]))
    assert dict(changed.labels) == {"a": "b"}

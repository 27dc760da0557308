# SPDX-License-Identifier: Apache-2.0
"""IAM policies of topics, subscriptions, snapshots and schemas: set, shown and
tested as in production, by the official client and over REST."""
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.iam.v1 import iam_policy_pb2, options_pb2, policy_pb2
from google.protobuf import field_mask_pb2

VIEWER, PUBLISHER = "roles/pubsub.viewer", "roles/pubsub.publisher"
NO_ETAG = b"\x00\x20\x01"
AVRO = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}'


def binding(role, *members, condition=None):
    return policy_pb2.Binding(role=role, members=members, condition=condition)


def set_policy(client, resource, *bindings, version=0, etag=b"", mask=None):
    policy = policy_pb2.Policy(version=version, bindings=bindings, etag=etag)
    request = iam_policy_pb2.SetIamPolicyRequest(
        resource=resource, policy=policy,
        update_mask=field_mask_pb2.FieldMask(paths=mask) if mask else None)
    return client.set_iam_policy(request=request)


def get_policy(client, resource, version=0):
    return client.get_iam_policy(request=iam_policy_pb2.GetIamPolicyRequest(
        resource=resource, options=options_pb2.GetPolicyOptions(requested_policy_version=version)))


def grants(policy):
    return {b.role: list(b.members) for b in policy.bindings}


@pytest.fixture(scope="module")
def schemas(google):
    return pubsub_v1.SchemaServiceClient(transport=schema_transport(google))


def schema_transport(google):
    from google.pubsub_v1.services.schema_service.transports.grpc import SchemaServiceGrpcTransport
    import grpc
    return SchemaServiceGrpcTransport(channel=grpc.insecure_channel(google.emulator.pubsub))


@pytest.fixture(params=["topics", "subscriptions", "snapshots", "schemas"])
def resource(request, google, schemas):
    """One of each kind: its name, its client, how it is deleted and made again."""
    topic = google.topic()
    if request.param == "topics":
        return (topic, google.publisher, lambda: google.publisher.delete_topic(topic=topic),
                lambda: google.publisher.create_topic(name=topic))
    sub = google.subscription(topic)
    if request.param == "subscriptions":
        return (sub, google.subscriber, lambda: google.subscriber.delete_subscription(subscription=sub),
                lambda: google.subscriber.create_subscription(name=sub, topic=topic))
    if request.param == "snapshots":
        name = google.snapshot_name()

        def make():
            google.subscriber.create_snapshot(name=name, subscription=sub)
        make()
        return name, google.subscriber, lambda: google.subscriber.delete_snapshot(snapshot=name), make
    ident = "schema-of-" + topic.rsplit("/", 1)[1]

    def make_schema():
        return schemas.create_schema(request={
            "parent": f"projects/{google.project}", "schema_id": ident,
            "schema": {"type_": "AVRO", "definition": AVRO}}).name
    name = make_schema()
    return name, schemas, lambda: schemas.delete_schema(name=name), make_schema


# --- the life of a policy ---------------------------------------------------------

def test_a_policy_is_set_shown_and_gone_with_its_resource(resource):
    name, client, delete, make = resource
    empty = get_policy(client, name)
    assert (empty.etag, len(empty.bindings), empty.version) == (NO_ETAG, 0, 0)
    made = set_policy(client, name, binding(VIEWER, "user:B@Example.com", "allUsers"),
                      binding(PUBLISHER, "group:g@example.com"), binding("roles/pubsub.editor"),
                      binding(VIEWER, "user:b@example.com"))
    assert made.version == 1 and len(made.etag) == 8
    assert grants(made) == {PUBLISHER: ["group:g@example.com"],
                            VIEWER: ["allUsers", "user:b@example.com"]}
    assert get_policy(client, name) == made
    delete()
    with pytest.raises(exceptions.NotFound):
        get_policy(client, name)
    with pytest.raises(exceptions.NotFound):
        set_policy(client, name)
    make()
    assert get_policy(client, name) == empty


def test_permissions_that_the_resource_knows_are_granted(resource):
    name, client, _, _ = resource
    kind = name.split("/")[2]
    own = [f"pubsub.{kind}.{verb}" for verb in ("getIamPolicy", "delete")]
    asked = [own[0], "pubsub.projects.get", f"pubsub.{kind}.fly", own[1], own[0]]
    answer = client.test_iam_permissions(request={"resource": name, "permissions": asked})
    assert list(answer.permissions) == own
    # not NOT_FOUND, says its reference
    answer = client.test_iam_permissions(request={"resource": name + "x", "permissions": own})
    assert list(answer.permissions) == []
    for wrong in ("*", "pubsub.*", ""):
        with pytest.raises(exceptions.InvalidArgument, match="wildcards"):
            client.test_iam_permissions(request={"resource": name, "permissions": [wrong]})


def test_a_policy_ends_with_an_expired_subscription(google):
    topic = google.topic()
    name = google.subscription(topic, expiration_policy={"ttl": {"seconds": 86400}})
    set_policy(google.subscriber, name, binding(VIEWER, "allUsers"))
    google.emulator.advance(86401)
    with pytest.raises(exceptions.NotFound):
        get_policy(google.subscriber, name)
    google.subscriber.create_subscription(name=name, topic=topic)
    assert get_policy(google.subscriber, name).etag == NO_ETAG


def test_a_schemas_policy_outlives_its_revisions(google, schemas):
    parent = f"projects/{google.project}"
    made = schemas.create_schema(request={"parent": parent, "schema_id": "revised",
                                          "schema": {"type_": "AVRO", "definition": AVRO}})
    set_policy(schemas, made.name, binding(VIEWER, "allUsers"))
    schemas.commit_schema(name=made.name, schema={
        "name": made.name, "type_": "AVRO", "definition": AVRO.replace(
            "]}", ',{"name":"b","type":"string","default":""}]}')})
    schemas.delete_schema_revision(name=f"{made.name}@{made.revision_id}")
    assert grants(get_policy(schemas, made.name)) == {VIEWER: ["allUsers"]}


# --- concurrency, masks, versions ---------------------------------------------------

def test_an_old_etag_is_refused_and_none_is_not(google):
    name, client = google.topic(), google.publisher
    first = set_policy(client, name, binding(VIEWER, "allUsers"), etag=NO_ETAG)
    second = set_policy(client, name, binding(PUBLISHER, "allUsers"), etag=first.etag)
    assert second.etag > first.etag
    with pytest.raises(exceptions.Aborted, match="concurrent policy changes"):
        set_policy(client, name, binding(VIEWER, "allUsers"), etag=first.etag)
    assert get_policy(client, name) == second
    assert grants(set_policy(client, name, binding(VIEWER, "allUsers"))) == {VIEWER: ["allUsers"]}


def test_a_mask_chooses_what_is_set_and_checked(google):
    name, client = google.topic(), google.publisher
    first = set_policy(client, name, binding(VIEWER, "allUsers"))
    # the etag is not in the mask, so it is not compared
    second = set_policy(client, name, binding(PUBLISHER, "allUsers"), etag=NO_ETAG, mask=["bindings"])
    assert grants(second) == {PUBLISHER: ["allUsers"]}
    with pytest.raises(exceptions.Aborted):
        set_policy(client, name, etag=first.etag, mask=["etag"])
    third = set_policy(client, name, etag=second.etag, mask=["etag"])
    assert grants(third) == grants(second) and third.etag != second.etag
    for path in ("bindings.role", "members", ""):
        with pytest.raises(exceptions.InvalidArgument, match="update_mask"):
            set_policy(client, name, mask=["bindings", path])


def test_conditions_need_version_3(google):
    name, client = google.topic(), google.publisher
    conditional = binding(VIEWER, "user:a@example.com", condition={
        "title": "soon over", "expression": 'request.time < timestamp("2030-01-01T00:00:00Z")'})
    with pytest.raises(exceptions.InvalidArgument, match="version must be 3"):
        set_policy(client, name, conditional, version=1)
    made = set_policy(client, name, conditional, binding(VIEWER, "allUsers"), version=3)
    assert made.version == 3 and get_policy(client, name, 3) == made
    assert [b.condition.title for b in made.bindings] == ["", "soon over"]
    old = get_policy(client, name)
    assert old.version == 1 and old.etag == made.etag
    assert old.bindings[1].role.startswith(VIEWER + "_withcond_") and not old.bindings[1].condition.title
    # read and written back by a client of version 1
    for bindings in (old.bindings, [binding(VIEWER, "allUsers")]):
        with pytest.raises(exceptions.InvalidArgument, match="ersion 3"):
            set_policy(client, name, *bindings, version=1, etag=old.etag)
    with pytest.raises(exceptions.InvalidArgument, match="requested policy version 2"):
        get_policy(client, name, 2)


@pytest.mark.parametrize("bad, text", [
    (binding(VIEWER, "bob@example.com"), "unknown type"),
    (binding(VIEWER, "user:bob"), "Invalid user"),
    (binding("roles/pubsub.boss", "allUsers"), "not supported for this resource"),
    (binding("viewer", "allUsers"), "Invalid role"),
])
def test_what_no_policy_may_hold(google, bad, text):
    name = google.topic()
    with pytest.raises(exceptions.InvalidArgument, match=text):
        set_policy(google.publisher, name, binding(VIEWER, "allUsers"), bad)
    assert get_policy(google.publisher, name).etag == NO_ETAG


@pytest.mark.parametrize("name", ["", "projects/p", "projects/p/topics/", "projects/p/subscription/sub",
                                  "projects/p/schemas/abc@12345678", "projects/p/topics/abc/x"])
def test_names_without_a_policy(google, name):
    for ask in (lambda: get_policy(google.publisher, name), lambda: set_policy(google.publisher, name),
                lambda: google.publisher.test_iam_permissions(request={"resource": name, "permissions": []})):
        with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name"):
            ask()


# --- REST -----------------------------------------------------------------------------

def test_the_rest_forms(emulator):
    for kind, body in (("topics/iam-topic", {}),
                       ("subscriptions/iam-sub", {"topic": "projects/datos-local/topics/iam-topic"}),
                       ("snapshots/iam-snap", {"subscription": "projects/datos-local/subscriptions/iam-sub"})):
        assert emulator.rest("PUT", kind, body).status == 200
    assert emulator.rest("POST", "schemas?schemaId=iam-schema", {
        "type": "AVRO", "definition": AVRO}).status == 200
    for name in ("topics/iam-topic", "subscriptions/iam-sub", "snapshots/iam-snap", "schemas/iam-schema"):
        assert emulator.rest("GET", f"{name}:getIamPolicy").json() == {"etag": "ACAB"}
        answer = emulator.rest("POST", f"{name}:setIamPolicy", {
            "policy": {"version": 3, "etag": "ACAB", "bindings": [
                {"role": VIEWER, "members": ["allAuthenticatedUsers"]},
                {"role": VIEWER, "members": ["user:a@b.c"],
                 "condition": {"title": "t", "expression": "true"}}]},
            "updateMask": "bindings,etag"})
        assert answer.status == 200, answer.body
        got = emulator.rest("GET", f"{name}:getIamPolicy?options.requestedPolicyVersion=3").json()
        assert got == answer.json() and got["version"] == 3
        assert got["bindings"][1]["condition"] == {"title": "t", "expression": "true"}
        again = emulator.rest("POST", f"{name}:setIamPolicy", {"policy": {"etag": "ACAB"}})
        assert (again.status, again.json()["error"]["status"]) == (409, "ABORTED")
        own = f"pubsub.{name.split('/', maxsplit=1)[0]}.update"
        answer = emulator.rest("POST", f"{name}:testIamPermissions",
                               {"permissions": [own, "pubsub.schemas.commit"]}).json()
        assert answer == {"permissions": ["pubsub.schemas.commit" if "schema" in name else own]}
        assert emulator.rest("POST", f"{name}:setIamPolicy", {}).status == 400
        assert emulator.rest("POST", f"{name}:getIamPolicy", {}).status == 404


def test_reflection_names_the_service(emulator):
    import grpc
    with grpc.insecure_channel(emulator.pubsub) as channel:
        ask = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        # list_services (field 7) = ""
        answer = b"".join(ask(iter([b"\x3a\x00"])))
    assert b"google.iam.v1.IAMPolicy" in answer

# SPDX-License-Identifier: Apache-2.0
"""Codes and texts of refusals: production's, and those of Google's emulator
under the lenient profile."""
import base64
import http.client

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf import duration_pb2, field_mask_pb2

LEAF = "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names"
INVALID, OUT, MISSING, EXISTS, PRECONDITION = (
    exceptions.InvalidArgument, exceptions.OutOfRange, exceptions.NotFound,
    exceptions.AlreadyExists, exceptions.FailedPrecondition)


def refused(kind, text, call):
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind, caught.value
    assert caught.value.message == text


def sub(google, **settings):
    return lambda: google.subscription(google.topic(), **settings)


def seconds(n):
    return duration_pb2.Duration(seconds=n)


@pytest.fixture(scope="module")
def known(google):
    topic = google.topic()
    return {"topic": topic, "subscription": google.subscription(topic)}


# --- what is not there, or is already ------------------------------------------

@pytest.mark.parametrize("call", [
    lambda g, s: g.subscriber.get_subscription(subscription=s),
    lambda g, s: g.subscriber.delete_subscription(subscription=s),
    lambda g, s: g.subscriber.update_subscription(
        subscription={"name": s}, update_mask=field_mask_pb2.FieldMask(paths=["labels"])),
    lambda g, s: g.subscriber.acknowledge(subscription=s, ack_ids=["x"]),
    lambda g, s: g.subscriber.modify_ack_deadline(subscription=s, ack_ids=["x"],
                                                  ack_deadline_seconds=1),
    lambda g, s: g.subscriber.pull(subscription=s, max_messages=1),
    lambda g, s: g.subscriber.seek(request={"subscription": s, "time": {}}),
    lambda g, s: g.subscriber.modify_push_config(subscription=s, push_config={}),
    lambda g, s: g.publisher.detach_subscription(request={"subscription": s}),
    lambda g, s: g.subscriber.create_snapshot(name=g.snapshot_name(), subscription=s),
    lambda g, s: list(g.subscriber.streaming_pull(
        iter([{"subscription": s, "stream_ack_deadline_seconds": 10}]))),
])
def test_unknown_and_malformed_subscriptions(google, call):
    path = google.subscriber.subscription_path(google.project, "no-such")
    refused(MISSING, "Resource not found (resource=no-such).", lambda: call(google, path))
    with pytest.raises(exceptions.InvalidArgument):
        call(google, "no-path")


@pytest.mark.parametrize("call", [
    lambda g, t: g.publisher.get_topic(topic=t),
    lambda g, t: g.publisher.delete_topic(topic=t),
    lambda g, t: g.publish(t, "x"),
    lambda g, t: g.publisher.update_topic(
        topic={"name": t}, update_mask=field_mask_pb2.FieldMask(paths=["labels"])),
    lambda g, t: list(g.publisher.list_topic_subscriptions(topic=t)),
    lambda g, t: list(g.publisher.list_topic_snapshots(topic=t)),
    lambda g, t: g.subscription(t),
    lambda g, t: g.subscription(g.topic(), dead_letter_policy={"dead_letter_topic": t}),
])
def test_unknown_and_malformed_topics(google, call):
    path = google.publisher.topic_path(google.project, "no-such")
    refused(MISSING, "Resource not found (resource=no-such).", lambda: call(google, path))
    refused(INVALID, f"Invalid resource name given (name=no/path). Refer to {LEAF} for more "
            "information.", lambda: call(google, "no/path"))


@pytest.mark.parametrize("name", ["ab", "1ab", "goog-x", "a" * 256, "a/b", "a b", "á-b", ""])
def test_bad_ids_are_refused(google, name):
    full = f"projects/{google.project}/topics/{name}"
    refused(INVALID, f"Invalid resource name given (name={full}). Refer to {LEAF} for more "
            "information.", lambda: google.publisher.create_topic(name=full))


@pytest.mark.parametrize("name", ["abc", "a" * 255, "A-_.~+%9"])
def test_odd_but_good_ids_are_taken(google, name):
    full = f"projects/example.com:proj/topics/{name}"
    assert google.publisher.create_topic(name=full).name == full


def test_nothing_is_created_twice(google, known):
    leaf = known["topic"].rsplit("/", 1)[1]
    refused(EXISTS, f"Resource already exists in the project (resource={leaf}).",
            lambda: google.publisher.create_topic(name=known["topic"]))
    leaf = known["subscription"].rsplit("/", 1)[1]
    refused(EXISTS, f"Resource already exists in the project (resource={leaf}).",
            lambda: google.subscriber.create_subscription(name=known["subscription"],
                                                          topic=known["topic"]))


# --- settings out of bounds ----------------------------------------------------

RETENTION = ("The value for message retention duration is out of bounds. You passed {} in the "
             "request, but the value must be between 10m and 744h.")
TTL = ("The value for expiration duration is too small. You passed {} in the request, but the "
       "minimum value is 24h.")
DEADLINE = ("Invalid ack deadline given (ack_deadline={}). The ack deadline must be between 10 "
            "and 600 seconds.")
LABELS = "You have passed an invalid argument to the service (argument=Invalid labels: {})."


@pytest.mark.parametrize("settings,text", [
    ({"ack_deadline_seconds": 9}, DEADLINE.format(9)),
    ({"ack_deadline_seconds": 601}, DEADLINE.format(601)),
    ({"ack_deadline_seconds": -1}, DEADLINE.format(-1)),
    ({"message_retention_duration": seconds(599)}, RETENTION.format("9m59s")),
    ({"message_retention_duration": seconds(31 * 86400 + 1)}, RETENTION.format("744h1s")),
    ({"expiration_policy": {"ttl": seconds(3600)}}, TTL.format("1h")),
    ({"labels": {"Upper": "x"}}, LABELS.format("key 'Upper', value 'x'")),
    ({"labels": {"k": "Value"}}, LABELS.format("key 'k', value 'Value'")),
    ({"labels": {f"k{i}": "" for i in range(65)}}, LABELS.format("more than 64")),
])
def test_settings_out_of_bounds(google, settings, text):
    refused(INVALID, text, sub(google, **settings))


@pytest.mark.parametrize("what,path,body", [
    ("tags of topics", "topics/tagged", {"tags": {"k": "v"}}),
    ("tags of subscriptions", "subscriptions/tagged", {"topic": "TOPIC", "tags": {"k": "v"}}),
    ("tags of snapshots", "snapshots/tagged", {"subscription": "SUB", "tags": {"k": "v"}}),
    ("bigtable_config of subscriptions", "subscriptions/tagged",
     {"topic": "TOPIC", "bigtableConfig": {"table": "projects/p/instances/i/tables/t"}}),
])
def test_what_nobody_is_there_to_act_on_is_refused(google, known, what, path, body):
    """By REST: the Python client does not know these fields yet."""
    names = {"TOPIC": known["topic"], "SUB": known["subscription"]}
    answer = google.emulator.rest("PUT", path, {
        k: names.get(v, v) if isinstance(v, str) else v for k, v in body.items()})
    assert answer.status == 501, answer.body
    assert what in answer.json()["error"]["message"]


@pytest.mark.parametrize("policy", [
    {"minimum_backoff": seconds(601)}, {"maximum_backoff": seconds(601)},
    {"minimum_backoff": seconds(-1)},
    {"minimum_backoff": seconds(20), "maximum_backoff": seconds(10)}])
def test_retry_policies_out_of_bounds(google, policy):
    with pytest.raises(exceptions.InvalidArgument):
        google.subscription(google.topic(), retry_policy=policy)


@pytest.mark.parametrize("attempts,text", [
    (4, "The value for max_delivery_attempts is too small. You passed 4 in the request, but the "
        "minimum value is 5."),
    (101, "The value for max_delivery_attempts is too large. You passed 101 in the request, but "
          "the maximum value is 100.")])
def test_attempts_out_of_bounds(google, attempts, text):
    policy = {"dead_letter_topic": google.topic(), "max_delivery_attempts": attempts}
    refused(OUT, text, sub(google, dead_letter_policy=policy))


def test_topic_retention_out_of_bounds(google):
    refused(INVALID, RETENTION.format("1s"),
            lambda: google.topic(message_retention_duration=seconds(1)))


@pytest.mark.parametrize("text", [
    "attributes.a", "attributes:a AND attributes:b OR attributes:c", "a = 1", "attributes.a = 'x'",
    'attributes.a = "x" and attributes:b', 'NOT', '(attributes:a', 'hasPrefix(attributes.a)',
    'attributes:a' + ' ' * 250])
def test_bad_filters_are_refused(google, text):
    with pytest.raises(exceptions.InvalidArgument):
        google.subscription(google.topic(), filter=text)


@pytest.mark.parametrize("field", ["name", "topic", "filter", "enable_message_ordering", "detached"])
def test_immutable_fields_are_not_changed(google, known, field):
    refused(INVALID, "Invalid update_mask provided in the UpdateSubscriptionRequest: the "
            f"'{field}' field in the Subscription is not mutable.",
            lambda: google.subscriber.update_subscription(
                subscription={"name": known["subscription"]},
                update_mask=field_mask_pb2.FieldMask(paths=[field])))


@pytest.mark.parametrize("paths,text", [
    (["no_such"], "Invalid update_mask provided in the UpdateTopicRequest: 'no_such' is not a "
                  "known Topic field."),
    (["name"], "Invalid update_mask provided in the UpdateTopicRequest: the 'name' field in the "
               "Topic is not mutable."),
    ([], "The update_mask in the UpdateTopicRequest must be set, and must contain a non-empty "
         "paths list.")])
def test_bad_masks_of_topics(google, known, paths, text):
    refused(INVALID, text, lambda: google.publisher.update_topic(
        topic={"name": known["topic"]}, update_mask=field_mask_pb2.FieldMask(paths=paths)))


# --- publish -------------------------------------------------------------------

TOO_LARGE = "The value for {} is too large. You passed {} in the request, but the maximum value is {}."


@pytest.mark.parametrize("messages,text", [
    ([], "The value for message_count is too small. You passed 0 in the request, but the minimum "
         "value is 1."),
    ([{"data": b"x"}] * 1001, TOO_LARGE.format("message_count", 1001, 1000)),
    ([{}], "One or more messages in the publish request is empty. Each message must contain "
           "either non-empty data, or at least one attribute."),
    ([{"attributes": {f"k{i}": "v" for i in range(101)}}],
     TOO_LARGE.format("attribute count", 101, 100)),
    ([{"attributes": {"k" * 257: "v"}}], TOO_LARGE.format("attribute key size", 257, 256)),
    ([{"attributes": {"k": "v" * 1025}}], TOO_LARGE.format("attribute value size", 1025, 1024)),
    ([{"data": b"x", "ordering_key": "k" * 1025}],
     TOO_LARGE.format("ordering key size", 1025, 1024)),
    ([{"data": b"x", "ordering_key": "a"}, {"data": b"x", "ordering_key": "b"}],
     "All messages in a publish request must have the same ordering key."),
])
def test_bad_publishes(google, known, messages, text):
    refused(INVALID, text, lambda: google.raw.publish(topic=known["topic"], messages=messages))


def test_attributes_of_google_are_not_published(google, known):
    with pytest.raises(exceptions.InvalidArgument):
        google.raw.publish(topic=known["topic"],
                           messages=[{"data": b"x", "attributes": {"google_x": "1"}}])


def test_attributes_of_googles_clients_are_published(google):
    """With tracing on they send a message's trace along so: production takes them."""
    topic = google.topic()
    subscription = google.subscription(topic)
    sent = {"googclient_traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    google.raw.publish(topic=topic, messages=[{"data": b"x", "attributes": sent}])
    got = google.subscriber.pull(subscription=subscription, max_messages=1).received_messages
    assert dict(got[0].message.attributes) == sent


def test_largest_publish_goes_and_a_larger_does_not(google, known):
    room = 10_000_000 - 200
    ids = google.raw.publish(topic=known["topic"], messages=[{"data": b"x" * room}]).message_ids
    assert len(ids) == 1
    # by REST: without production's channel the client takes 4 MiB at most
    path = known["subscription"].split("/", 2)[2]
    got = google.emulator.rest("POST", f"{path}:pull", {"maxMessages": 10}).json()
    data = base64.b64decode(got["receivedMessages"][0]["message"]["data"])
    assert data == b"x" * room
    google.emulator.rest("POST", f"{path}:acknowledge",
                         {"ackIds": [m["ackId"] for m in got["receivedMessages"]]})
    with pytest.raises(exceptions.InvalidArgument, match="request_size is too large"):
        google.raw.publish(topic=known["topic"], messages=[{"data": b"x" * 10_000_001}])
    with pytest.raises(exceptions.InvalidArgument,
                       match="Request payload size exceeds the limit: 10485760 bytes."):
        google.raw.publish(topic=known["topic"], messages=[{"data": b"x" * 10_485_800}])


# --- pull and acknowledge ------------------------------------------------------

def test_bad_pulls(google, known):
    for most in (0, -1):
        refused(INVALID, "You have passed an invalid argument to the service "
                "(argument=max_messages).",
                lambda: google.subscriber.pull(subscription=known["subscription"],
                                               max_messages=most))


def test_bad_acknowledgements(google, known):
    name = known["subscription"]
    none = "You have not specified an ack ID in the request."
    bad = "You have passed an invalid ack ID to the service (ack_id=bad)."
    refused(INVALID, none, lambda: google.subscriber.acknowledge(subscription=name, ack_ids=[]))
    refused(INVALID, bad, lambda: google.subscriber.acknowledge(subscription=name, ack_ids=["bad"]))
    refused(INVALID, none, lambda: google.subscriber.modify_ack_deadline(
        subscription=name, ack_ids=[], ack_deadline_seconds=5))
    refused(INVALID, bad, lambda: google.subscriber.modify_ack_deadline(
        subscription=name, ack_ids=["bad"], ack_deadline_seconds=5))
    for n in (-1, 601):
        refused(INVALID, f"Invalid ack deadline given (ack_deadline={n}). The ack deadline must be "
                "between 0 and 600 seconds.", lambda: google.subscriber.modify_ack_deadline(
                    subscription=name, ack_ids=["bad"], ack_deadline_seconds=n))


def test_seek_without_a_target(google, known):
    with pytest.raises(exceptions.InvalidArgument):
        google.subscriber.seek(request={"subscription": known["subscription"]})


def test_times_far_out_of_range_do_no_harm(google, known):
    for when in ({"seconds": 2**62}, {"seconds": -2**62}, {"seconds": 1, "nanos": -1}):
        with pytest.raises(exceptions.InvalidArgument, match="'time'"):
            google.subscriber.seek(request={"subscription": known["subscription"], "time": when})


def test_seek_to_a_snapshot_of_another_topic(google, known):
    other = google.subscriber.create_snapshot(
        name=google.snapshot_name(), subscription=google.subscription(google.topic()))
    with pytest.raises(exceptions.FailedPrecondition):
        google.subscriber.seek(request={"subscription": known["subscription"],
                                        "snapshot": other.name})


def test_bad_labels_of_a_snapshot(google, known):
    refused(INVALID, LABELS.format("key 'A', value ''"), lambda: google.subscriber.create_snapshot(
        request={"name": google.snapshot_name(), "subscription": known["subscription"],
                 "labels": {"A": ""}}))


@pytest.mark.parametrize("whole, nanos", [(700, 2_000_000_000), (2**63 - 1, 0), (700, -1)])
def test_times_and_durations_out_of_range_name_their_field(google, known, whole, nanos):
    topic = google.publisher.topic_path(google.project, "ranged")
    with pytest.raises(exceptions.InvalidArgument, match="'message_retention_duration'"):
        google.publisher.create_topic(request=pubsub_v1.types.Topic.pb()(
            name=topic, message_retention_duration={"seconds": whole, "nanos": nanos}))
    with pytest.raises(exceptions.InvalidArgument, match="'time'"):
        google.subscriber.seek(request=pubsub_v1.types.SeekRequest.pb()(
            subscription=known["subscription"], time={"seconds": whole, "nanos": nanos}))


# --- lists ---------------------------------------------------------------------

def test_bad_pages(google):
    for page, match in (({"page_size": -1}, "page_size is out of bounds. You passed -1 in the request, but the "
                         "value must be between 0 and 1000."),
                        ({"page_size": 1001}, "page_size is out of bounds. You passed 1001"),
                        ({"page_token": "no-token"}, r"Invalid page token given \(token=no-token\)")):
        with pytest.raises(exceptions.InvalidArgument, match=match):
            list(google.publisher.list_topics(
                request={"project": f"projects/{google.project}", **page}))
    with pytest.raises(exceptions.InvalidArgument):
        list(google.publisher.list_topics(project="no-project"))


# --- Google's emulator ---------------------------------------------------------

def test_lenient_texts(lenient):
    g = lenient
    topic = g.topic()
    name = g.subscription(topic, ack_deadline_seconds=9)  # taken
    missing_topic = g.publisher.topic_path(g.project, "no-such")
    missing = g.subscriber.subscription_path(g.project, "no-such")
    refused(MISSING, "Topic not found", lambda: g.publisher.get_topic(topic=missing_topic))
    refused(MISSING, "Subscription does not exist",
            lambda: g.subscriber.get_subscription(subscription=missing))
    refused(MISSING, "Snapshot does not exist",
            lambda: g.subscriber.get_snapshot(snapshot=g.snapshot_name()))
    # updates have sentences of their own
    refused(MISSING, "Topic not found.", lambda: g.publisher.update_topic(
        topic={"name": missing_topic}, update_mask=field_mask_pb2.FieldMask(paths=["labels"])))
    refused(MISSING, "Subscription not found.", lambda: g.subscriber.update_subscription(
        subscription={"name": missing}, update_mask=field_mask_pb2.FieldMask(paths=["labels"])))
    assert not list(g.publisher.list_topic_subscriptions(topic=missing_topic))
    refused(INVALID, "The value for minimum_backoff is out of bounds. You passed 601s in the request, but the "
            "value must be between 0s and 600s.",
            sub(g, retry_policy={"minimum_backoff": seconds(601), "maximum_backoff": seconds(602)}))
    refused(EXISTS, "Topic already exists", lambda: g.publisher.create_topic(name=topic))
    refused(EXISTS, "Subscription already exists",
            lambda: g.subscriber.create_subscription(name=name, topic=topic))
    bad = f"projects/{g.project}/topics/1"
    refused(INVALID, f"Invalid [topics] name: (name={bad})",
            lambda: g.publisher.create_topic(name=bad))
    refused(INVALID, "ack_deadline_secs out of bounds", sub(g, ack_deadline_seconds=601))
    refused(INVALID, "message_retention_duration out of bounds",
            sub(g, message_retention_duration=seconds(1)))
    refused(INVALID, "No max_messages specified",
            lambda: g.subscriber.pull(subscription=name, max_messages=0))
    refused(INVALID, "No ack ids specified.",
            lambda: g.subscriber.acknowledge(subscription=name, ack_ids=[]))
    refused(INVALID, "Invalid ack id (ack_id=bad)",
            lambda: g.subscriber.acknowledge(subscription=name, ack_ids=["bad"]))
    for ids, deadline, text in (
            (["bad"], 601, "Invalid ack id (ack_id=bad)"), (["bad"], -1, "Ack deadline cannot be negative"),
            ([], -1, "No ack ids specified"), ([], 601, "No ack ids specified")):
        refused(INVALID, text, lambda i=ids, d=deadline: g.subscriber.modify_ack_deadline(
            subscription=name, ack_ids=i, ack_deadline_seconds=d))
    g.raw.publish(topic=topic, messages=[{"data": b"x"}])
    kept = g.subscriber.pull(subscription=name, max_messages=1).received_messages[0].ack_id
    refused(INVALID, "ack_deadline_secs out of bounds", lambda: g.subscriber.modify_ack_deadline(
        subscription=name, ack_ids=[kept], ack_deadline_seconds=601))
    refused(MISSING, "Subscription topic does not exist",
            lambda: g.subscription(missing_topic))
    refused(MISSING, "Dead letter topic not found",
            sub(g, dead_letter_policy={"dead_letter_topic": missing_topic}))
    refused(INVALID, "Some messages are empty",
            lambda: g.raw.publish(topic=topic, messages=[{"ordering_key": "k"}]))
    refused(INVALID, "Unsupported push_endpoint", sub(g, push_config={"push_endpoint": "ftp://x"}))
    refused(INVALID, "The value for maximum_backoff is too small. You passed 10s in the request, "
            "but the minimum value is 20s.",
            sub(g, retry_policy={"minimum_backoff": seconds(20), "maximum_backoff": seconds(10)}))
    refused(INVALID, "No target was specified in the SeekRequest. Must specify either a time or a "
            "snapshot", lambda: g.subscriber.seek(request={"subscription": name}))
    refused(INVALID, "Invalid update_mask provided in the UpdateTopicRequest: bogus is not a known "
            "Topic field. Note that field paths must be of the form 'schema_settings' rather than "
            "'schemaSetings'.", lambda: g.publisher.update_topic(
                topic={"name": topic}, update_mask=field_mask_pb2.FieldMask(paths=["bogus"])))
    refused(INVALID, "Invalid update_mask provided in the UpdateSubscriptionRequest: the topic "
            "field in the Subscription is not mutable.", lambda: g.subscriber.update_subscription(
                subscription={"name": name}, update_mask=field_mask_pb2.FieldMask(paths=["topic"])))
    refused(INVALID, "No messages to publish", lambda: g.raw.publish(topic=topic, messages=[]))
    refused(INVALID, "Too many messages to publish",
            lambda: g.raw.publish(topic=topic, messages=[{"data": b"x"}] * 1001))


def test_lenient_stream_names_what_is_missing(lenient):
    g = lenient
    name = g.subscriber.subscription_path(g.project, "no-such")
    first = pubsub_v1.types.StreamingPullRequest(subscription=name, stream_ack_deadline_seconds=10)
    refused(MISSING, "Subscription does not exist (resource=no-such)",
            lambda: list(g.subscriber.streaming_pull(requests=iter([first]), retry=None, timeout=10)))


@pytest.mark.parametrize("method,path,body,status,answer", [
    ("PUT", "projects/p/topics/rest-t", b'{"zz":1}', 400, "Payload isn't valid for request."),
    ("PUT", "projects/p/topics/rest-t", b"{bad", 400, "Payload isn't valid for request."),
    ("POST", "projects/p/topics/rest-t:publish", b'{"messages":[{"data":"!!"}]}', 400,
     "Payload isn't valid for request."),
    ("GET", "projects/p/topics/no-such", None, 404, "Topic not found"),
    ("GET", "x", None, 404, None), ("POST", "projects/p/topics/rest-t", b"{}", 404, None)])
def test_lenient_rest_errors_are_one_line(lenient, method, path, body, status, answer):
    connection = http.client.HTTPConnection(lenient.emulator.pubsub, timeout=10)
    connection.request(method, "/v1/" + path, body)
    got = connection.getresponse()
    text = got.read().decode()
    connection.close()
    assert got.status == status
    if not answer:
        assert text == "Not Found\n" and got.getheader("content-type") == "text/plain"
        return
    name = "INVALID_ARGUMENT" if status == 400 else "NOT_FOUND"
    assert text == f'{{"error":{{"code":{status},"message":"{answer}","status":"{name}"}}}}'


def test_lenient_takes_what_googles_emulator_takes(lenient):
    g = lenient
    topic = g.topic(labels={"Upper": "X"})
    name = g.subscription(topic, expiration_policy={"ttl": seconds(3600)})
    g.subscription(topic, enable_exactly_once_delivery=True, push_config={"push_endpoint": "http://127.0.0.1:9/"})
    assert len(list(g.publisher.list_topics(request={"project": f"projects/{g.project}", "page_size": 1001})))
    sent = [{"data": b"x", "ordering_key": "k" * 2000, "attributes": {"goog": "v" * 2000}},
            {"data": b"y", "ordering_key": "other"}]
    assert len(g.raw.publish(topic=topic, messages=sent).message_ids) == 2
    assert len(g.pull(name)) == 2
    assert list(g.publisher.list_topics(
        request={"project": f"projects/{g.project}", "page_token": "no-token"}))

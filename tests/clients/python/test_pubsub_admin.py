# SPDX-License-Identifier: Apache-2.0
"""Topics, subscriptions and snapshots: made, shown, listed in pages, changed by
mask, detached and deleted, as production does it."""
import datetime

import pytest
from google.api_core import exceptions
from google.protobuf import duration_pb2, field_mask_pb2


def mask(*paths):
    return field_mask_pb2.FieldMask(paths=paths)


def seconds(n):
    return duration_pb2.Duration(seconds=n)


# --- topics -------------------------------------------------------------------

def test_topic_is_created_shown_and_deleted(google):
    name = google.topic(labels={"team": "blue"}, message_retention_duration=seconds(3600))
    shown = google.publisher.get_topic(topic=name)
    assert dict(shown.labels) == {"team": "blue"}
    assert shown.message_retention_duration.total_seconds() == 3600
    assert shown.state == shown.State.ACTIVE
    google.publisher.delete_topic(topic=name)
    with pytest.raises(exceptions.NotFound):
        google.publisher.get_topic(topic=name)


def test_topic_fields_change_by_mask_alone(google):
    name = google.topic(labels={"a": "1"}, message_retention_duration=seconds(3600))
    changed = google.publisher.update_topic(
        topic={"name": name, "labels": {"b": "2"}}, update_mask=mask("labels"))
    assert dict(changed.labels) == {"b": "2"}
    assert changed.message_retention_duration.total_seconds() == 3600
    changed = google.publisher.update_topic(
        topic={"name": name}, update_mask=mask("message_retention_duration"))
    assert "message_retention_duration" not in changed
    assert dict(google.publisher.get_topic(topic=name).labels) == {"b": "2"}


def test_lists_are_sorted_and_paged_without_gaps(google):
    project = "projects/paged-project"
    names = [f"{project}/topics/topic-{i:02}" for i in range(23)]
    for name in reversed(names):
        google.publisher.create_topic(name=name)
    listed = google.publisher.list_topics(request={"project": project, "page_size": 5})
    pages = list(listed.pages)
    assert [len(p.topics) for p in pages] == [5, 5, 5, 5, 3]
    assert [t.name for p in pages for t in p.topics] == names
    assert pages[-1].next_page_token == ""
    # rows that go between two pages disturb no other
    first = google.raw.list_topics(request={"project": project, "page_size": 5})
    token = first.next_page_token
    google.publisher.delete_topic(topic=names[4])
    rest = google.publisher.list_topics(
        request={"project": project, "page_size": 100, "page_token": token})
    assert [t.name for t in rest] == names[5:]


def test_lists_are_of_one_project(google):
    google.publisher.create_topic(name="projects/aa/topics/topic")
    google.publisher.create_topic(name="projects/aa-b/topics/topic")
    listed = [t.name for t in google.publisher.list_topics(project="projects/aa")]
    assert listed == ["projects/aa/topics/topic"]


def test_topic_tells_its_subscriptions_and_snapshots(google):
    topic = google.topic()
    subscriptions = sorted(google.subscription(topic) for _ in range(3))
    snapshot = google.subscriber.create_snapshot(
        name=google.snapshot_name(), subscription=subscriptions[0])
    assert list(google.publisher.list_topic_subscriptions(topic=topic)) == subscriptions
    assert list(google.publisher.list_topic_snapshots(topic=topic)) == [snapshot.name]


def test_deleted_topic_leaves_its_subscriptions_and_their_backlog(google):
    topic = google.topic()
    subscription = google.subscription(topic)
    google.publish(topic, "kept")
    google.publisher.delete_topic(topic=topic)
    shown = google.subscriber.get_subscription(subscription=subscription)
    assert shown.topic == "_deleted-topic_"
    assert google.texts(subscription) == ["kept"]
    # one of the same name is another topic
    google.publisher.create_topic(name=topic)
    google.publish(topic, "other")
    assert list(google.publisher.list_topic_subscriptions(topic=topic)) == []
    assert google.texts(subscription) == []


# --- subscriptions -------------------------------------------------------------

def test_subscription_shows_productions_defaults(google):
    topic = google.topic(message_retention_duration=seconds(7200))
    shown = google.subscriber.get_subscription(subscription=google.subscription(topic))
    assert shown.ack_deadline_seconds == 10
    assert shown.message_retention_duration.total_seconds() == 7 * 86400
    assert shown.expiration_policy.ttl.total_seconds() == 31 * 86400
    assert shown.topic_message_retention_duration.total_seconds() == 7200
    assert shown.state == shown.State.ACTIVE
    listed = [s for s in google.subscriber.list_subscriptions(project=f"projects/{google.project}")
              if s.name == shown.name]
    assert listed == [shown]


def test_policies_get_their_defaults(google):
    topic, dead = google.topic(), google.topic()
    shown = google.subscriber.get_subscription(subscription=google.subscription(
        topic, retry_policy={}, dead_letter_policy={"dead_letter_topic": dead},
        expiration_policy={}))
    assert shown.retry_policy.minimum_backoff.total_seconds() == 10
    assert shown.retry_policy.maximum_backoff.total_seconds() == 600
    assert shown.dead_letter_policy.max_delivery_attempts == 5
    assert "ttl" not in shown.expiration_policy  # present and empty: never


def test_default_retention_is_no_longer_than_the_ttl(google):
    name = google.subscription(google.topic(), expiration_policy={"ttl": seconds(86400)})
    shown = google.subscriber.get_subscription(subscription=name)
    assert shown.message_retention_duration.total_seconds() == 86400


@pytest.mark.parametrize("field,value,check", [
    ("ack_deadline_seconds", 77, lambda s: s.ack_deadline_seconds == 77),
    ("labels", {"k": "v"}, lambda s: dict(s.labels) == {"k": "v"}),
    ("retain_acked_messages", True, lambda s: s.retain_acked_messages),
    ("message_retention_duration", seconds(1200),
     lambda s: s.message_retention_duration.total_seconds() == 1200),
    ("expiration_policy", {"ttl": seconds(2 * 86400)},
     lambda s: s.expiration_policy.ttl.total_seconds() == 2 * 86400),
    ("retry_policy", {"minimum_backoff": seconds(1), "maximum_backoff": seconds(9)},
     lambda s: s.retry_policy.maximum_backoff.total_seconds() == 9),
    ("enable_exactly_once_delivery", True, lambda s: s.enable_exactly_once_delivery),
])
def test_subscription_fields_change_by_mask_alone(google, field, value, check):
    name = google.subscription(google.topic(), ack_deadline_seconds=33, labels={"a": "b"})
    before = google.subscriber.get_subscription(subscription=name)
    # what the mask does not name is not looked at
    wanted = {"name": name, "ack_deadline_seconds": 600, field: value}
    changed = google.subscriber.update_subscription(subscription=wanted, update_mask=mask(field))
    assert check(changed)
    assert changed == google.subscriber.get_subscription(subscription=name)
    for other in type(before).meta.fields:
        assert other == field or getattr(changed, other) == getattr(before, other), other


def test_part_of_a_policy_changes_by_its_path(google):
    dead = google.topic()
    name = google.subscription(google.topic(), dead_letter_policy={
        "dead_letter_topic": dead, "max_delivery_attempts": 7})
    changed = google.subscriber.update_subscription(
        subscription={"name": name, "dead_letter_policy": {"max_delivery_attempts": 9}},
        update_mask=mask("dead_letter_policy.max_delivery_attempts"))
    assert changed.dead_letter_policy.max_delivery_attempts == 9
    assert changed.dead_letter_policy.dead_letter_topic == dead


def test_dead_letter_policy_is_taken_away_by_mask(google):
    name = google.subscription(google.topic(), dead_letter_policy={
        "dead_letter_topic": google.topic()})
    changed = google.subscriber.update_subscription(
        subscription={"name": name}, update_mask=mask("dead_letter_policy"))
    assert "dead_letter_policy" not in changed


def test_labels_change_after_the_dead_letter_topic_is_gone(google):
    dead = google.topic()
    name = google.subscription(google.topic(), dead_letter_policy={"dead_letter_topic": dead})
    google.publisher.delete_topic(topic=dead)
    changed = google.subscriber.update_subscription(
        subscription={"name": name, "labels": {"x": "y"}}, update_mask=mask("labels"))
    assert dict(changed.labels) == {"x": "y"}


def test_detached_subscription_has_no_backlog_and_is_not_pulled(google):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, "gone")
    google.publisher.detach_subscription(request={"subscription": name})
    assert google.subscriber.get_subscription(subscription=name).detached
    assert list(google.publisher.list_topic_subscriptions(topic=topic)) == []
    for call in (lambda: google.pull(name),
                 lambda: google.subscriber.seek(request={"subscription": name, "time": {}}),
                 lambda: google.subscriber.create_snapshot(name=google.snapshot_name(),
                                                           subscription=name)):
        with pytest.raises(exceptions.FailedPrecondition):
            call()


# --- snapshots -----------------------------------------------------------------

def test_snapshot_is_created_shown_listed_changed_and_deleted(google):
    topic = google.topic()
    name = google.snapshot_name()
    made = google.subscriber.create_snapshot(
        request={"name": name, "subscription": google.subscription(topic), "labels": {"a": "b"}})
    assert (made.name, made.topic, dict(made.labels)) == (name, topic, {"a": "b"})
    assert google.subscriber.get_snapshot(snapshot=name) == made
    assert name in [n.name for n in
                    google.subscriber.list_snapshots(project=f"projects/{google.project}")]
    changed = google.subscriber.update_snapshot(
        request={"snapshot": {"name": name, "labels": {"c": "d"}}, "update_mask": mask("labels")})
    assert dict(changed.labels) == {"c": "d"}
    assert changed.expire_time == made.expire_time
    google.subscriber.delete_snapshot(snapshot=name)
    with pytest.raises(exceptions.NotFound):
        google.subscriber.get_snapshot(snapshot=name)


def test_a_snapshot_expires_in_the_future_within_a_week(google):
    name = google.snapshot_name()
    google.subscriber.create_snapshot(
        request={"name": name, "subscription": google.subscription(google.topic())})

    def expire_at(moment):
        return google.subscriber.update_snapshot(request={
            "snapshot": {"name": name, "expire_time": moment}, "update_mask": mask("expire_time")})
    now = datetime.datetime.now(datetime.timezone.utc)
    soon = now + datetime.timedelta(hours=1)
    assert expire_at(soon).expire_time == soon
    for moment in (datetime.datetime.fromtimestamp(5, datetime.timezone.utc), now,
                   now + datetime.timedelta(days=8)):
        with pytest.raises(exceptions.InvalidArgument, match="expire_time"):
            expire_at(moment)
    assert google.subscriber.get_snapshot(snapshot=name).expire_time == soon


@pytest.mark.parametrize("before,path,after", [
    ({"pubsub_wrapper": {}}, "no_wrapper.write_metadata", {"no_wrapper": {"write_metadata": True}}),
    ({"no_wrapper": {"write_metadata": True}}, "pubsub_wrapper", {"pubsub_wrapper": {}}),
    ({"oidc_token": {"service_account_email": "a@b.c"}}, "oidc_token.audience",
     {"oidc_token": {"audience": "x"}}),
])
def test_paths_within_a_choice_choose(google, before, path, after):
    """A path to one member's field takes the other member away."""
    endpoint = "https://127.0.0.1:1/"
    name = google.subscription(google.topic(), push_config={"push_endpoint": endpoint, **before})
    changed = google.subscriber.update_subscription(
        subscription={"name": name, "push_config": after}, update_mask=mask(f"push_config.{path}"))
    shown = changed.push_config
    assert shown.push_endpoint == endpoint
    for field in after:
        assert field in shown
    assert ("no_wrapper" in shown) == ("no_wrapper" in after)
    if "oidc_token" in after:
        assert shown.oidc_token.service_account_email == "a@b.c"
        assert shown.oidc_token.audience == "x"
    assert google.subscriber.get_subscription(subscription=name) == changed


def test_server_names_a_snapshot_without_a_name(google):
    made = google.subscriber.create_snapshot(
        request={"subscription": google.subscription(google.topic())})
    assert made.name.startswith(f"projects/{google.project}/snapshots/")
    assert google.subscriber.get_snapshot(snapshot=made.name) == made

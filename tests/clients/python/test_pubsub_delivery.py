# SPDX-License-Identifier: Apache-2.0
"""What is delivered when: leases, redelivery, backoff, ordering, dead letters,
filters, retention and expiry, with the emulator's clock moved by the test."""
import threading
import time

import pytest
from google.api_core import exceptions
from google.protobuf import duration_pb2

HOUR, DAY = 3600, 86400


def seconds(n):
    return duration_pb2.Duration(seconds=n)


def wait_gone(question):
    """Until it is not found: the clock's move is told a moment later."""
    for _ in range(1000):
        try:
            question()
        except exceptions.NotFound:
            return
        time.sleep(0.005)
    pytest.fail("it is still there")


@pytest.fixture(autouse=True)
def clock(emulator):
    """Time stands unless a test moves it."""
    emulator.freeze()
    yield
    emulator.freeze(False)


# --- leases --------------------------------------------------------------------

def test_every_message_is_pulled_once(google):
    topic = google.topic()
    name = google.subscription(topic)
    ids = google.publish(topic, "a", "b", "c")
    got = google.pull(name)
    assert [m.message.message_id for m in got] == list(ids)
    assert [m.delivery_attempt for m in got] == [0, 0, 0]  # no dead-letter policy
    assert google.pull(name) == []
    google.ack(name, *got)


def test_new_subscription_gets_only_what_comes_after_it(google):
    topic = google.topic(message_retention_duration=seconds(HOUR))
    google.publish(topic, "before")
    name = google.subscription(topic)
    google.publish(topic, "after")
    assert google.texts(name) == ["after"]


def test_every_subscription_gets_all(google):
    topic = google.topic()
    names = [google.subscription(topic) for _ in range(3)]
    google.publish(topic, "a", "b")
    assert [google.drained(n) for n in names] == [["a", "b"]] * 3


def test_lease_runs_out(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, ack_deadline_seconds=20)
    google.publish(topic, "x")
    first = google.pull(name)
    emulator.advance(19.9)
    assert google.pull(name) == []
    emulator.advance(0.2)
    again = google.pull(name)
    assert [m.message for m in again] == [m.message for m in first]
    assert again[0].ack_id != first[0].ack_id
    # late, but not of an exactly-once subscription: it counts
    google.ack(name, *first)
    emulator.advance(HOUR)
    assert google.pull(name) == []


def test_lease_is_extended_and_cut_short(google, emulator):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, "x")
    got = google.pull(name)
    google.modack(name, 600, *got)
    emulator.advance(599)
    assert google.pull(name) == []
    google.modack(name, 15, *got)
    emulator.advance(16)
    assert len(google.pull(name)) == 1


def test_nack_returns_all_at_once(google):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, *"abc")
    for _ in range(3):
        got = google.pull(name)
        assert [m.message.data for m in got] == [b"a", b"b", b"c"]
        google.nack(name, *got)


def test_acknowledged_and_stale_ids_are_taken(google, emulator):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, "x")
    got = google.pull(name)
    google.ack(name, *got)
    google.ack(name, *got)
    google.modack(name, 30, *got)
    google.nack(name, *got)
    emulator.advance(HOUR)
    assert google.pull(name) == []


def test_pull_waits_for_what_comes(google):
    topic = google.topic()
    name = google.subscription(topic)
    found = []
    thread = threading.Thread(target=lambda: found.extend(google.pull(name, at_once=False)))
    thread.start()
    time.sleep(0.1)
    google.publish(topic, "late")
    thread.join(5)
    assert [m.message.data for m in found] == [b"late"]


# --- backoff -------------------------------------------------------------------

@pytest.mark.parametrize("fail", ["nack", "expire"])
def test_retry_policy_backs_off_from_min_to_max(google, emulator, fail):
    topic = google.topic()
    name = google.subscription(topic, ack_deadline_seconds=10, retry_policy={
        "minimum_backoff": seconds(20), "maximum_backoff": seconds(100)})
    google.publish(topic, "x")
    for wait in (20, 40, 80, 100, 100):
        got = google.pull(name)
        assert len(got) == 1, f"before {wait}"
        if fail == "nack":
            google.nack(name, *got)
        else:
            emulator.advance(10)
            assert google.pull(name) == []
        emulator.advance(wait - 0.1)
        assert google.pull(name) == []
        emulator.advance(0.2)


def test_backoff_is_each_messages_own(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, retry_policy={"minimum_backoff": seconds(60)})
    google.publish(topic, "first")
    google.nack(name, *google.pull(name))
    google.publish(topic, "second")
    assert google.texts(name) == ["second"]


# --- ordering ------------------------------------------------------------------

def test_keys_come_in_order_one_after_the_other(google):
    topic = google.topic()
    name = google.subscription(topic, enable_message_ordering=True)
    for i in range(20):
        for key in "xyz":
            google.publish(topic, f"{key}{i}", key=key)
    seen = {"x": [], "y": [], "z": []}
    while got := google.pull(name, 7):
        for m in got:
            seen[m.message.ordering_key].append(m.message.data.decode())
        google.ack(name, *got)
    assert seen == {key: [f"{key}{i}" for i in range(20)] for key in "xyz"}


def test_redelivery_of_one_redelivers_its_successors(google):
    topic = google.topic()
    name = google.subscription(topic, enable_message_ordering=True)
    google.publish(topic, *"abc", key="k")
    google.publish(topic, "other", key="l")
    got = google.pull(name)
    assert sorted(m.message.data for m in got) == [b"a", b"b", b"c", b"other"]
    by = {m.message.data.decode(): m for m in got}
    google.ack(name, by["c"], by["other"])  # even the acknowledged one comes again
    google.nack(name, by["a"])
    again = google.texts(name)
    assert again == ["a", "b", "c"]


def test_what_is_before_the_failed_one_stays_acknowledged(google):
    topic = google.topic()
    name = google.subscription(topic, enable_message_ordering=True)
    google.publish(topic, *"abc", key="k")
    got = google.pull(name)
    google.ack(name, got[0])
    google.nack(name, got[1])
    assert google.texts(name) == ["b", "c"]


def test_a_key_in_backoff_waits_whole(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, enable_message_ordering=True,
                               retry_policy={"minimum_backoff": seconds(30)})
    google.publish(topic, *"ab", key="k")
    google.nack(name, google.pull(name)[0])
    google.publish(topic, "c", key="k")
    google.publish(topic, "free", key="l")
    assert google.texts(name) == ["free"]
    emulator.advance(31)
    assert [t for t in google.texts(name) if t != "free"] == ["a", "b", "c"]


def test_without_ordering_keys_are_only_kept(google):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, *"ab", key="k")
    got = google.pull(name)
    assert [m.message.ordering_key for m in got] == ["k", "k"]
    google.nack(name, got[0])
    assert google.texts(name) == ["a"]


# --- dead letters --------------------------------------------------------------

def test_worn_out_message_is_on_the_dead_letter_topic(google, emulator):
    topic, dead = google.topic(), google.topic()
    name = google.subscription(topic, dead_letter_policy={
        "dead_letter_topic": dead, "max_delivery_attempts": 5})
    buried = google.subscription(dead)
    google.publish(topic, "bad", key="k", colour="red")
    sent = google.pull(name)[0]
    google.nack(name, sent)
    for attempt in (2, 3, 4, 5):
        got = google.pull(name)
        assert [m.delivery_attempt for m in got] == [attempt]
        google.nack(name, *got)
    assert google.pull(name) == []
    got = google.pull(buried)
    assert len(got) == 1
    message = got[0].message
    assert (message.data, message.ordering_key) == (b"bad", "k")
    assert got[0].delivery_attempt == 0
    attributes = dict(message.attributes)
    assert attributes.pop("CloudPubSubDeadLetterSourceTopicPublishTime").endswith("Z")
    assert attributes == {
        "colour": "red",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": name.rsplit("/", 1)[1],
        "CloudPubSubDeadLetterSourceSubscriptionProject": google.project,
    }
    emulator.advance(HOUR)
    assert google.pull(name) == []


def test_many_expired_leases_are_forwarded_at_once(google, emulator):
    topic, dead = google.topic(), google.topic()
    name = google.subscription(topic, dead_letter_policy={
        "dead_letter_topic": dead, "max_delivery_attempts": 5})
    buried = google.subscription(dead)
    n = 3000
    for i in range(0, n, 1000):
        google.publish(topic, *(str(k) for k in range(i, i + 1000)))
    for _ in range(5):
        got = []
        while more := google.pull(name, 1000):
            got += more
        assert len(got) == n
        emulator.advance(11)
    assert google.pull(name) == []
    assert sorted(map(int, google.drained(buried))) == list(range(n))


def test_without_the_dead_letter_topic_messages_stay(google, emulator):
    topic, dead = google.topic(), google.topic()
    name = google.subscription(topic, dead_letter_policy={
        "dead_letter_topic": dead, "max_delivery_attempts": 5})
    google.publish(topic, "x")
    google.publisher.delete_topic(topic=dead)
    for attempt in range(1, 9):
        got = google.pull(name)
        assert [m.delivery_attempt for m in got] == [attempt]
        google.nack(name, *got)


# --- filters -------------------------------------------------------------------

@pytest.mark.parametrize("text,want", [
    ('attributes:a', ["a1", "a2", "ab"]),
    ('NOT attributes:a', ["b", "none"]),
    ('-attributes:a', ["b", "none"]),
    ('attributes.a = "1"', ["a1", "ab"]),
    ('attributes.a != "1"', ["a2", "b", "none"]),
    ('hasPrefix(attributes.b, "xy")', ["ab", "b"]),
    ('attributes:a AND attributes:b', ["ab"]),
    ('attributes:b OR attributes.a = "2"', ["a2", "ab", "b"]),
    ('(attributes:a OR attributes:b) AND NOT attributes.a = "1"', ["a2", "b"]),
    ('attributes:"á b"', ["quoted"]),
])
def test_filters(google, text, want):
    topic = google.topic()
    name = google.subscription(topic, filter=text)
    for data, attributes in (("a1", {"a": "1"}), ("a2", {"a": "2"}),
                             ("ab", {"a": "1", "b": "xyz"}), ("b", {"b": "xy"}), ("none", {})):
        google.publish(topic, data, **attributes)
    if "á" in text:
        google.raw.publish(topic=topic, messages=[{"data": b"quoted", "attributes": {"á b": "1"}}])
    assert google.texts(name) == want


# --- retention, expiry ---------------------------------------------------------

def test_backlog_beyond_retention_is_gone(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, message_retention_duration=seconds(600))
    google.publish(topic, "old")
    held = google.pull(name)
    emulator.advance(400)
    google.publish(topic, "new")
    emulator.advance(300)
    assert google.texts(name) == ["new"]
    google.ack(name, *held)  # too late, and no harm


def test_topics_retention_outlasts_the_subscriptions(google, emulator):
    topic = google.topic(message_retention_duration=seconds(2 * HOUR))
    name = google.subscription(topic, message_retention_duration=seconds(600))
    google.publish(topic, "kept")
    emulator.advance(HOUR)
    assert google.texts(name) == ["kept"]


def test_unused_subscription_expires_and_a_used_one_does_not(google, emulator):
    topic = google.topic()
    unused, used, never = (google.subscription(topic, expiration_policy={"ttl": seconds(DAY)}),
                           google.subscription(topic, expiration_policy={"ttl": seconds(DAY)}),
                           google.subscription(topic, expiration_policy={}))
    for _ in range(3):
        emulator.advance(DAY / 2 + 60)
        google.pull(used)
    wait_gone(lambda: google.subscriber.get_subscription(subscription=unused))
    google.subscriber.get_subscription(subscription=used)
    google.subscriber.get_subscription(subscription=never)


def test_snapshot_expires_after_a_week(google, emulator):
    name = google.snapshot_name()
    subscription = google.subscription(google.topic())
    google.subscriber.create_snapshot(name=name, subscription=subscription)
    emulator.advance(7 * DAY - 60)
    google.subscriber.get_snapshot(snapshot=name)
    emulator.advance(120)
    wait_gone(lambda: google.subscriber.get_snapshot(snapshot=name))


def test_snapshot_of_an_old_backlog_is_refused(google, emulator):
    topic = google.topic()
    subscription = google.subscription(topic, message_retention_duration=seconds(10 * DAY))
    google.publish(topic, "old")
    emulator.advance(7 * DAY - 1800)
    with pytest.raises(exceptions.FailedPrecondition):
        google.subscriber.create_snapshot(name=google.snapshot_name(), subscription=subscription)


def test_ten_hours_of_leases_and_backoff_in_seconds(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, ack_deadline_seconds=60, retry_policy={
        "minimum_backoff": seconds(60), "maximum_backoff": seconds(600)})
    google.publish(topic, *(str(i) for i in range(200)))
    start, deliveries = time.monotonic(), 0
    for _ in range(600):  # minute by minute
        deliveries += len(google.pull(name, 1000))
        emulator.advance(60)
    # at 0, 2, 5, 10, 19, 30 and then every 11 minutes
    assert 200 * 50 <= deliveries <= 200 * 60
    assert time.monotonic() - start < 120

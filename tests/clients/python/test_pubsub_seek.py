# SPDX-License-Identifier: Apache-2.0
"""Seek to a time and to a snapshot, with and without retention."""
import datetime

import pytest
from google.api_core import exceptions
from google.protobuf import duration_pb2

UTC = datetime.timezone.utc


def seconds(n):
    return duration_pb2.Duration(seconds=n)


@pytest.fixture(autouse=True)
def clock(emulator):
    emulator.freeze()
    yield
    emulator.freeze(False)


def now(emulator):
    text = emulator.control("GET", "clock").json()["now"]
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def seek(google, name, **target):
    google.subscriber.seek(request={"subscription": name, **target})


def test_to_the_future_purges(google, emulator):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, *"ab")
    google.pull(name, 1)
    seek(google, name, time=now(emulator) + datetime.timedelta(days=1))
    emulator.advance(60)
    assert google.texts(name) == []
    google.publish(topic, "c")
    assert google.texts(name) == ["c"]


def test_to_the_past_brings_retained_acknowledged_messages_back(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, retain_acked_messages=True)
    google.publish(topic, "a")
    emulator.advance(10)
    between = now(emulator)
    emulator.advance(10)
    google.publish(topic, "b")
    assert google.drained(name) == ["a", "b"]
    seek(google, name, time=between)
    assert google.drained(name) == ["b"]
    seek(google, name, time=between - datetime.timedelta(seconds=15))
    assert google.drained(name) == ["a", "b"]


def test_to_the_past_without_retention_brings_nothing_back(google, emulator):
    topic = google.topic()
    name = google.subscription(topic)
    start = now(emulator)
    google.publish(topic, "a")
    assert google.drained(name) == ["a"]
    google.publish(topic, "b")
    seek(google, name, time=start)
    assert google.texts(name) == ["b"]


def test_a_topics_retention_reaches_before_the_subscription(google, emulator):
    topic = google.topic(message_retention_duration=seconds(3600))
    start = now(emulator)
    google.publish(topic, "before")
    emulator.advance(10)
    name = google.subscription(topic)
    assert google.texts(name) == []
    seek(google, name, time=start)
    assert google.texts(name) == ["before"]
    seek(google, name, time=now(emulator))
    emulator.advance(3700)
    seek(google, name, time=start)
    assert google.texts(name) == []  # out of retention


def test_a_subscriptions_retention_does_not_reach_before_it(google, emulator):
    topic = google.topic()
    start = now(emulator)
    google.subscription(topic, retain_acked_messages=True)  # keeps the log
    google.publish(topic, "before")
    emulator.advance(10)
    name = google.subscription(topic, retain_acked_messages=True)
    google.publish(topic, "after")
    seek(google, name, time=start)
    assert google.drained(name) == ["after"]


def test_to_a_snapshot_and_back(google):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, *"abc")
    first = google.pull(name, 1)
    google.ack(name, *first)
    snapshot = google.subscriber.create_snapshot(
        name=google.snapshot_name(), subscription=name).name
    google.publish(topic, "d")
    assert google.drained(name) == ["b", "c", "d"]
    for _ in range(2):
        seek(google, name, snapshot=snapshot)
        assert google.drained(name) == ["b", "c", "d"]
    # of another subscription of the topic
    other = google.subscription(topic)
    seek(google, other, snapshot=snapshot)
    assert google.drained(other) == ["b", "c", "d"]


def test_snapshot_keeps_what_a_deleted_subscription_had(google):
    topic = google.topic()
    name = google.subscription(topic)
    google.publish(topic, "kept")
    snapshot = google.subscriber.create_snapshot(
        name=google.snapshot_name(), subscription=name).name
    google.subscriber.delete_subscription(subscription=name)
    other = google.subscription(topic)
    seek(google, other, snapshot=snapshot)
    assert google.texts(other) == ["kept"]


def test_leases_of_before_do_not_count_after(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, retain_acked_messages=True)
    start = now(emulator)
    google.publish(topic, *"ab")
    held = google.pull(name)
    seek(google, name, time=start)
    assert google.texts(name) == ["a", "b"]  # at once: the leases are gone
    google.modack(name, 0, *held)            # nothing to return
    assert google.texts(name) == []


def test_unknown_snapshot(google):
    name = google.subscription(google.topic())
    with pytest.raises(exceptions.NotFound):
        seek(google, name, snapshot=google.snapshot_name())

# SPDX-License-Identifier: Apache-2.0
"""The official Python client against the emulator."""
import json
import threading

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1


def test_published_row_appears(project, row):
    publisher = pubsub_v1.PublisherClient()
    topic = publisher.topic_path(project, "datos-topic")
    sent = {"id": "python-1", "contenido": "desde Python", "timestamp": "2025-01-14T12:00:00Z"}
    assert publisher.publish(topic, json.dumps(sent).encode()).result(timeout=20)
    assert row("python-1") == {**sent, "timestamp": "2025-01-14T12:00:00+00:00"}


def test_refused_message_is_on_the_dead_letter_subscription(project):
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    publisher.publish(publisher.topic_path(project, "datos-topic"),
                      b"no json", origin="python").result(timeout=20)
    path = subscriber.subscription_path(project, "datos-dead-letter-subscription")
    for _ in range(20):
        answer = subscriber.pull(subscription=path, max_messages=10, timeout=10)
        if answer.received_messages:
            break
    message = answer.received_messages[0].message
    assert message.data == b"no json"
    assert message.attributes["datos-error"] == "malformed"
    assert message.attributes["origin"] == "python"
    subscriber.acknowledge(subscription=path,
                           ack_ids=[m.ack_id for m in answer.received_messages])


def test_streaming_pull_receives_all_that_was_published(project):
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    topic = publisher.create_topic(name=publisher.topic_path(project, "python-topic"))
    path = subscriber.subscription_path(project, "python-subscription")
    subscriber.create_subscription(name=path, topic=topic.name)
    want, seen, done = {str(i) for i in range(300)}, set(), threading.Event()

    def on_message(message):
        assert message.attributes["n"] == message.data.decode()
        seen.add(message.data.decode())
        message.ack()
        if seen == want:
            done.set()
    stream = subscriber.subscribe(path, callback=on_message)
    sent = [publisher.publish(topic.name, n.encode(), n=n) for n in want]
    ids = [f.result(timeout=20) for f in sent]
    assert len(set(ids)) == len(want)
    assert done.wait(30), f"{len(seen)} of {len(want)}"
    stream.cancel()
    stream.result(timeout=20)
    subscriber.delete_subscription(subscription=path)
    publisher.delete_topic(topic=topic.name)


def test_errors_are_the_clients_own(project):
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    with pytest.raises(exceptions.NotFound):
        subscriber.get_subscription(
            subscription=subscriber.subscription_path(project, "no-such"))
    with pytest.raises(exceptions.AlreadyExists):
        publisher.create_topic(name=publisher.topic_path(project, "datos-topic"))
    with pytest.raises(exceptions.InvalidArgument):
        publisher.create_topic(name=f"projects/{project}/topics/1")

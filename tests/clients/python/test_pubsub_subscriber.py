# SPDX-License-Identifier: Apache-2.0
"""The high-level subscriber and publisher of the official client: results of
acknowledgements, ordering, flow control, large loads."""
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber import exceptions as sub_exceptions
from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler


@pytest.fixture
def subscribe(google):
    """Runs a callback on a subscription until the test ends."""
    running = []

    def start(name, callback, **flow):
        control = pubsub_v1.types.FlowControl(**flow) if flow else ()
        running.append(google.subscriber.subscribe(
            name, callback=callback, flow_control=control,
            scheduler=ThreadScheduler(ThreadPoolExecutor(8))))
        return running[-1]
    yield start
    for future in running:
        future.cancel()
        future.result(timeout=20)


def wait_until(question, seconds=20):
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, question
        time.sleep(0.005)


def test_acknowledgements_of_exactly_once_succeed(google, subscribe):
    topic = google.topic()
    name = google.subscription(topic, enable_exactly_once_delivery=True)
    results, lock = [], threading.Lock()

    def on_message(message):
        result = message.ack_with_response().result(timeout=20)
        with lock:
            results.append((message.data, result))
    subscribe(name, on_message)
    google.publish(topic, *(str(i) for i in range(200)))
    wait_until(lambda: len(results) == 200)
    assert {r for _, r in results} == {sub_exceptions.AcknowledgeStatus.SUCCESS}
    assert sorted(int(d) for d, _ in results) == list(range(200))  # each once


def test_acknowledgement_after_the_lease_fails(google, emulator, subscribe):
    topic = google.topic()
    name = google.subscription(topic, enable_exactly_once_delivery=True)
    outcomes, held, failed = [], [], threading.Event()

    def on_message(message):
        if not held:
            held.append(message)
            emulator.advance(700)  # beyond any lease
            try:
                outcomes.append(message.ack_with_response().result(timeout=20))
            except sub_exceptions.AcknowledgeError as e:
                outcomes.append(e.error_code)
            failed.set()
        else:  # not in one request with the other: the client would mix them up
            failed.wait(20)
            outcomes.append(message.ack_with_response().result(timeout=20))
    subscribe(name, on_message)
    google.publish(topic, "x")
    wait_until(lambda: len(outcomes) == 2)
    assert sorted(o.name for o in outcomes) == ["INVALID_ACK_ID", "SUCCESS"]
    assert google.pull(name) == []


def test_results_without_exactly_once_are_successes(google, subscribe):
    topic = google.topic()
    name = google.subscription(topic)
    results = []
    subscribe(name, lambda m: results.append(m.ack_with_response().result(timeout=20)))
    google.publish(topic, "x")
    wait_until(lambda: results)
    assert results == [sub_exceptions.AcknowledgeStatus.SUCCESS]


def test_nacked_messages_come_again(google, subscribe):
    topic = google.topic()
    name = google.subscription(topic, dead_letter_policy={"dead_letter_topic": google.topic()})
    attempts = []

    def on_message(message):
        attempts.append(message.delivery_attempt)
        if len(attempts) < 4:
            message.nack()
        else:
            message.ack()
    subscribe(name, on_message)
    google.publish(topic, "x")
    wait_until(lambda: len(attempts) == 4)
    assert attempts == [1, 2, 3, 4]


def test_publisher_and_subscriber_keep_the_order_of_keys(google, subscribe):
    topic = google.topic()
    name = google.subscription(topic, enable_message_ordering=True)
    seen, lock = {"a": [], "b": []}, threading.Lock()

    def on_message(message):
        with lock:
            seen[message.ordering_key].append(int(message.data))
        message.ack()
    subscribe(name, on_message)
    futures = [google.publisher.publish(topic, str(i).encode(), ordering_key=key)
               for i in range(300) for key in "ab"]
    for f in futures:
        f.result(timeout=20)
    wait_until(lambda: sum(map(len, seen.values())) >= 600)
    for numbers in seen.values():
        # what is repeated is repeated with all behind it
        first = [n for i, n in enumerate(numbers) if n not in numbers[:i]]
        assert first == list(range(300))


def test_flow_control_bounds_what_is_at_work(google, subscribe):
    topic = google.topic()
    name = google.subscription(topic)
    working, most, done, lock = [0], [0], [0], threading.Lock()

    def on_message(message):
        with lock:
            working[0] += 1
            most[0] = max(most[0], working[0])
        time.sleep(0.005)
        with lock:
            working[0] -= 1
            done[0] += 1
        message.ack()
    google.publish(topic, *(str(i) for i in range(100)))
    subscribe(name, on_message, max_messages=3)
    wait_until(lambda: done[0] == 100)
    assert most[0] <= 3


def test_twenty_thousand_messages_none_lost(google, subscribe):
    topic = google.topic()
    name = google.subscription(topic)
    seen, lock, n = set(), threading.Lock(), 20000

    def on_message(message):
        with lock:
            seen.add(message.message_id)
        message.ack()
    subscribe(name, on_message)
    futures = [google.publisher.publish(topic, b"x" * 200) for _ in range(n)]
    ids = {f.result(timeout=60) for f in futures}
    assert len(ids) == n
    wait_until(lambda: len(seen) == n, 60)
    assert seen == ids

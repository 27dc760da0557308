# SPDX-License-Identifier: Apache-2.0
"""StreamingPull frame by frame: the generated client with a queue of requests,
so that the test is the subscriber's flow control and heartbeat."""
import queue
import threading
import time

import pytest
from google.api_core import exceptions


class Stream:
    """`send` gives frames; `next` waits for one answer."""

    def __init__(self, google, subscription, **first):
        self.requests, self.answers = queue.Queue(), queue.Queue()
        self.send(subscription=subscription,
                  **{"stream_ack_deadline_seconds": 10, **first})
        self.call = google.subscriber.streaming_pull(iter(self.requests.get, None), timeout=60)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for answer in self.call:
                self.answers.put(answer)
            self.answers.put(None)
        except exceptions.GoogleAPICallError as e:
            self.answers.put(e)

    def send(self, **frame):
        self.requests.put(frame)

    def next(self, timeout=10):
        answer = self.answers.get(timeout=timeout)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def messages(self, n, timeout=10):
        found = []
        while len(found) < n:
            found += self.next(timeout).received_messages
        return found

    def is_silent(self, seconds=0.3):
        try:
            return self.next(seconds) == "never"
        except queue.Empty:
            return True

    def half_close(self):
        self.requests.put(None)

    def close(self):
        self.half_close()
        self.call.cancel()


@pytest.fixture
def stream(google):
    made = []

    def make(*args, **first):
        made.append(Stream(google, *args, **first))
        return made[-1]
    yield make
    for s in made:
        s.close()


@pytest.fixture
def pair(google):
    """A topic and its subscription."""
    topic = google.topic()
    return topic, google.subscription(topic)


def texts(messages):
    return [m.message.data.decode() for m in messages]


# --- first frames --------------------------------------------------------------

@pytest.mark.parametrize("first,match", [
    ({"stream_ack_deadline_seconds": 0}, "stream_ack_deadline_seconds"),
    ({"stream_ack_deadline_seconds": 9}, "between 10 and 600 seconds"),
    ({"stream_ack_deadline_seconds": 601}, "between 10 and 600 seconds"),
    ({"subscription": ""}, "must set subscription"),
    ({"modify_deadline_ack_ids": ["x"], "modify_deadline_seconds": [1, 2]}, "same size"),
    ({"modify_deadline_ack_ids": ["x"], "modify_deadline_seconds": [-1]}, "0 and 600"),
])
def test_wrong_first_frame(google, stream, pair, first, match):
    first.setdefault("subscription", pair[1])
    with pytest.raises(exceptions.InvalidArgument, match=match):
        stream(**first).next()


@pytest.mark.parametrize("frame", [{"max_outstanding_messages": 5}, {"max_outstanding_bytes": 5},
                                   {"subscription": "again"}])
def test_what_only_the_first_frame_may_say(google, stream, pair, frame):
    s = stream(pair[1])
    s.send(**frame)
    with pytest.raises(exceptions.InvalidArgument, match="first message"):
        s.next()


def test_half_close_ends_well(stream, pair):
    s = stream(pair[1])
    s.half_close()
    assert s.next() is None


# --- pings ---------------------------------------------------------------------

def test_every_ping_is_answered_at_once(google, stream):
    topic = google.topic()
    name = google.subscription(topic, enable_message_ordering=True)
    s = stream(name, client_id="me")
    for _ in range(20):
        s.send()
        answer = s.next(2)
        assert not answer.received_messages
        assert answer.subscription_properties.message_ordering_enabled
        assert not answer.subscription_properties.exactly_once_delivery_enabled


def test_a_new_deadline_is_no_ping(google, stream, pair):
    s = stream(pair[1])
    s.send(stream_ack_deadline_seconds=600)
    assert s.is_silent()


def test_deadline_of_the_stream_counts_from_the_next_message(google, emulator, stream, pair):
    topic, name = pair
    s = stream(name, stream_ack_deadline_seconds=10)
    google.publish(topic, "a")
    s.messages(1)
    s.send(stream_ack_deadline_seconds=600)
    s.send()
    s.next()
    emulator.advance(11)
    assert texts(s.messages(1)) == ["a"]
    emulator.advance(500)
    assert s.is_silent()


# --- flow control --------------------------------------------------------------

def test_messages_in_flight_are_limited(google, stream, pair):
    topic, name = pair
    google.publish(topic, *(str(i) for i in range(10)))
    s = stream(name, max_outstanding_messages=4)
    first = s.messages(4)
    assert texts(first) == list("0123")
    assert s.is_silent()
    google.ack(name, first[0], first[1])  # unary, as all official clients do
    assert texts(s.messages(2)) == ["4", "5"]
    s.send(ack_ids=[first[2].ack_id])
    assert texts(s.messages(1)) == ["6"]
    google.nack(name, first[3])
    assert texts(s.messages(1)) == ["3"]
    assert s.is_silent()


def test_bytes_in_flight_are_limited(google, stream, pair):
    topic, name = pair
    google.publish(topic, *("x" * 1000 for _ in range(10)))
    s = stream(name, max_outstanding_bytes=3500)
    first = s.messages(3)
    assert s.is_silent()
    google.ack(name, *first)
    s.messages(3)
    assert s.is_silent()


def test_one_message_passes_however_large(google, stream, pair):
    topic, name = pair
    google.publish(topic, "x" * 100000)
    s = stream(name, max_outstanding_bytes=10)
    assert len(s.messages(1)[0].message.data) == 100000


def test_expired_messages_count_no_more(google, emulator, stream, pair):
    topic, name = pair
    google.publish(topic, "a", "b")
    s = stream(name, max_outstanding_messages=1)
    assert texts(s.messages(1)) == ["a"]
    emulator.advance(11)
    assert texts(s.messages(1)) == ["a"]


# --- delivery ------------------------------------------------------------------

def test_two_streams_share(google, stream, pair):
    topic, name = pair
    streams = [stream(name), stream(name)]
    for s in streams:
        s.send()
        s.next()
    for i in range(100):
        google.publish(topic, str(i))
    counts = [0, 0]
    seen = set()
    while sum(counts) < 100:
        for i, s in enumerate(streams):
            try:
                got = s.next(0.05).received_messages
            except queue.Empty:
                continue
            counts[i] += len(got)
            seen.update(texts(got))
    assert len(seen) == 100
    assert min(counts) >= 20, counts


def test_a_thousand_of_one_key_come_in_order(google, stream):
    topic = google.topic()
    name = google.subscription(topic, enable_message_ordering=True)
    s = stream(name)
    for i in range(0, 1000, 100):
        google.publish(topic, *(str(k) for k in range(i, i + 100)), key="k")
    seen = []
    while len(seen) < 1000:
        got = s.messages(1)
        seen += texts(got)
        google.ack(name, *got)
    assert seen == [str(i) for i in range(1000)]


def test_attempts_are_told_with_a_dead_letter_policy(google, stream):
    topic = google.topic()
    name = google.subscription(topic, dead_letter_policy={"dead_letter_topic": google.topic()})
    google.publish(topic, "x")
    s = stream(name)
    for attempt in (1, 2, 3):
        got = s.messages(1)
        assert got[0].delivery_attempt == attempt
        google.nack(name, *got)


def test_messages_of_a_stream_that_ended_come_back_by_their_deadline(google, emulator, stream, pair):
    topic, name = pair
    google.publish(topic, "x")
    first = stream(name)
    first.messages(1)
    first.close()
    second = stream(name)
    assert second.is_silent()
    emulator.advance(11)
    assert texts(second.messages(1)) == ["x"]


def test_deleted_subscription_ends_its_streams(google, stream, pair):
    s = stream(pair[1])
    s.send()
    s.next()
    google.subscriber.delete_subscription(subscription=pair[1])
    with pytest.raises(exceptions.NotFound):
        s.next()


def test_detached_subscription_ends_its_streams(google, stream, pair):
    s = stream(pair[1])
    s.send()
    s.next()
    google.publisher.detach_subscription(request={"subscription": pair[1]})
    with pytest.raises(exceptions.FailedPrecondition):
        s.next()


# --- exactly once --------------------------------------------------------------

def test_confirmations_of_exactly_once(google, stream):
    topic = google.topic()
    name = google.subscription(topic, enable_exactly_once_delivery=True)
    google.publish(topic, "a", "b")
    s = stream(name)
    a, b = s.messages(2)
    s.send(ack_ids=[a.ack_id, "bad"], modify_deadline_ack_ids=[b.ack_id, "worse"],
           modify_deadline_seconds=[60, 60])
    answer = s.next()
    assert answer.subscription_properties.exactly_once_delivery_enabled
    assert list(answer.acknowledge_confirmation.ack_ids) == [a.ack_id]
    assert list(answer.acknowledge_confirmation.invalid_ack_ids) == ["bad"]
    assert list(answer.modify_ack_deadline_confirmation.ack_ids) == [b.ack_id]
    assert list(answer.modify_ack_deadline_confirmation.invalid_ack_ids) == ["worse"]


def ordered_once(google):
    topic = google.topic()
    name = google.subscription(topic, enable_exactly_once_delivery=True,
                               enable_message_ordering=True)
    google.publish(topic, "1", "2", "3", key="k")
    google.publish(topic, "x", key="other")
    return name


def test_exactly_once_of_a_key_is_confirmed_in_order(google, stream):
    s = stream(ordered_once(google))
    got = {m.message.data.decode(): m.ack_id for m in s.messages(4)}
    s.send(ack_ids=[got["3"], got["x"]])
    answer = s.next().acknowledge_confirmation
    assert (list(answer.unordered_ack_ids), list(answer.ack_ids)) == ([got["3"]], [got["x"]])
    assert not answer.invalid_ack_ids
    # in one request any order is fine
    s.send(ack_ids=[got["3"], got["1"], got["2"]])
    answer = s.next().acknowledge_confirmation
    assert sorted(answer.ack_ids) == sorted([got["1"], got["2"], got["3"]])
    assert not answer.unordered_ack_ids


def test_what_was_refused_as_unordered_comes_again(google):
    name = ordered_once(google)
    one, two, three = [m for m in google.pull(name, 10) if m.message.ordering_key == "k"]
    with pytest.raises(exceptions.InvalidArgument) as refused:
        google.subscriber.acknowledge(subscription=name, ack_ids=[three.ack_id])
    [info] = [d for d in refused.value.details if hasattr(d, "reason")]
    assert info.reason == "EXACTLY_ONCE_ACKID_FAILURE"
    assert dict(info.metadata) == {three.ack_id: "TRANSIENT_FAILURE_UNORDERED_ACK_ID"}
    google.subscriber.acknowledge(subscription=name, ack_ids=[two.ack_id, one.ack_id])
    google.subscriber.acknowledge(subscription=name, ack_ids=[three.ack_id])


def test_streams_hear_that_exactly_once_was_switched(google, stream, pair):
    s = stream(pair[1])
    s.send()
    assert not s.next().subscription_properties.exactly_once_delivery_enabled
    google.subscriber.update_subscription(
        subscription={"name": pair[1], "enable_exactly_once_delivery": True},
        update_mask={"paths": ["enable_exactly_once_delivery"]})
    assert s.next().subscription_properties.exactly_once_delivery_enabled


def test_expired_id_of_exactly_once_is_refused_by_name(google, emulator):
    topic = google.topic()
    name = google.subscription(topic, enable_exactly_once_delivery=True)
    google.publish(topic, "a", "b")
    a, b = google.pull(name)
    google.modack(name, 600, b)
    emulator.advance(11)
    with pytest.raises(exceptions.InvalidArgument) as caught:
        google.ack(name, a, b)
    info = caught.value.details[0]
    assert (info.reason, info.domain) == ("EXACTLY_ONCE_ACKID_FAILURE", "pubsub.googleapis.com")
    assert dict(info.metadata) == {a.ack_id: "PERMANENT_FAILURE_INVALID_ACK_ID"}
    # b was acknowledged all the same, a comes again under another id
    again = google.pull(name)
    assert texts(again) == ["a"]
    assert again[0].ack_id != a.ack_id
    google.ack(name, *again)
    with pytest.raises(exceptions.InvalidArgument):
        google.modack(name, 10, *again)


# --- fault rules -----------------------------------------------------------------

@pytest.mark.parametrize("rule, error", [
    ({"action": "delay"}, None), ({"code": "PERMISSION_DENIED"}, exceptions.PermissionDenied)])
def test_a_fault_delays_the_opening(google, stream, pair, faults, rule, error):
    topic, name = pair
    faults({"method": "StreamingPull", "match": name, "latency_ms": 700, "count": 1, **rule})
    google.publish(topic, "a")
    begun = time.monotonic()
    s = stream(name)
    s.send(subscription="")  # a ping: it waits with the first
    if error:
        with pytest.raises(error):
            s.next()
    else:
        [m] = s.messages(1)
        s.send(ack_ids=[m.ack_id])
        google.publish(topic, "b")
        assert texts(s.messages(1)) == ["b"]
    assert time.monotonic() - begun > 0.5  # the timer may round


def test_a_delayed_stream_that_ends_before_it_opens(google, stream, pair, faults):
    topic, name = pair
    faults({"method": "StreamingPull", "match": name, "latency_ms": 300, "count": 2, "action": "delay"})
    stream(name).close()
    gone = stream(name)
    google.subscriber.delete_subscription(subscription=name)
    with pytest.raises(exceptions.NotFound):
        gone.next()


def test_a_fault_delivers_twice(google, stream, pair, faults):
    topic, name = pair
    faults({"method": "*Pull", "match": name, "action": "duplicate"})
    google.publish(topic, "a", "b")
    s = stream(name)
    found = s.messages(4)
    assert sorted(texts(found)) == ["a", "a", "b", "b"]
    assert len({m.ack_id for m in found}) == 2
    s.send(ack_ids=[m.ack_id for m in found])
    s.half_close()
    while s.next() is not None:
        pass
    google.publish(topic, "c")
    pulled = google.subscriber.pull(subscription=name, max_messages=10).received_messages
    assert texts(pulled) == ["c", "c"]

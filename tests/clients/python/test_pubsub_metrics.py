# SPDX-License-Identifier: Apache-2.0
"""What /metrics says of topics and subscriptions, under Cloud Monitoring's names."""
import threading

import datos
import pytest
from google.api_core import exceptions
from google.pubsub_v1.types import StreamingPullRequest

FAMILY = "pubsub_googleapis_com:"


def samples(google, name, family):
    """{response_code: (class, value)}, or {None: value} of a family without codes."""
    leaf, found = name.rsplit("/", 1)[1], {}
    for line in datos.request("GET", f"{google.emulator.console}/metrics").body.splitlines():
        if not line.startswith(FAMILY + family + "{") or f'_id="{leaf}"' not in line:
            continue
        labels = dict(pair.split("=", 1) for pair in line[line.index("{") + 1:line.index("}")].split(","))
        code = labels.get("response_code", '""').strip('"') or None
        value = float(line.rsplit(" ", 1)[1])
        assert code not in found, line
        found[code] = (labels["response_class"].strip('"'), value) if code else value
    return found


def test_backlog_bytes(google):
    topic = google.topic()
    name = google.subscription(topic)
    assert samples(google, name, "subscription_backlog_bytes") == {None: 0}
    google.raw.publish(topic=topic, messages=[{"data": b"x" * 1000}] * 3)
    snapshot = google.subscriber.create_snapshot(name=google.snapshot_name(), subscription=name).name
    three = samples(google, name, "subscription_backlog_bytes")[None]
    assert 3000 < three < 3060
    got = google.subscriber.pull(subscription=name, max_messages=1).received_messages
    assert samples(google, name, "subscription_backlog_bytes") == {None: three}
    google.subscriber.acknowledge(subscription=name, ack_ids=[got[0].ack_id])
    assert samples(google, name, "subscription_backlog_bytes") == {None: three / 3 * 2}
    assert samples(google, snapshot, "snapshot_backlog_bytes") == {None: three}


def test_requests_by_result(google):
    topic = google.topic()
    name = google.subscription(topic)
    assert not samples(google, topic, "topic_send_request_count")
    google.raw.publish(topic=topic, messages=[{"data": b"x"}] * 3)
    google.raw.publish(topic=topic, messages=[{"data": b"x"}])
    with pytest.raises(exceptions.InvalidArgument):
        google.raw.publish(topic=topic, messages=[])
    assert samples(google, topic, "topic_send_request_count") == {
        "success": ("success", 2), "invalid_argument": ("invalid", 1)}

    got = google.subscriber.pull(subscription=name, max_messages=2).received_messages
    google.subscriber.modify_ack_deadline(subscription=name, ack_ids=[got[0].ack_id], ack_deadline_seconds=60)
    google.subscriber.acknowledge(subscription=name, ack_ids=[m.ack_id for m in got])
    with pytest.raises(exceptions.InvalidArgument):
        google.subscriber.acknowledge(subscription=name, ack_ids=["no id"])
    for family, counts in (("pull", {"success": ("success", 1)}),
                           ("pull_ack", {"success": ("success", 1), "invalid_argument": ("invalid", 1)}),
                           ("mod_ack_deadline", {"success": ("success", 1)}), ("seek", {})):
        assert samples(google, name, f"subscription_{family}_request_count") == counts, family


def test_answers_of_streams(google):
    topic = google.topic()
    name = google.subscription(topic)
    end = threading.Event()

    def requests():
        yield StreamingPullRequest(subscription=name, stream_ack_deadline_seconds=600)
        end.wait(30)
    answers = google.subscriber.streaming_pull(requests=requests(), retry=None, timeout=30)
    family, before = "subscription_streaming_pull_response_count", 0
    for text in (b"a", b"b"):
        google.raw.publish(topic=topic, messages=[{"data": text}])
        while not (answer := next(answers)).received_messages:
            pass  # what the stream is like
        assert [m.message.data for m in answer.received_messages] == [text]
        (kind, count), = samples(google, name, family).values()
        assert kind == "success" and count > before
        before = count
    end.set()
    assert list(answers) == []


def test_names_that_are_no_resource_make_no_series(google):
    for n in range(50):
        with pytest.raises(exceptions.NotFound):
            google.raw.publish(topic=google.publisher.topic_path(google.project, f"none-{n}"),
                               messages=[{"data": b"x"}])
    assert "none-" not in datos.request("GET", f"{google.emulator.console}/metrics").body

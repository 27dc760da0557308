# SPDX-License-Identifier: Apache-2.0
"""These tests run inside `datos dev -- ...` (see tests/run), which sets the
environment that the official clients read; those that ask for `google` have
an emulator of their own."""
import itertools
import json
import os
import sys
import time
import urllib.request
import warnings

import pytest
from google.cloud import pubsub_v1
from google.pubsub_v1.services.publisher import PublisherClient as PublisherServiceClient

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support"))
from emulator import PROJECT, Emulator  # noqa: E402

NUMBERS = itertools.count(1)


@pytest.fixture
def project():
    return os.environ["GOOGLE_CLOUD_PROJECT"]


@pytest.fixture
def row():
    """Waits for the row of one id."""
    def ask(ident, seconds=20):
        url = f"{os.environ['DATOS_API_URL']}/datos?id={ident}"
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with urllib.request.urlopen(url, timeout=5) as answer:
                rows = json.load(answer)["datos"]
            if rows:
                assert len(rows) == 1
                return rows[0]
            time.sleep(0.005)
        raise AssertionError(f"{ident} does not appear at {url}")
    return ask


class Google:
    """The official clients of one emulator, and names that no other test has."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.project = PROJECT
        os.environ["PUBSUB_EMULATOR_HOST"] = emulator.pubsub
        self.publisher = pubsub_v1.PublisherClient(
            publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True))
        self.subscriber = pubsub_v1.SubscriberClient()
        # the generated client, below batching
        self.raw = PublisherServiceClient(transport=self.publisher.transport)

    def topic(self, **settings):
        name = self.publisher.topic_path(self.project, f"t-{next(NUMBERS)}")
        return self.publisher.create_topic(request={"name": name, **settings}).name

    def subscription(self, topic, **settings):
        name = self.subscriber.subscription_path(self.project, f"s-{next(NUMBERS)}")
        return self.subscriber.create_subscription(
            request={"name": name, "topic": topic, **settings}).name

    def snapshot_name(self):
        return self.subscriber.snapshot_path(self.project, f"n-{next(NUMBERS)}")

    def publish(self, topic, *texts, key="", **attributes):
        """One request; the ids."""
        return self.raw.publish(topic=topic, messages=[
            {"data": t.encode(), "ordering_key": key, "attributes": attributes}
            for t in texts]).message_ids

    def pull(self, subscription, most=100, at_once=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return list(self.subscriber.pull(
                subscription=subscription, max_messages=most, return_immediately=at_once,
                timeout=20).received_messages)

    def texts(self, subscription, most=100):
        """What an immediate pull brings; nothing is acknowledged."""
        return [m.message.data.decode() for m in self.pull(subscription, most)]

    def ack(self, subscription, *received):
        self.subscriber.acknowledge(subscription=subscription,
                                    ack_ids=[m.ack_id for m in received])

    def nack(self, subscription, *received):
        self.modack(subscription, 0, *received)

    def modack(self, subscription, seconds, *received):
        self.subscriber.modify_ack_deadline(subscription=subscription,
                                            ack_ids=[m.ack_id for m in received],
                                            ack_deadline_seconds=seconds)

    def drained(self, subscription):
        """All there is, acknowledged, as texts."""
        found = []
        while got := self.pull(subscription, 1000):
            found += [m.message.data.decode() for m in got]
            self.ack(subscription, *got)
        return found


@pytest.fixture(scope="module")
def emulator():
    """One in memory with production's rules, shared by the tests of a file."""
    made = Emulator("--memory")
    yield made
    assert made.stop() == 0, made.log()


@pytest.fixture(scope="module")
def google(emulator):
    before = os.environ.get("PUBSUB_EMULATOR_HOST")
    yield Google(emulator)
    if before is None:
        del os.environ["PUBSUB_EMULATOR_HOST"]
    else:
        os.environ["PUBSUB_EMULATOR_HOST"] = before


@pytest.fixture(scope="module")
def lenient():
    """The same with the rules of Google's emulator."""
    made, before = Emulator("--memory", "--profile", "lenient"), os.environ.get("PUBSUB_EMULATOR_HOST")
    yield Google(made)
    os.environ["PUBSUB_EMULATOR_HOST"] = before or ""
    assert made.stop() == 0, made.log()


@pytest.fixture
def faults(emulator):
    def set_them(*rules):
        answer = emulator.control("PUT", "faults", {"rules": list(rules)})
        assert answer.status == 200, answer.body
    yield set_them
    set_them()

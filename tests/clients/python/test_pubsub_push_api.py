# SPDX-License-Identifier: Apache-2.0
"""The production shape of push, offline: an official client publishes, the
emulator pushes with signed tokens, `datos api` verifies them and stores."""
import json
import os
import signal
import time

import apis
import datos
import pytest
from emulator import Emulator
from google.cloud import pubsub_v1

ACCOUNT = "datos-pusher@datos-local.iam.gserviceaccount.com"
NAME = f"projects/{datos.PROJECT}/subscriptions/datos-subscription"
TOPIC = f"projects/{datos.PROJECT}/topics/datos-topic"


class Shape:
    def __init__(self, tmp_path):
        self.emulator = Emulator("--state", str(tmp_path / "state"))
        self.folder, self.port = str(tmp_path), apis.free_port()
        os.environ["PUBSUB_EMULATOR_HOST"] = self.emulator.pubsub
        self.publisher, self.subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        self.start_api()

    def start_api(self, **more):
        self.api = apis.Api(self.folder, port=self.port, environment={
            "DATOS_INGEST": "push", "DATOS_PUSH_AUTH": "jwt", "DATOS_PUSH_AUDIENCE": "datos",
            "DATOS_PUSH_SERVICE_ACCOUNT": ACCOUNT, "DATOS_PUSH_JWKS_URL": self.emulator.console + "/oauth2/v3/certs",
            "PUBSUB_EMULATOR_HOST": self.emulator.pubsub, "DATOS_ALLOW_MIXED": "1", **more})

    def push(self, email=ACCOUNT, audience="datos"):
        self.subscriber.modify_push_config(subscription=NAME, push_config={
            "push_endpoint": self.api.url + "/pubsub/push",
            "oidc_token": {"service_account_email": email, "audience": audience}})

    def publish(self, *records):
        futures = [self.publisher.publish(TOPIC, r if isinstance(r, bytes) else json.dumps(r).encode())
                   for r in records]
        return [f.result(20) for f in futures]

    def figures(self, word):
        """Requests of one class."""
        text = datos.request("GET", f"{self.emulator.console}/metrics").body
        return sum(float(r.rsplit(" ", 1)[1]) for r in text.splitlines()
                   if "push_request_count{" in r and f'response_class="{word}"' in r)

    def close(self):
        self.api.process.kill()
        self.api.process.wait(10)
        assert self.emulator.stop() == 0, self.emulator.log()


@pytest.fixture
def shape(tmp_path):
    before = os.environ.get("PUBSUB_EMULATOR_HOST")
    made = Shape(tmp_path)
    yield made
    made.close()
    if before is None:
        del os.environ["PUBSUB_EMULATOR_HOST"]
    else:
        os.environ["PUBSUB_EMULATOR_HOST"] = before


def test_published_message_is_verified_stored_and_served(shape):
    shape.push()
    shape.publish(datos.record("p1", "empujado ñ", "2025-01-14T10:00:00Z"))
    datos.wait_for(lambda: shape.api.get("/datos/p1").status == 200)
    assert shape.api.get("/datos/p1").json() == {
        "id": "p1", "contenido": "empujado ñ", "timestamp": "2025-01-14T10:00:00+00:00"}


def test_bad_message_goes_to_the_dead_letter_topic(shape):
    shape.push()
    shape.publish(b"{", datos.record("good"))
    datos.wait_for(lambda: shape.api.get("/datos/good").status == 200)
    grave = f"projects/{datos.PROJECT}/subscriptions/datos-dead-letter-subscription"
    letter, = shape.subscriber.pull(subscription=grave, max_messages=10, timeout=20).received_messages
    assert letter.message.data == b"{" and letter.message.attributes["datos-error"] == "malformed"


@pytest.mark.parametrize("wrong", [{"email": "stranger@datos-local.iam.gserviceaccount.com"}, {"audience": "other"}])
def test_wrong_token_is_refused_and_nothing_is_lost(shape, wrong):
    shape.push(**wrong)
    shape.publish(datos.record("w1"))
    datos.wait_for(lambda: shape.figures("remote_server_4xx") >= 1)
    assert shape.api.get("/datos/w1").status == 404
    shape.push()
    shape.emulator.advance(600)  # past the retry policy's wait
    datos.wait_for(lambda: shape.api.get("/datos/w1").status == 200)


def test_nothing_is_lost_while_the_api_is_killed(shape):
    shape.push()
    records = [datos.record(f"k{i}") for i in range(400)]
    for at in range(0, 400, 100):
        shape.publish(*records[at:at + 50])
        time.sleep(0.02)
        shape.api.process.send_signal(signal.SIGKILL)
        shape.api.process.wait(10)
        shape.publish(*records[at + 50:at + 100])
        shape.start_api()
        shape.emulator.advance(600)
    datos.wait_for(lambda: shape.emulator.advance(20) or len(shape.api.ids("?limit=1000")) == 400, 60)
    assert sorted(shape.api.ids("?limit=1000")) == sorted(r["id"] for r in records)


def test_nothing_is_lost_while_the_emulator_is_killed(shape):
    shape.push()
    ids = []
    for turn in range(3):
        records = [datos.record(f"e{turn}-{i}") for i in range(60)]
        shape.publish(*records)
        ids += [r["id"] for r in records]
        shape.emulator.kill()
        shape.emulator.start()
        # the key is kept with the state; the address is a new one
        shape.api.process.kill()
        shape.api.process.wait(10)
        shape.start_api()
        os.environ["PUBSUB_EMULATOR_HOST"] = shape.emulator.pubsub
        shape.publisher, shape.subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    datos.wait_for(lambda: shape.emulator.advance(20) or len(shape.api.ids("?limit=1000")) >= len(ids), 60)
    assert sorted(shape.api.ids("?limit=1000")) == sorted(ids)

# SPDX-License-Identifier: Apache-2.0
"""BigQuery subscriptions: what is published is found by a query."""
import json
import os
import time
import urllib.error
import urllib.request

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1.types import BigQueryConfig, DeadLetterPolicy, Subscription

STATE = BigQueryConfig.State


def bigquery(method, path, body=None):
    host = os.environ["BIGQUERY_EMULATOR_HOST"]
    host = host if "://" in host else "http://" + host
    request = urllib.request.Request(
        f"{host}/bigquery/v2/projects/{os.environ['GOOGLE_CLOUD_PROJECT']}{path}", method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def rows(sql):
    answer = bigquery("POST", "/queries", {"query": sql, "useLegacySql": False})
    return [[cell["v"] for cell in row["f"]] for row in answer.get("rows", [])]


def wait_for_rows(sql, n, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = rows(sql)
        if len(found) >= n:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{sql}: {found}")


@pytest.fixture(scope="module")
def dataset():
    try:
        bigquery("POST", "/datasets", {"datasetReference": {"datasetId": "exported"}})
    except urllib.error.HTTPError as e:
        assert e.code == 409
    return "exported"


def make_table(dataset, name, *fields):
    bigquery("POST", f"/datasets/{dataset}/tables", {
        "tableReference": {"datasetId": dataset, "tableId": name},
        "schema": {"fields": [{"name": n, "type": t} for n, t in fields]}})


@pytest.fixture
def clients():
    return pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()


def subscribe(clients, project, dataset, name, table=None, more=None, **config):
    publisher, subscriber = clients
    topic = publisher.create_topic(name=f"projects/{project}/topics/{name}").name
    made = subscriber.create_subscription(request=Subscription(
        name=f"projects/{project}/subscriptions/{name}", topic=topic,
        bigquery_config={"table": f"{project}.{dataset}.{table or name}", **config}, **(more or {})))
    return topic, made


def test_data_and_metadata_are_columns(clients, project, dataset):
    make_table(dataset, "plain", ("data", "STRING"), ("subscription_name", "STRING"),
               ("message_id", "STRING"), ("publish_time", "TIMESTAMP"), ("attributes", "JSON"))
    topic, made = subscribe(clients, project, dataset, "plain", write_metadata=True)
    ident = clients[0].publish(topic, b"hola", color="rojo").result(timeout=20)
    data, name, message_id, attributes = wait_for_rows(
        f"SELECT data, subscription_name, message_id, TO_JSON_STRING(attributes) FROM {dataset}.plain",
        1)[0]
    assert (data, name, message_id) == ("hola", made.name, ident)
    assert json.loads(attributes) == {"color": "rojo"}
    assert clients[1].get_subscription(subscription=made.name).bigquery_config.state == STATE.ACTIVE


def test_eight_megabytes_are_written(clients, project, dataset):
    """More than one answer of a pull may hold."""
    make_table(dataset, "wide", ("data", "STRING"))
    topic, _ = subscribe(clients, project, dataset, "wide")
    for letter in "abcdefgh":
        clients[0].publish(topic, letter.encode() * 1000000).result(timeout=20)
    found = wait_for_rows(f"SELECT SUBSTR(data, 1, 1), LENGTH(data) FROM {dataset}.wide ORDER BY 1", 8)
    assert found == [[letter, "1000000"] for letter in "abcdefgh"]


def test_members_are_columns_by_the_tables_schema(clients, project, dataset):
    make_table(dataset, "members", ("id", "INTEGER"), ("name", "STRING"))
    topic, _ = subscribe(clients, project, dataset, "members", use_table_schema=True,
                         drop_unknown_fields=True)
    clients[0].publish(topic, b'{"id": 7, "name": "siete", "other": 1}').result(timeout=20)
    assert wait_for_rows(f"SELECT id, name FROM {dataset}.members", 1) == [["7", "siete"]]


def test_what_does_not_fit_is_a_dead_letter(clients, project, dataset):
    publisher, subscriber = clients
    make_table(dataset, "strict", ("id", "INTEGER"))
    grave = publisher.create_topic(name=f"projects/{project}/topics/strict-dead").name
    kept = subscriber.create_subscription(name=f"projects/{project}/subscriptions/strict-dead",
                                          topic=grave).name
    topic, _ = subscribe(clients, project, dataset, "strict", use_table_schema=True,
                         more={"dead_letter_policy": DeadLetterPolicy(dead_letter_topic=grave,
                                                                      max_delivery_attempts=5)})
    publisher.publish(topic, b'{"id": "no number"}').result(timeout=20)
    publisher.publish(topic, b'{"id": 1}').result(timeout=20)
    assert wait_for_rows(f"SELECT id FROM {dataset}.strict", 1) == [["1"]]
    answer = subscriber.pull(subscription=kept, max_messages=10, timeout=20)
    assert [m.message.data for m in answer.received_messages] == [b'{"id": "no number"}']


def test_nothing_is_lost_while_the_table_is_missing(clients, project, dataset):
    topic, made = subscribe(clients, project, dataset, "late")
    for i in range(50):
        clients[0].publish(topic, b"%d" % i)
    end = time.monotonic() + 10
    while clients[1].get_subscription(subscription=made.name).state != Subscription.State.RESOURCE_ERROR:
        assert time.monotonic() < end
        time.sleep(0.02)
    make_table(dataset, "late", ("data", "BYTES"))
    assert len(wait_for_rows(f"SELECT data FROM {dataset}.late", 50)) == 50
    shown = clients[1].get_subscription(subscription=made.name)
    assert (shown.state, shown.bigquery_config.state) == (Subscription.State.ACTIVE, STATE.ACTIVE)


def test_nobody_pulls_from_it(clients, project, dataset):
    _, made = subscribe(clients, project, dataset, "unpulled")
    with pytest.raises(exceptions.FailedPrecondition):
        clients[1].pull(subscription=made.name, max_messages=1, timeout=10)


@pytest.mark.parametrize("config", [{"table": "nonsense"}, {"table": "p.d.t.x"},
                                    {"use_topic_schema": True},
                                    {"use_topic_schema": True, "use_table_schema": True},
                                    {"drop_unknown_fields": True}])
def test_impossible_configurations_are_refused(clients, project, dataset, config):
    publisher, subscriber = clients
    try:
        publisher.create_topic(name=f"projects/{project}/topics/refused")
    except exceptions.AlreadyExists:
        pass
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.create_subscription(request=Subscription(
            name=f"projects/{project}/subscriptions/refused",
            topic=f"projects/{project}/topics/refused",
            bigquery_config={"table": f"{project}.{dataset}.x", **config}))

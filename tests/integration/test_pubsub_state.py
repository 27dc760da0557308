# SPDX-License-Identifier: Apache-2.0
"""The emulator's state: killed at any instant, on a full disk, in a folder that
cannot be written. Published and answered is there; acknowledged and answered
is gone."""
import base64
import http.client
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import datos
import pytest
from emulator import PROGRAM, PROJECT, Emulator

FULL = f"projects/{PROJECT}"


@pytest.fixture
def start(folder):
    made = []

    def make(*flags, **more):
        made.append(Emulator("--state", folder, *flags, **more))
        return made[-1]
    yield make
    for e in made:
        if e.process.poll() is None:
            e.kill()


def message(text, **more):
    return {"data": base64.b64encode(text.encode()).decode(), **more}


def publish(e, topic, *texts, **more):
    return e.rest("POST", f"topics/{topic}:publish", {"messages": [message(t, **more) for t in texts]})


def pull(e, name, most=1000):
    answer = e.rest("POST", f"subscriptions/{name}:pull",
                    {"maxMessages": most, "returnImmediately": True})
    assert answer.status == 200, answer.body
    return answer.json().get("receivedMessages", [])


def texts(received):
    return [base64.b64decode(m["message"]["data"]).decode() for m in received]


def ack(e, name, received):
    return e.rest("POST", f"subscriptions/{name}:acknowledge",
                  {"ackIds": [m["ackId"] for m in received]})


def make_pair(e, topic="kept-topic", name="kept-sub", **settings):
    assert e.rest("PUT", f"topics/{topic}", {}).status == 200
    answer = e.rest("PUT", f"subscriptions/{name}",
                    {"topic": f"{FULL}/topics/{topic}", "ackDeadlineSeconds": 600, **settings})
    assert answer.status == 200, answer.body


# --- killed ----------------------------------------------------------------------

class Book:
    """What clients were told, and what they saw."""

    def __init__(self, width=0):
        self.lock = threading.Lock()
        self.n, self.width = 0, width
        self.sent, self.published, self.acked, self.seen = set(), set(), set(), set()
        self.wrong = []

    def take(self, n):
        with self.lock:
            self.n += n
            new = [str(i).ljust(self.width, ".") for i in range(self.n - n, self.n)]
            self.sent.update(new)
        return new


def until_killed(work):
    def run():
        try:
            while True:
                work()
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            pass
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def writer(e, book):
    def work():
        new = book.take(random.choice((1, 3, 50)))
        if publish(e, "kept-topic", *new).status == 200:
            with book.lock:
                book.published.update(new)
    return work


def reader(e, book):
    def work():
        got = pull(e, "kept-sub", 100)
        here = set(texts(got))
        with book.lock:
            book.wrong += sorted(here & book.acked)
            book.seen |= here
        if got and ack(e, "kept-sub", got).status == 200:
            with book.lock:
                book.acked |= here
    return work


# small requests are in the tables, large ones in segments beside them
@pytest.mark.parametrize("width", [0, 700])
def test_kills_lose_nothing_and_bring_nothing_back(start, width):
    e = start()
    make_pair(e)
    book = Book(width)
    for _ in range(6):
        threads = [until_killed(writer(e, book)) for _ in range(3)]
        threads += [until_killed(reader(e, book)) for _ in range(2)]
        time.sleep(random.uniform(0.1, 0.4))
        e.kill()
        for t in threads:
            t.join(20)
        e.start()  # leases are forgotten with the process
    while got := pull(e, "kept-sub"):
        here = set(texts(got))
        book.wrong += sorted(here & book.acked)
        book.seen |= here
        assert ack(e, "kept-sub", got).status == 200
    assert book.wrong == [], "acknowledged, answered, and there again"
    assert book.published - book.seen == set(), "published, answered, and lost"
    assert book.seen <= book.sent
    assert len(book.published) > 100


def test_a_number_beyond_a_gap_is_not_given_again_after_a_kill(start):
    """The newest messages are acknowledged and off the disk, older ones are not."""
    e = start()
    make_pair(e)
    publish(e, "kept-topic", "old")
    publish(e, "kept-topic", *[f"done-{i}" for i in range(50)])
    got = pull(e, "kept-sub")
    assert ack(e, "kept-sub", [m for m, t in zip(got, texts(got)) if t != "old"]).status == 200
    for turn in range(2):
        e.kill()
        e.start()
        publish(e, "kept-topic", *[f"new-{turn}-{i}" for i in range(30)])
    assert sorted(texts(pull(e, "kept-sub"))) == sorted(["old", *[f"new-{t}-{i}" for t in range(2) for i in range(30)]])


def test_a_dead_letter_is_in_one_place_after_a_kill(start):
    e = start()
    make_pair(e, "dead-topic", "dead-sub")
    make_pair(e, deadLetterPolicy={"deadLetterTopic": f"{FULL}/topics/dead-topic",
                                   "maxDeliveryAttempts": 5})
    want = {str(i) for i in range(200)}
    assert publish(e, "kept-topic", *want).status == 200
    for _ in range(4):
        assert e.rest("POST", "subscriptions/kept-sub:modifyAckDeadline",
                      {"ackIds": [m["ackId"] for m in pull(e, "kept-sub")],
                       "ackDeadlineSeconds": 0}).status == 200
    ids = [m["ackId"] for m in pull(e, "kept-sub")]
    thread = until_killed(lambda: e.rest("POST", "subscriptions/kept-sub:modifyAckDeadline",
                                         {"ackIds": ids[::-1], "ackDeadlineSeconds": 0}))
    time.sleep(0.01)
    e.kill()
    thread.join(20)
    e.start()
    source, dead = texts(pull(e, "kept-sub")), texts(pull(e, "dead-sub"))
    assert sorted(source + dead) == sorted(want)


def test_attempts_count_over_restarts_to_the_dead_letter(start):
    """Returned, expired, killed, stopped, saved and loaded: each failure counts once."""
    e = start()
    make_pair(e, "dead-topic", "dead-sub")
    make_pair(e, deadLetterPolicy={"deadLetterTopic": f"{FULL}/topics/dead-topic", "maxDeliveryAttempts": 6})
    publish(e, "kept-topic", "fine", "poison", "later")

    def poison(attempt):
        got = datos.wait_for(lambda: [m for m in pull(e, "kept-sub") if texts([m]) == ["poison"]])
        assert [m["deliveryAttempt"] for m in got] == [attempt]
        return got

    def nack(received):
        assert e.rest("POST", "subscriptions/kept-sub:modifyAckDeadline",
                      {"ackIds": [m["ackId"] for m in received], "ackDeadlineSeconds": 0}).status == 200
    received = pull(e, "kept-sub")
    ack(e, "kept-sub", received[:1])
    nack(received[1:2])
    e.kill()
    e.start()
    nack(poison(2))
    assert e.stop() == 0
    e.start()
    poison(3)
    e.advance(601)  # expires
    nack(poison(4))
    assert e.control("POST", "save", {"path": "a.arc"}).status == 200
    nack(poison(5))
    answer = e.control("POST", "load", {"path": "a.arc"})
    assert answer.status == 200, answer.body
    nack(poison(5))
    e.kill()
    e.start()
    nack(poison(6))
    found = datos.wait_for(lambda: pull(e, "dead-sub"))
    assert texts(found) == ["poison"]
    assert found[0]["message"]["attributes"]["CloudPubSubDeadLetterSourceDeliveryCount"] == "6"


def test_attempts_are_forgotten_by_a_seek(start):
    e = start()
    make_pair(e, "dead-topic", "dead-sub")
    make_pair(e, retainAckedMessages=True, deadLetterPolicy={
        "deadLetterTopic": f"{FULL}/topics/dead-topic", "maxDeliveryAttempts": 5})
    publish(e, "kept-topic", "again")
    for attempt in (1, 2):
        received = datos.wait_for(lambda: pull(e, "kept-sub"))
        assert [m["deliveryAttempt"] for m in received] == [attempt]
        e.rest("POST", "subscriptions/kept-sub:modifyAckDeadline",
               {"ackIds": [m["ackId"] for m in received], "ackDeadlineSeconds": 0})
    assert e.rest("POST", "subscriptions/kept-sub:seek", {"time": "2001-01-01T00:00:00Z"}).status == 200
    e.kill()
    e.start()
    assert [m["deliveryAttempt"] for m in datos.wait_for(lambda: pull(e, "kept-sub"))] == [1]


def test_everything_is_there_after_a_kill(start):
    e = start()
    make_pair(e, labels={"a": "b"}, filter='attributes:x', enableMessageOrdering=True)
    publish(e, "kept-topic", "1", "2", "3", attributes={"x": "1"}, orderingKey="k")
    publish(e, "kept-topic", "filtered")
    ack(e, "kept-sub", pull(e, "kept-sub", 1))
    e.rest("PUT", "snapshots/kept-snap", {"subscription": f"{FULL}/subscriptions/kept-sub"})
    make_pair(e, "gone-topic", "orphan")
    e.rest("DELETE", "topics/gone-topic")
    before = {path: e.rest("GET", path).json() for path in
              ("topics", "subscriptions", "snapshots", "topics/kept-topic/snapshots")}
    e.kill()
    e.start()
    assert {path: e.rest("GET", path).json() for path in before} == before
    assert e.rest("GET", "subscriptions/orphan").json()["topic"] == "_deleted-topic_"
    got = pull(e, "kept-sub")
    assert texts(got) == ["2", "3"]
    assert [m["message"]["orderingKey"] for m in got] == ["k", "k"]
    ack(e, "kept-sub", got)
    e.rest("POST", "subscriptions/kept-sub:seek", {"snapshot": f"{FULL}/snapshots/kept-snap"})
    e.kill()
    e.start()
    assert texts(pull(e, "kept-sub")) == ["2", "3"]


def test_transforms_run_again_after_a_kill(start):
    e = start()
    code = "function f(m) { return m.data === 'drop' ? null : {data: m.data + '%s'}; }"
    transform = {"messageTransforms": [{"javascriptUdf": {"functionName": "f", "code": code % "+"}}]}
    assert e.rest("PUT", "topics/kept-topic", transform).status == 200
    transform["messageTransforms"][0]["javascriptUdf"]["code"] = code % "-"
    assert e.rest("PUT", "subscriptions/kept-sub", {
        "topic": f"{FULL}/topics/kept-topic", **transform}).status == 200
    ids = publish(e, "kept-topic", "a", "drop", "b").json()["messageIds"]
    e.kill()
    e.start()
    assert e.rest("GET", "subscriptions/kept-sub").json()["messageTransforms"] == \
        transform["messageTransforms"]
    received = pull(e, "kept-sub")
    assert texts(received) == ["a+-", "b+-"]
    assert [m["message"]["messageId"] for m in received] == [ids[0], ids[2]]
    assert ack(e, "kept-sub", received).status == 200
    publish(e, "kept-topic", "c")
    assert texts(pull(e, "kept-sub")) == ["c+-"]
    # the processes that run them end with the emulator
    workers = children(e.process.pid)
    assert workers
    e.kill()
    datos.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))


def test_transforms_come_back_with_a_saved_state(start):
    e = start()
    transform = {"messageTransforms": [{"javascriptUdf": {
        "functionName": "f", "code": "function f(m) { while (m.data === 'hang') ; m.data += '+'; return m; }"}}]}
    assert e.rest("PUT", "topics/kept-topic", transform).status == 200
    assert e.rest("PUT", "subscriptions/kept-sub", {
        "topic": f"{FULL}/topics/kept-topic", **transform}).status == 200
    publish(e, "kept-topic", "a")
    assert e.control("POST", "save", {"path": "t.arc"}).status == 200
    # what is under way when everything goes is answered, and hurts nobody
    answers = []
    thread = threading.Thread(target=lambda: answers.append(publish(e, "kept-topic", "hang").status))
    thread.start()
    datos.wait_for(lambda: any(spent(pid) > 0.05 for pid in children(e.process.pid)))
    assert e.control("POST", "reset").status == 200
    thread.join()
    assert answers == [404]
    assert e.control("POST", "load", {"path": "t.arc"}).status == 200
    publish(e, "kept-topic", "b")
    assert sorted(texts(pull(e, "kept-sub"))) == ["a++", "b++"]


def spent(pid):
    """Seconds of processor time."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def test_an_acknowledgement_across_a_restart_counts(start):
    e = start()
    make_pair(e)
    publish(e, "kept-topic", "x")
    got = pull(e, "kept-sub")
    e.stop()
    e.start()
    assert ack(e, "kept-sub", got).status == 200
    assert pull(e, "kept-sub") == []


def test_a_large_backlog_does_not_stay_in_memory(start):
    e = start()
    make_pair(e)
    e.rest("GET", "topics/kept-topic")
    before = e.memory()
    for _ in range(100):
        assert publish(e, "kept-topic", *["x" * 900] * 1000).status == 200
    assert e.memory() - before < 80 << 20  # of 90 MB
    e.kill()
    e.start()
    assert e.metric("pubsub_googleapis_com:subscription_num_undelivered_messages") == 100000
    n = 0
    while got := pull(e, "kept-sub"):
        n += len(got)
        assert ack(e, "kept-sub", got).status == 200
    assert n == 100000
    assert e.memory() < 120 << 20


# --- the disk ----------------------------------------------------------------------

def limit_files(e, size):
    """As a full disk: writes beyond it fail."""
    resource.prlimit(e.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_refuses_and_recovers(start, folder):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # inherited
    e = start()
    make_pair(e)
    kept = []
    limit_files(e, 2 << 20)
    refused = None
    for i in range(200):
        answer = publish(e, "kept-topic", f"{i}" + "." * 50000)
        if answer.status != 200:
            refused = answer
            break
        kept.append(str(i))
    assert refused is not None, "the disk never was full"
    assert refused.status == 503, refused.body
    assert "pubsub.db" in refused.json()["error"]["message"]
    health = e.control("GET", "health")
    assert (health.status, health.json()["status"]) == (503, "error")
    assert "pubsub.db" in health.json()["services"]["pubsub"] and health.json()["services"]["bigquery"] == "ok"
    # what was kept can be read, and the rest of the program goes on
    got = pull(e, "kept-sub")
    assert [t.rstrip(".") for t in texts(got)] == kept
    assert e.rest("GET", "topics/kept-topic").status == 200
    assert e.rest("PUT", "topics/another-topic", {}).status in (200, 503)
    limit_files(e, resource.RLIM_INFINITY)
    datos.wait_for(lambda: e.control("GET", "health").status == 200)  # it finds out by itself
    datos.wait_for(lambda: publish(e, "kept-topic", "again").status == 200)
    assert ack(e, "kept-sub", got).status == 200
    e.kill()
    e.start()
    assert texts(pull(e, "kept-sub")) == ["again"]


def test_health_tells_of_bigquerys_full_disk(start):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # inherited
    e = start()
    base = f"http://{e.bigquery}/bigquery/v2/projects/{PROJECT}/datasets"
    assert datos.request("POST", base, {"datasetReference": {"datasetId": "d"}}).status == 200
    assert datos.request("POST", f"{base}/d/tables", {"tableReference": {"tableId": "t"}, "schema": {
        "fields": [{"name": "v", "type": "STRING"}]}}).status == 200
    limit_files(e, 1 << 20)

    def insert():
        return datos.request("POST", f"{base}/d/tables/t/insertAll", {"rows": [{"json": {"v": "x" * 100000}}]}).status
    assert datos.wait_for(lambda: insert() != 200)
    health = e.control("GET", "health")
    assert health.status == 503 and "BigQuery's storage" in health.json()["services"]["bigquery"], health.body
    assert health.json()["services"]["pubsub"] == "ok"
    limit_files(e, resource.RLIM_INFINITY)
    datos.wait_for(lambda: e.control("GET", "health").status == 200)
    datos.wait_for(lambda: insert() == 200)


# --- damage ------------------------------------------------------------------------

def smash(path, at, bytes_):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(bytes_)


def offset_of(path, marker):
    with open(path, "rb") as f:
        at = f.read().find(marker.encode())
    assert at > 0, f"{marker} is not in {path}"
    return at


def holding(folder, marker):
    """The file of the state, closed, that holds a message."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        with open(path, "rb") as f:
            if marker.encode() in f.read():
                return path
    raise AssertionError(f"{marker} is nowhere in {os.listdir(folder)}")


@pytest.mark.parametrize("how", ["form", "text", "cut", "chain"])
def test_damaged_messages_keep_nothing_else_back(start, folder, how):
    """One batch of many: the others come, in order, and new ones; the log names what was lost."""
    flags = ["--fsync"] if how == "chain" else []  # there all bytes are in the tables
    fill = "." * 12000
    e = start(*flags)
    make_pair(e)
    for i in range(300):
        assert publish(e, "kept-topic", f"<{i}>{fill}", attributes={"key": f"value-{i:03}"}).status == 200
    assert e.stop() == 0
    path = holding(folder, "value-150")
    if how == "form":  # the length of an attribute
        smash(path, offset_of(path, "value-150") - 1, b"\xff")
    elif how == "text":  # no UTF-8
        smash(path, offset_of(path, "value-150"), b"\xff\xfe")
    elif how == "cut":
        os.truncate(path, offset_of(path, "<150>"))
    else:
        page = offset_of(path, "value-150") // 4096 - 1  # of several in a row
        smash(path, page * 4096, b"\xee" * 4)
    e.start()
    assert publish(e, "kept-topic", f"<300>{fill}").status == 200
    found = []

    def drain():
        while got := pull(e, "kept-sub"):
            found.extend(texts(got))
            assert ack(e, "kept-sub", got).status == 200
        return found and found[-1].startswith("<300>")
    datos.wait_for(drain, what=f"the rest behind the damage ({len(found)} came)")
    numbers = [int(text[1:text.index(">")]) for text in found]
    assert numbers == sorted(set(numbers)) and 150 not in numbers
    lost = sorted(set(range(301)) - set(numbers))
    assert lost == list(range(lost[0], lost[-1] + 1)) and len(lost) <= 150
    if how in ("form", "text"):
        assert lost == [150]
    assert "from id" in e.log() and "passed over" in e.log()
    # what is damaged is in nobody's way, now and after a restart
    assert e.control("GET", "health").status == 200
    assert publish(e, "kept-topic", "after").status == 200
    assert texts(pull(e, "kept-sub")) == ["after"]
    assert e.stop() == 0
    e.start()
    assert publish(e, "kept-topic", "again").status == 200
    assert sorted(texts(pull(e, "kept-sub"))) == ["after", "again"]


def test_a_state_with_damaged_messages_is_saved_without_them(start, folder):
    fill = "." * 12000
    e = start()
    make_pair(e)
    for i in range(20):
        assert publish(e, "kept-topic", f"<{i}>{fill}").status == 200
    assert e.stop() == 0
    path = holding(folder, "<7>.")
    smash(path, offset_of(path, "<7>.") - 5, b"\xff" * 5)  # both lengths
    e.start()
    saved = e.control("POST", "save", {"path": "one.arc"})
    assert saved.status == 200, saved.body
    loaded = e.control("POST", "load", {"path": "one.arc"})
    assert loaded.status == 200, loaded.body
    found = texts(pull(e, "kept-sub"))
    assert [text.rstrip(".") for text in found] == [f"<{i}>" for i in range(20) if i != 7]


def test_a_folder_that_cannot_be_written_is_named(folder):
    os.makedirs(folder)
    path = os.path.join(folder, "pubsub.db")
    with open(path, "w", encoding="ascii") as f:
        f.write("this is no database, but long enough to look like a file " * 100)
    e = Emulator("--state", folder, wait=False)
    assert e.process.wait(20) == 1
    assert path in e.log() and "--state" in e.log()
    with open(path, encoding="ascii") as f:
        assert f.read().startswith("this is no database")  # untouched


def test_resources_of_a_file_have_no_unknown_member(folder):
    os.makedirs(folder)
    path = os.path.join(folder, "resources.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"project": "p", "topcis": ["a"]}, f)
    e = Emulator("--memory", "--config", path, wait=False)
    assert e.process.wait(20) != 0
    assert "--config: members are project, topics" in e.log()


def test_a_file_makes_tables_before_what_writes_into_them(start, folder):
    """Also when another set names the table; after a restart the subscription is there before BigQuery is."""
    os.makedirs(folder)
    path, yaml = os.path.join(folder, "sub.json"), os.path.join(folder, "tables.yaml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump([{"project": PROJECT, "topics": ["ttt"], "datasets": [{"datasetId": "d", "tables": [{
            "tableId": "x", "schema": {"fields": [{"name": "data", "type": "STRING"}]}}]}], "subscriptions": [
                {"name": "mine", "topic": "ttt", "bigqueryConfig": {"table": f"{PROJECT}.d.x"}},
                {"name": "others", "topic": "ttt", "bigqueryConfig": {"table": f"{PROJECT}.e.y"}}]}], f)
    with open(yaml, "w", encoding="utf-8") as f:
        f.write(f"projects:\n- id: {PROJECT}\n  datasets:\n  - id: e\n    tables:\n    - id: y\n"
                "      columns:\n      - name: data\n        type: STRING\n")
    e = start("--config", path, "--data-from-yaml", yaml)
    for name in ("mine", "others"):
        assert e.rest("GET", f"subscriptions/{name}").json()["bigqueryConfig"]["state"] == "ACTIVE"
    table = f"http://{e.bigquery}/bigquery/v2/projects/{PROJECT}/datasets/d/tables/x"
    assert datos.request("DELETE", table).status == 204
    assert e.stop() == 0
    e.flags = ("--state", folder)
    e.start()
    assert datos.wait_for(lambda: e.rest("GET", "subscriptions/mine").json()["bigqueryConfig"]["state"] == "NOT_FOUND")


@pytest.mark.parametrize("project", [5, "", None, ["p"]])
def test_a_project_of_another_type_is_refused(folder, project):
    os.makedirs(folder)
    path = os.path.join(folder, "resources.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"project": project, "topics": ["ttt"]}, f)
    e = Emulator("--memory", "--config", path, wait=False)
    assert e.process.wait(20) != 0
    assert "--config: project: its id, a string, is wanted" in e.log()


@pytest.mark.parametrize("second, told", [
    ("p,x", "PUBSUB_PROJECT2: projects/p/topics/x: "),
    ("p,ttt:y", "PUBSUB_PROJECT2: projects/p/subscriptions/y: "),
    (",ttt", "PUBSUB_PROJECT2: project: its id")])
def test_a_mistake_in_a_variable_names_it(second, told):
    e = Emulator("--memory", wait=False, environment={"PUBSUB_PROJECT1": "p,ttt:sss", "PUBSUB_PROJECT2": second})
    assert e.process.wait(20) != 0
    assert told in e.log(), e.log()


@pytest.mark.parametrize("more,told", [
    ({"PUBSUB_PROJECT3": "p,ttt"}, "PUBSUB_PROJECT3 would not be read: PUBSUB_PROJECT2 is not set"),
    ({"PUBSUB_PROJECT0": "p,ttt"}, "PUBSUB_PROJECT0 would not be read: PUBSUB_PROJECT2 is not set"),
    ({"PUBSUB_PROJECT2": "p,ttt:sss,uuu:sss"},
     "PUBSUB_PROJECT2: projects/p/subscriptions/sss: named twice, with different settings")])
def test_variables_that_would_be_passed_over_are_refused(more, told):
    e = Emulator("--memory", environment={"PUBSUB_PROJECT1": "p,ttt:sss,ttt:sss,ttt", **more}, wait=False)
    assert e.process.wait(20) == 1
    assert told in e.log(), e.log()


@pytest.mark.parametrize("resources,name", [
    ({"topics": ["aaa", {"name": f"{FULL}/topics/aaa", "labels": {"a": "b"}}]}, "topics/aaa"),
    ({"schemas": [{"name": "xxx", "type": "AVRO", "definition": kind} for kind in ('"int"', '"long"')]}, "schemas/xxx")])
def test_two_definitions_of_one_resource_are_refused(folder, resources, name):
    os.makedirs(folder)
    path = os.path.join(folder, "resources.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump([{"project": PROJECT, **resources}], f)
    e = Emulator("--memory", "--config", path, wait=False)
    assert e.process.wait(20) == 1
    assert f"--config: {FULL}/{name}: named twice, with different settings" in e.log(), e.log()


def has_ipv6():
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("host", ["::1", "[::1]", "127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("named", [True, False])
def test_healthcheck_finds_the_console_of_any_host(host, named):
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no ::1")
    e = Emulator("--memory", "--host", host)
    port = e.console.rsplit(":", 1)[1]
    argv = [PROGRAM, "healthcheck", "--console-port", port, *(["--host", host] if named else [])]
    assert subprocess.run(argv, timeout=20, check=False).returncode == 0
    assert e.stop() == 0
    done = subprocess.run(argv, timeout=20, check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "not ready: " in done.stderr and done.stderr.count("\n") == 1


def test_resources_of_variables_are_made():
    e = Emulator("--memory", environment={"PUBSUB_PROJECT1": "p,ttt:sss", "PUBSUB_PROJECT2": "q,uuu"})
    for path in ("p/topics/ttt", "p/subscriptions/sss", "q/topics/uuu"):
        assert datos.request("GET", f"http://{e.pubsub}/v1/projects/{path}").status == 200, path
    assert e.stop() == 0, e.log()


def test_a_second_emulator_does_not_take_the_state(start, folder):
    e = start()
    make_pair(e)
    second = Emulator("--state", folder, wait=False)
    try:
        assert second.process.wait(20) == 1, "two on one state"
        assert folder in second.log()
    finally:
        second.process.kill()
    assert publish(e, "kept-topic", "x").status == 200


# --- saved and loaded ----------------------------------------------------------------

def test_a_saved_state_comes_back_whole(start):
    e = start()
    make_pair(e, labels={"a": "b"})
    publish(e, "kept-topic", *"abc")
    ack(e, "kept-sub", pull(e, "kept-sub", 1))
    saved = e.control("POST", "save", {"path": "one.arc"})
    assert saved.status == 200, saved.body
    before = e.rest("GET", "subscriptions").json()
    assert e.control("POST", "reset").status == 200
    assert e.rest("GET", "subscriptions/kept-sub").status == 404
    assert e.control("POST", "load", {"path": "one.arc"}).status == 200
    assert e.rest("GET", "subscriptions").json() == before
    e.kill()
    e.start()
    assert e.rest("GET", "subscriptions").json() == before
    assert texts(pull(e, "kept-sub")) == ["b", "c"]
    publish(e, "kept-topic", "d")
    assert texts(pull(e, "kept-sub")) == ["d"]


INGESTION = {"ingestionDataSourceSettings": {
    "confluentCloud": {"bootstrapServer": "h:1", "clusterId": "c", "topic": "t",
                       "identityPoolId": "p", "gcpServiceAccount": "a@b.c"},
    "platformLogsSettings": {"severity": "ERROR"}}}


# --- the clock -------------------------------------------------------------------

def test_a_moved_clock_stays_over_restarts(start, folder):
    """What was published in its future stays in its past, and the retention goes on."""
    e = start()
    make_pair(e, messageRetentionDuration="86400s")
    e.advance(3600 * 24 * 30)
    publish(e, "kept-topic", "ahead")
    offset = e.control("GET", "clock").json()["offset_ms"]
    for end in (e.kill, e.stop):
        end()
        e.start()
        shown = e.control("GET", "clock").json()
        assert not shown["frozen"] and abs(shown["offset_ms"] - offset) < 60000
    assert "the clock is as it was left, moved at" in e.log()
    assert texts(pull(e, "kept-sub")) == ["ahead"]
    assert e.metric("pubsub_googleapis_com:subscription_num_undelivered_messages") == 1
    e.advance(86500)
    assert datos.wait_for(lambda: e.metric("pubsub_googleapis_com:subscription_num_undelivered_messages") == 0)
    assert e.control("DELETE", "clock").status == 200
    e.kill()
    e.start()
    assert abs(e.control("GET", "clock").json()["offset_ms"]) < 60000
    assert not os.path.exists(os.path.join(folder, "clock"))


def test_a_frozen_clock_stays_over_restarts(start):
    e = start()
    assert e.control("PUT", "clock", {"now": "2031-01-14T10:00:00Z", "frozen": True}).status == 200
    e.kill()
    e.start()
    shown = e.control("GET", "clock").json()
    assert (shown["now"], shown["frozen"]) == ("2031-01-14T10:00:00Z", True)
    assert e.control("PUT", "clock", {"frozen": False}).status == 200
    assert e.stop() == 0
    e.start()
    shown = e.control("GET", "clock").json()
    assert shown["now"].startswith("2031-01-14T10:") and not shown["frozen"]


def test_a_damaged_clock_is_named(start, folder):
    os.makedirs(folder)
    with open(os.path.join(folder, "clock"), "w", encoding="utf-8") as f:
        f.write("moved tomorrow\n")
    e = start(wait=False)
    assert e.process.wait(20) == 1
    assert f"{folder}/clock: no clock that was kept" in e.log()


def test_ingestion_settings_are_kept_and_saved(start):
    e = start()
    assert e.rest("PUT", "topics/ingesting", INGESTION).status == 200
    before = e.rest("GET", "topics/ingesting").json()
    assert before["ingestionDataSourceSettings"]["confluentCloud"]["state"] == "ACTIVE"
    e.kill()
    e.start()
    assert e.rest("GET", "topics/ingesting").json() == before
    assert e.control("POST", "save", {"path": "ingesting.arc"}).status == 200
    assert e.control("POST", "reset").status == 200
    assert e.rest("GET", "topics/ingesting").status == 404
    assert e.control("POST", "load", {"path": "ingesting.arc"}).status == 200
    assert e.rest("GET", "topics/ingesting").json() == before


# --- policies ----------------------------------------------------------------------

VIEWERS = [{"role": "roles/pubsub.viewer", "members": ["allUsers"]}]


def test_policies_live_as_long_as_what_they_guard(start):
    e = start()
    make_pair(e)
    names = ("topics/kept-topic", "subscriptions/kept-sub", "snapshots/kept-snap")
    assert e.rest("PUT", names[2], {"subscription": f"{FULL}/{names[1]}"}).status == 200
    for name in names:
        made = e.rest("POST", f"{name}:setIamPolicy", {"policy": {"bindings": VIEWERS}})
        assert made.status == 200, made.body

    def policies():
        return [e.rest("GET", f"{name}:getIamPolicy").json() for name in names]
    set_ones = policies()
    assert [p["bindings"] for p in set_ones] == [VIEWERS] * 3
    e.kill()
    e.start()
    assert policies() == set_ones
    assert e.control("POST", "save", {"path": "policies.arc"}).status == 200
    assert e.rest("DELETE", names[1]).status == 200
    e.kill()
    e.start()
    make = {"topic": f"{FULL}/{names[0]}"}
    assert e.rest("PUT", names[1], make).status == 200
    assert policies() == [set_ones[0], {"etag": "ACAB"}, set_ones[2]]
    assert e.control("POST", "load", {"path": "policies.arc"}).status == 200
    assert policies() == set_ones
    e.kill()
    e.start()
    assert policies() == set_ones
    assert e.control("POST", "reset").status == 200
    make_pair(e)
    assert policies()[:2] == [{"etag": "ACAB"}] * 2
    assert e.stop() == 0


def test_a_disk_full_from_the_start_is_said_with_its_reason(folder):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    os.makedirs(folder)
    ports = [word for name in ("pubsub", "bigquery", "bigquery-grpc", "console") for word in (f"--{name}-port", "0")]
    done = subprocess.run([os.path.join(datos.BUILD, "release", "datos-emulator"), "--state", folder, *ports],
                          capture_output=True, text=True, preexec_fn=limit, timeout=20, check=False)
    assert done.returncode == 1
    assert "pubsub.db: cannot be read or written (File too large)" in done.stderr


# --- objects of Cloud Storage subscriptions -------------------------------------------

def objects(folder):
    """Lines of all files of the bucket, by name."""
    found, bucket = {}, os.path.join(folder, "storage", "kept-bucket")
    for name in os.listdir(bucket) if os.path.isdir(bucket) else []:
        with open(os.path.join(bucket, name), encoding="utf-8") as f:
            found[name] = f.read().split("\n")
    return found


def test_objects_are_whole_and_nothing_is_missing_from_them(start, folder):
    e = start()
    make_pair(e, cloudStorageConfig={"bucket": "kept-bucket", "maxMessages": "1000", "maxDuration": "60s"})
    book = Book()
    for _ in range(4):
        for _ in range(13):
            sent = book.take(100)
            assert publish(e, "kept-topic", *sent).status == 200
        e.kill()
        for lines in objects(folder).values():
            assert len(lines) == 1000 and set(lines) <= book.sent
        e.start()

    def all_there():
        e.advance(61)
        return {line for lines in objects(folder).values() for line in lines} == book.sent
    datos.wait_for(all_there)
    # what was written twice, its acknowledgement being lost, comes to an end too
    datos.wait_for(lambda: e.advance(61) or
                   e.metric("pubsub_googleapis_com:subscription_num_undelivered_messages") == 0)
    assert os.listdir(os.path.join(folder, "storage", ".partial")) == []
    assert e.stop() == 0
    # what an object holds is not given to anybody again
    before = objects(folder)
    e.start()
    e.advance(61)
    assert publish(e, "kept-topic", "last").status == 200
    assert e.stop() == 0  # what was collected is written at the end
    after = {name: lines for name, lines in objects(folder).items() if name not in before}
    assert list(after.values()) == [["last"]]


def test_a_bucket_that_may_not_be_written_says_so(start, folder):
    e = start()
    os.makedirs(os.path.join(folder, "storage"))
    with open(os.path.join(folder, "storage", "kept-bucket"), "w", encoding="ascii"):
        pass  # no folder
    make_pair(e, cloudStorageConfig={"bucket": "kept-bucket"})
    shown = e.rest("GET", "subscriptions/kept-sub").json()
    assert (shown["state"], shown["cloudStorageConfig"]["state"]) == ("RESOURCE_ERROR", "PERMISSION_DENIED")


# --- reading back ---------------------------------------------------------------------

def test_messages_that_could_not_be_read_come_when_they_can(start, folder):
    e = start()
    make_pair(e, cloudStorageConfig={"bucket": "kept-bucket"})
    assert publish(e, "kept-topic", "x" * 200_000).status == 200
    e.kill()
    parts = os.path.join(folder, "storage", ".partial")
    for name in os.listdir(parts):
        os.unlink(os.path.join(parts, name))
    # from now on the message is on a disk that nobody can read from
    other = sqlite3.connect(os.path.join(folder, "pubsub.db"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    e.start()
    datos.wait_for(lambda: "cannot be read back" in e.log())
    assert os.listdir(parts) == []
    other.execute("ROLLBACK")
    other.close()
    # nobody asks for it but its subscription
    datos.wait_for(lambda: [os.path.getsize(os.path.join(parts, name)) > 100_000 for name in os.listdir(parts)] == [True])
    assert e.stop() == 0
    assert [len(lines[0]) for lines in objects(folder).values()] == [200_000]

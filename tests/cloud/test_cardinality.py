# SPDX-License-Identifier: Apache-2.0
"""What clients send never becomes a label: after a flood of odd paths, ids,
methods, queries, headers and messages each family keeps to its cap, and the
whole page to what Google's collector takes."""
import base64
import http.client
import json
import os
import random
import re
import urllib.parse
import uuid

import pytest

import datos
from conftest import read

# id, then name, labels and cap: METRIC(id, kind, "name", "a,b", 8, ...
CAPS = {name: int(cap) for name, cap in
        re.findall(r'METRIC\(\w+, \w+, "(\w+)",?\s*"[^"]*",\s*(\d+),', read("src", "common", "metrics.def"))}
MARK = "zq" + uuid.uuid4().hex[:10]
N = 3000


@pytest.fixture(name="system", scope="module")
def the_system():
    system = datos.System("--memory")
    yield system
    assert system.stop() == 0


def odd(rng):
    return MARK + rng.choice(["", "/", "%2F", "..", "%00", "é", '"', "\\", "{}", "=", ","]) + uuid.uuid4().hex


def flood_http(base, n):
    """One connection after another, since a bad request ends its own."""
    rng = random.Random(7)
    host = urllib.parse.urlsplit(base).netloc
    connection, statuses = None, set()
    for i in range(n):
        token = urllib.parse.quote(odd(rng), safe="/%")
        method, path, body, headers = rng.choice([
            ("GET", f"/{token}", None, {}), ("GET", f"/datos/{token}", None, {}), ("GET", f"/datos?id={token}", None, {}),
            ("GET", f"/datos?{token}=1", None, {}), (f"M{i}", "/datos", None, {}), ("DELETE", f"/datos/{token}", None, {}),
            ("POST", "/datos", json.dumps({"id": token, "timestamp": "2025-01-14T10:00:00Z"}), {"Content-Type": "application/json"}),
            ("POST", "/datos", token, {"Content-Type": "application/json"}), ("POST", "/datos", "{}", {"Content-Type": MARK + str(i)}),
            ("GET", "/datos", None, {"X-Request-Id": MARK + str(i), "traceparent": token, "Accept": MARK, "User-Agent": token}),
            ("HEAD", f"/health/{token}", None, {}), ("OPTIONS", f"/{token}", None, {})])
        connection = connection or http.client.HTTPConnection(host, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
            if answer.will_close:
                connection = None
        except (http.client.HTTPException, OSError):
            connection = None
    return statuses


def publish(system, messages):
    url = f"http://{system.ready['pubsub']}/v1/projects/{datos.PROJECT}/topics/datos-topic:publish"
    assert datos.request("POST", url, {"messages": messages}).status == 200


def samples(base):
    """[(name, labels)] of a metrics page."""
    found = []
    for line in datos.request("GET", base + "/metrics").body.splitlines():
        if not line.startswith("#"):
            m = re.fullmatch(r"(\w+)(?:\{(.*)\})? \S+", line)
            assert m, line
            found.append((m.group(1), dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m.group(2) or ""))))
    return found


def check(found):
    assert 0 < len(found) < 6000, "more than the collector takes (modules/system/secrets.tf)"
    families = {}
    for name, labels in found:
        assert MARK not in json.dumps(labels), f"{name} {labels} holds what a client sent"
        assert not any(re.search(r"[0-9a-f]{16}", v) for k, v in labels.items() if k != "commit"), (name, labels)
        family = re.sub("_(bucket|sum|count)$", "", name)
        families.setdefault(family, set()).add(tuple(sorted((k, v) for k, v in labels.items() if k != "le")))
    for family, series in families.items():
        if family.startswith("datos_"):
            assert len(series) <= CAPS[family] + 1, f"{family}: {len(series)} series"
    return families


def test_a_flood_of_requests_makes_no_series(system):
    base = system.ready["api"]
    statuses = flood_http(base, N)
    assert {200, 404, 400} <= statuses, f"the flood reached every kind of answer: {statuses}"
    assert statuses & {405, 501} and statuses & {415, 422}
    datos.request("GET", base + "/livez")  # as the supervisor asks every two seconds
    samples(base)  # a scrape is a request too, and shows in the next one
    before = check(samples(base))
    flood_http(base, N)
    assert check(samples(base)) == before, "a second flood of other names adds no series"
    routes = {dict(s)["route"] for s in before["datos_http_request_duration_seconds"]}
    assert len(routes) < 15 and all(len(r) < 25 for r in routes)


def test_a_flood_of_messages_makes_no_series(system):
    base = system.ready["ingest"]
    publish(system, [{"data": base64.b64encode(f"{MARK}{i} no json".encode()).decode(),
                      "attributes": {f"{MARK}{i}": f"{MARK}{i}", "datos-error": f"{MARK}{i}"}} for i in range(500)])

    def rejected():
        text = datos.request("GET", base + "/metrics").body
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith("datos_ingest_messages_total") and 'outcome="rejected"' in line) >= 500
    datos.wait_for(rejected, 30, "500 messages rejected")
    families = check(samples(base))
    assert {dict(s)["outcome"] for s in families["datos_ingest_messages_total"]} <= {"stored", "duplicate", "rejected", "returned", "other"}
    assert {dict(s)["kind"] for s in families["datos_ingest_errors_total"]} <= {"transient", "permanent", "other"}


def test_odd_names_of_a_system_are_escaped_or_refused(tmp_path):
    """The one label that an operator chooses."""
    name = 'a"b\\c'
    system = datos.System("--memory", environment={"DATOS_SYSTEM": name}, wait=False)
    try:
        if system.process.poll() is None and not os.path.exists(system.ready_file):
            try:
                system.wait_ready(10)
            except AssertionError:
                assert "DATOS_SYSTEM" in system.log(), system.log()
                return
        for _, labels in samples(system.ready["api"]):
            if "system" in labels:
                assert labels["system"] == name.replace("\\", "\\\\").replace('"', '\\"')
    finally:
        if system.process.poll() is None:
            system.stop()

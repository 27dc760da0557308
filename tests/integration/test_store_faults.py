# SPDX-License-Identifier: Apache-2.0
"""The production client of BigQuery while its service fails, hangs, loses
answers and forgets: nothing is lost, refused or there twice."""
import base64
import http.server
import json
import os
import signal
import threading
import time

import datos
import pytest

PAST = "2025-01-14T10:00:00Z"


def control(system, method, path, body=None):
    answer = datos.request(method, f"{system.ready['console']}/_emulator/{path}", body)
    assert answer.status in (200, 204), answer.body
    return answer


def fail(system, *rules):
    control(system, "PUT", "faults", {"rules": [{"service": "bigquery", **r} for r in rules]})


def stored(system):
    """How often each id lies in the table, read past the API."""
    answer = datos.request(
        "POST", f"{system.ready['bigquery']}/bigquery/v2/projects/datos-local/queries",
        {"query": "SELECT id, COUNT(*) FROM latam_dataset.datos WHERE timestamp > '2000-01-01' GROUP BY id",
         "useLegacySql": False, "maxResults": 10000})
    assert answer.status == 200, answer.body
    return {r["f"][0]["v"]: int(r["f"][1]["v"]) for r in answer.json().get("rows", [])}


@pytest.fixture(scope="module")
def system():
    s = datos.System("--memory", "--store", "bigquery")
    yield s
    assert s.stop() == 0, s.log()


@pytest.fixture(autouse=True)
def well_again(system):
    yield
    control(system, "DELETE", "faults")


@pytest.mark.parametrize("rule", [
    {"http_status": 503}, {"http_status": 429}, {"http_status": 403}, {"http_status": 404},
    {"action": "drop"}, {"action": "reset"}])
def test_failing_inserts_keep_messages_and_dead_letter_none(system, rule):
    name = "-".join(str(v) for v in rule.values())
    ids = [f"{name}-{i}" for i in range(20)]
    fail(system, {"method": "tabledata.insertAll", "action": "error", **rule})
    system.publish(*[datos.record(i, timestamp=datos.from_now(0)) for i in ids])
    time.sleep(3)  # it is this long that nothing may happen
    assert not system.pull("datos-dead-letter-subscription")
    control(system, "DELETE", "faults")
    datos.wait_for(lambda: set(ids) <= set(system.ids()), 30)
    assert not system.pull("datos-dead-letter-subscription")
    there = stored(system)
    assert all(there[i] == 1 for i in ids)


def test_half_an_hour_of_a_dead_store_spends_nothing(system):
    ids = [f"half-{i}" for i in range(10)]
    fail(system, {"method": "tabledata.insertAll", "action": "error", "http_status": 503})
    system.publish(*[datos.record(i, timestamp=PAST) for i in ids])
    for _ in range(30):
        control(system, "PUT", "clock", {"advance_ms": 60000})
        time.sleep(0.2)  # between two minutes of the emulator's clock
        assert not system.pull("datos-dead-letter-subscription")
    control(system, "DELETE", "faults")
    datos.wait_for(lambda: set(ids) <= set(stored(system)), 60)
    assert all(stored(system)[i] == 1 for i in ids)
    assert not system.pull("datos-dead-letter-subscription")


def test_row_that_only_the_store_refuses_is_dead_lettered(system):
    """BigQuery streams 3650 days back; ours are ten years of 365.25."""
    old = datos.record("too-old", timestamp=datos.from_now(-3651 * 86400))
    system.publish(old)
    time.sleep(1)  # alone it may be the store's fault: it is kept
    assert not system.pull("datos-dead-letter-subscription")
    system.publish(*[datos.record(f"young-{i}", timestamp=PAST) for i in range(5)])
    letter = system.dead_letters()[0]["attributes"]
    assert letter["datos-error"] == "rejected"
    assert "timestamp" in letter["datos-error-detail"], letter
    assert "too-old" not in stored(system)
    assert system.post(old).status == 422


def test_rows_refused_one_by_one_lose_nothing(system):
    """The service takes each call but refuses every second row of it, as invalid, and
    stops the rest. Each message ends in the table or, being refused beside others that passed or
    were stopped, in the dead-letter topic; none in both, none in neither."""
    insert = {"method": "tabledata.insertAll", "action": "error"}
    sent, letters = {}, {}

    def ours():
        return {i: n for i, n in stored(system).items() if i.startswith("part-")}

    def all_settled():
        got = system.pull("datos-dead-letter-subscription")
        if got:
            system.acknowledge("datos-dead-letter-subscription", got)
        for letter in got:
            row = json.loads(base64.b64decode(letter["message"]["data"]))
            letters[row["id"]] = (row, letter["message"]["attributes"])
        return set(letters) | set(ours()) == set(sent)
    while not letters and len(sent) < 1000:
        new = [datos.record(f"part-{len(sent) + i}", timestamp=PAST) for i in range(100)]
        sent.update({row["id"]: row for row in new})
        # meanwhile rows gather: one alone is never refused
        fail(system, {**insert, "http_status": 503})
        system.publish(*new)
        # once for all of them, once for those that were stopped; the rest of these passes
        fail(system, {**insert, "http_status": 200, "count": 2})
        datos.wait_for(all_settled, 60)
    rows = ours()
    assert letters and rows and not set(rows) & set(letters)
    assert set(rows.values()) == {1}
    for ident, (row, attributes) in letters.items():
        assert row == sent[ident] and attributes["datos-error"] == "rejected"


def told_by_doctor(system, **told):
    done = datos.run(datos.DATOS, "doctor", "--store", "bigquery", environment={
        "PUBSUB_EMULATOR_HOST": system.ready["pubsub"], "REDIS_URL": system.ready["redis"],
        "BIGQUERY_EMULATOR_HOST": system.ready["bigquery"].removeprefix("http://"), **told})
    return done.returncode, {line[6:].split("  ")[0]: line[:4].strip() for line in done.stdout.splitlines()}, done.stdout


def test_the_doctor_asks_what_may_be_written_and_queried(system):
    code, found, text = told_by_doctor(system)
    assert (code, found["store"], found["rows"], found["queries"]) == (0, "ok", "ok", "ok"), text
    fail(system, {"method": "jobs.query", "action": "error", "http_status": 403})
    code, found, text = told_by_doctor(system)
    assert (code, found["store"], found["rows"], found["queries"]) == (1, "ok", "ok", "FAIL"), text
    assert "roles/bigquery.jobUser" in text
    # ingest runs none, and has no right to
    code, found, text = told_by_doctor(system, DATOS_CLOUD="1", DATOS_INGEST="pull")
    assert code == 0 and "queries" not in found, text
    fail(system, {"method": "tables.testIamPermissions", "action": "error", "http_status": 403})
    code, found, text = told_by_doctor(system)
    assert code == 0 and "could not be asked" in text, text


class Stingy(http.server.BaseHTTPRequestHandler):
    """BigQuery, but for who may read or write the table."""
    def answer(self, body=None):
        if self.path.endswith(":testIamPermissions"):
            status, text = 200, json.dumps({"permissions": self.server.given} if self.server.given else {})
        else:
            there = datos.request(self.command, self.server.real + self.path, body)
            status, text = there.status, there.body
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = answer

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("given, lacks", [
    ([], "lacks bigquery.tables.getData and bigquery.tables.updateData: grant"),
    (["bigquery.tables.getData"], "lacks bigquery.tables.updateData: grant"),
    (["bigquery.tables.updateData"], "lacks bigquery.tables.getData: grant")])
def test_the_doctor_names_the_right_that_is_lacking(system, given, lacks):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stingy)
    server.real, server.given = system.ready["bigquery"], given
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        code, found, text = told_by_doctor(system, BIGQUERY_EMULATOR_HOST=f"127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (code, found["store"], found["rows"], found["queries"]) == (1, "ok", "FAIL", "ok"), text
    assert f"latam_dataset.datos: the credential {lacks} roles/bigquery.dataEditor" in text


def test_lost_answers_make_no_second_rows(system):
    fail(system, {"method": "tabledata.insertAll", "action": "reset", "count": 2})
    answer = system.post(datos.record("lost", timestamp=datos.from_now(0)))
    assert answer.status == 201
    assert stored(system)["lost"] == 1


def test_failing_queries_leave_what_is_cached(system):
    assert system.post(datos.record("seen", timestamp=datos.from_now(1))).status == 201
    fail(system, {"method": "jobs.query", "action": "error", "http_status": 503})
    for _ in range(20):
        assert "seen" in system.ids()
        time.sleep(0.1)
    assert system.post(datos.record("more", timestamp=datos.from_now(2))).status == 201
    assert "more" in system.ids()


def test_hanging_service_is_told_and_forgiven(system):
    record = datos.record("hang", timestamp=datos.from_now(3))
    emulator = system.ready["pids"]["emulator"]
    assert system.post(datos.record("before", timestamp=datos.from_now(3))).status == 201
    os.kill(emulator, signal.SIGSTOP)
    try:
        datos.wait_for(lambda: system.get("/health").status == 503, 4)
        assert "before" in system.ids()
        started = time.monotonic()
        answer = system.post(record, seconds=40)
        assert answer.status == 503 and "Retry-After" in answer.headers
        assert time.monotonic() - started < 30
    finally:
        os.kill(emulator, signal.SIGCONT)
    datos.wait_for(lambda: system.get("/health").status == 200, 10)
    datos.wait_for(lambda: system.post(record).status in (200, 201), 10)
    assert stored(system)["hang"] == 1
    datos.wait_for(lambda: "hang" in system.ids())


def test_row_that_others_wrote_is_found(system):
    answer = datos.request(
        "POST", f"{system.ready['bigquery']}/bigquery/v2/projects/datos-local/datasets/latam_dataset/"
        "tables/datos/insertAll", {"rows": [{"json": datos.record("others", timestamp=datos.from_now(4))}]})
    assert answer.status == 200 and "insertErrors" not in answer.json()
    datos.wait_for(lambda: "others" in system.ids(), 10)


def test_after_a_reset_ids_are_free_again(system):
    record = datos.record("again", timestamp=PAST)
    assert system.post(record).status == 201
    assert system.post(record).status == 200
    control(system, "POST", "reset?service=bigquery")
    datos.wait_for(lambda: system.get("/health").status == 200, 10)
    assert system.post(record).status == 201
    assert stored(system) == {"again": 1}
    datos.wait_for(lambda: system.ids() == ["again"], 10)

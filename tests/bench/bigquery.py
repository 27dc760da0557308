# SPDX-License-Identifier: Apache-2.0
"""The BigQuery emulator: start, memory, SELECT 1, the newest rows of a million,
insertAll, GROUP BY against plain SQLite, 100,000 mixed queries, and the whole way
from Pub/Sub through the production client into it."""
import base64
import json
import os
import re
import sqlite3
import statistics
import subprocess
import threading
import time

from harness import (EMULATOR, ROUNDS, Wire, compiled, cpu_us, datos, free_port, note, spawn, stop,
                     with_ready_fd)

MILLION = 1_000_000
TABLE = "/bigquery/v2/projects/datos-local/datasets/latam_dataset/tables/datos"
QUERIES = "/bigquery/v2/projects/datos-local/queries"
NAME = "`datos-local.latam_dataset.datos`"
SINCE = "WHERE timestamp >= TIMESTAMP '2025-01-01'"  # the table asks for a filter on its partitions
NEWEST = f"SELECT id, contenido, timestamp FROM {NAME} {SINCE} ORDER BY timestamp DESC, id LIMIT 10"
# Equal work, written for each engine by hand. The second ends in the table's
# own rows: SQLite has timestamps as microseconds there too.
GROUPS = (
    ("by a number from a string", "SELECT MOD(LENGTH(contenido) + EXTRACT(SECOND FROM timestamp), 60) AS k, "
     f"COUNT(*) AS n, MIN(id) AS a, MAX(timestamp) AS z FROM {NAME} {SINCE} GROUP BY k ORDER BY k",
     "SELECT (length(contenido) + timestamp / 1000000 % 60) % 60 AS k, count(*) AS n, min(id) AS a,"
     " max(timestamp) AS z FROM datos WHERE timestamp >= 1735689600000000 GROUP BY 1 ORDER BY 1"),
    ("by the hour", "SELECT TIMESTAMP_TRUNC(timestamp, HOUR) AS h, COUNT(*) AS n, COUNT(DISTINCT contenido) AS d "
     f"FROM {NAME} {SINCE} GROUP BY h ORDER BY h",
     "SELECT timestamp - timestamp % 3600000000 AS h, count(*) AS n, count(DISTINCT contenido) AS d"
     " FROM datos WHERE timestamp >= 1735689600000000 GROUP BY 1 ORDER BY 1"),
    ("by a prefix of the id", f"SELECT SUBSTR(id, 1, 9) AS k, COUNT(*) AS n, SUM(LENGTH(contenido)) AS s FROM {NAME} "
     f"{SINCE} GROUP BY k ORDER BY k",
     "SELECT substr(id, 1, 9) AS k, count(*) AS n, sum(length(contenido)) AS s FROM datos"
     " WHERE timestamp >= 1735689600000000 GROUP BY 1 ORDER BY 1"),
)


class Server:
    def __init__(self, *flags):
        self.process, ready, _ = with_ready_fd([EMULATOR, "--pubsub-port", "0", "--bigquery-port", "0",
                                                "--bigquery-grpc-port", "0", "--console-port", "0",
                                                "--log", "warn", *flags])
        self.address = ready["bigquery"].rpartition("//")[2]
        self.port = int(self.address.rpartition(":")[2])
        self.wire = Wire(self.address)

    def query(self, sql, **more):
        """Bypasses the cache of results: every call does the work."""
        answer = json.loads(self.wire.ask("POST", QUERIES, json.dumps(
            {"query": sql, "useLegacySql": False, "useQueryCache": False, **more}).encode()))
        if not answer["jobComplete"]:
            raise SystemExit(f"bench: {sql} took too long")
        return [[cell["v"] for cell in row["f"]] for row in answer.get("rows", [])]

    def timed(self, sql, **more):
        """Wall and CPU time, ms."""
        cpu, began = cpu_us([self.process.pid]), time.monotonic()
        self.query(sql, **more)
        return (time.monotonic() - began) * 1000, (cpu_us([self.process.pid]) - cpu) / 1000

    def insert(self, rows, order, first=0, connections=4):
        program = compiled("insert_load", "insert_load.c")
        before = cpu_us([self.process.pid])
        out = subprocess.run([program, str(self.port), TABLE + "/insertAll", str(rows), "500", str(connections),
                              order, str(first)], capture_output=True, text=True, check=False, timeout=300)
        if out.returncode:
            raise SystemExit(f"bench: insert_load: {out.stderr}")
        return float(out.stdout.split()[1]), (cpu_us([self.process.pid]) - before) / rows

    def private_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)) / 1024

    def stop(self):
        stop(self.process)


def quiet_start():
    took, idle = [], []
    for _ in range(9):
        port = free_port()
        began = time.monotonic()
        process = spawn([EMULATOR, "--pubsub-port", "0", "--bigquery-port", str(port), "--bigquery-grpc-port", "0",
                         "--console-port", "0", "--memory"])
        while process.poll() is None:
            try:
                Wire(f"127.0.0.1:{port}").ask("GET", "/bigquery/v2/projects")
                break
            except OSError:
                time.sleep(0.0005)
        took.append((time.monotonic() - began) * 1000)
        if len(took) > 6:
            time.sleep(1)
            with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
                idle.append(int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)) / 1024)
        stop(process)
    note("start to the first answer, ms (median of 9)", f"{statistics.median(took):.1f}", "< 25",
         statistics.median(took) < 25)
    note("idle: private (RssAnon), MB", f"{max(idle):.1f}", "< 5", max(idle) < 5)


def percentiles(server, sql, n, **more):
    server.query(sql, **more)
    took, cpu = zip(*(server.timed(sql, **more) for _ in range(n)))
    took = sorted(took)
    return statistics.median(took), took[int(n * 0.99)], sum(cpu) / n


def select_one():
    server = Server("--memory")
    try:
        for what, more in (("SELECT 1, a job each", {}),
                           ("SELECT 1, JOB_CREATION_OPTIONAL", {"jobCreationMode": "JOB_CREATION_OPTIONAL"})):
            p50, p99, cpu = min(percentiles(server, "SELECT 1", 1000, **more) for _ in range(3))
            note(f"{what}: p50 / p99 / CPU, ms", f"{p50:.2f} / {p99:.2f} / {cpu:.2f}", "p50 < 0.5", p50 < 0.5)
    finally:
        server.stop()


def insertion(folder):
    for order, goal in (("rising", 100_000), ("random", 40_000)):
        rates, cpu = [], []
        for i in range(min(ROUNDS, 3)):
            server = Server("--state", os.path.join(folder, f"{order}{i}"))
            try:
                rate, us = server.insert(MILLION // 2, order)
            finally:
                server.stop()
            rates.append(rate)
            cpu.append(us)
        rate = statistics.median(rates)
        note(f"insertAll, 500 a batch, {order} ids, rows a second", f"{rate:,.0f}", f">= {goal:,}", rate >= goal)
        note("  CPU a row, us", f"{statistics.median(cpu):.2f}")


def plain_copy(server, path):
    """What the emulator holds, as plain SQLite holds it by hand."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE datos(id TEXT NOT NULL, contenido TEXT, timestamp INTEGER NOT NULL)")
        db.executemany("INSERT INTO datos VALUES(?,?,?)",
                       ((f"r{n:012}", "Este es un mensaje de prueba", (1735689600000 + n) * 1000)
                        for n in range(MILLION)))
    count = server.query(f"SELECT COUNT(*), MIN(id), MAX(id) FROM {NAME} {SINCE}")[0]
    assert count == [str(MILLION), f"r{0:012}", f"r{MILLION - 1:012}"], count


def newest_of_scattered(folder):
    """Rows of any of 240 days, in no order: what is newest lies anywhere in the table."""
    server = Server("--state", os.path.join(folder, "scattered"))
    try:
        server.insert(MILLION, "scattered")
        p50, p99, cpu = min(percentiles(server, NEWEST, 300) for _ in range(3))
        note("  the same of scattered timestamps", f"{p50:.2f} / {p99:.2f} / {cpu:.2f}", "p50 < 2", p50 < 2)
        newest = [row[2] for row in server.query(NEWEST)]
        every = server.query(f"SELECT COUNT(*), MAX(timestamp) FROM {NAME} {SINCE}")[0]
        assert every == [str(MILLION), newest[0]] and newest == sorted(newest, key=float, reverse=True), (every, newest)
    finally:
        server.stop()


def reading(folder):
    server = Server("--state", os.path.join(folder, "million"))
    try:
        server.insert(MILLION, "rising")
        p50, p99, cpu = min(percentiles(server, NEWEST, 300) for _ in range(3))
        note("newest 10 of 1,000,000: p50 / p99 / CPU, ms", f"{p50:.2f} / {p99:.2f} / {cpu:.2f}", "p50 < 2", p50 < 2)
        newest_of_scattered(folder)
        path = os.path.join(folder, "plain.db")
        plain_copy(server, path)
        plain = sqlite3.connect(path)
        plain.execute("PRAGMA cache_size=-4096")
        for what, ours, theirs in GROUPS:
            walls, cpus = [], []
            for _ in range(ROUNDS):
                began, began_cpu = time.monotonic(), time.thread_time()
                rows = plain.execute(theirs).fetchall()
                wall, cpu = (time.monotonic() - began) * 1000, (time.thread_time() - began_cpu) * 1000
                our_wall, our_cpu = server.timed(ours)
                walls.append(our_wall / wall)
                cpus.append(our_cpu / cpu)
            got = server.query(ours)
            assert [int(r[1]) for r in got] == [r[1] for r in rows], what
            note(f"GROUP BY {what}, ms; plain SQLite {wall:.0f}", f"{our_wall:.0f}")
            note("  ratio, wall / CPU", f"{statistics.median(walls):.2f} / {statistics.median(cpus):.2f}", "<= 1.5",
                 statistics.median(walls) <= 1.5)
        plain.close()
    finally:
        server.stop()


def mixed_queries(n):
    """A hundred kinds of query; the text differs each time."""
    kinds = ("SELECT {i} AS a, 'x{i}' AS b", f"SELECT COUNT(*) FROM {NAME} {SINCE} AND id = 'r{{i}}'",
             f"SELECT id, timestamp FROM {NAME} {SINCE} ORDER BY timestamp DESC LIMIT {{k}}",
             "SELECT FORMAT_TIMESTAMP('%F %T', TIMESTAMP_MICROS({i} * 1000000)) AS t",
             "WITH a AS (SELECT x FROM UNNEST(GENERATE_ARRAY(1, {k})) AS x) SELECT SUM(x), AVG(x) FROM a",
             "SELECT REGEXP_EXTRACT('id-{i}', r'(\\d+)') AS r, JSON_VALUE('{{\"a\":{i}}}', '$.a') AS j",
             f"SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM {NAME} {SINCE} AND id < 'r{{k}}' LIMIT 5",
             "SELECT CAST('{i}' AS NUMERIC) * 2 AS n, SAFE_CAST('x' AS INT64) AS s",
             "SELECT ARRAY_AGG(x ORDER BY x DESC LIMIT 3) AS a FROM UNNEST([{i}, 2, 3]) AS x",
             "INSERT INTO `datos-local.latam_dataset.datos`(id, timestamp) VALUES ('m{i}', TIMESTAMP '2025-02-01')")
    for i in range(n):
        yield kinds[i % len(kinds)].format(i=i, k=i % 50 + 1)


def endurance(folder):
    n = int(os.environ.get("BENCH_QUERIES", 100_000))
    server = Server("--state", os.path.join(folder, "mixed"))
    try:
        server.insert(10_000, "rising")
        for sql in mixed_queries(1000):
            server.query(sql)
        before, tenth, times = server.private_mb(), n // 10, []
        for sql in mixed_queries(n):
            began = time.monotonic()
            server.query(sql)
            times.append(time.monotonic() - began)
        grown = server.private_mb() - before
        first, last = (statistics.median(t) * 1000 for t in (times[:tenth], times[-tenth:]))
        note(f"{n:,} mixed queries: memory growth, MB", f"{grown:.1f}", "< 5", grown < 5)
        note("  first tenth, last tenth: median ms", f"{first:.2f} {last:.2f}", "<= 1.2 x", last <= 1.2 * first)
        note("  a second", f"{n / sum(times):,.0f}")
    finally:
        server.stop()


def publish_all(wire, n, batch=1000):
    path = f"/v1/projects/{datos.PROJECT}/topics/datos-topic:publish"
    for first in range(0, n, batch):
        messages = [{"data": base64.b64encode(json.dumps(datos.record(
            f"b{i:06}", "Este es un mensaje de prueba")).encode()).decode()} for i in range(first, first + batch)]
        wire.ask("POST", path, json.dumps({"messages": messages}).encode())


def ingest(folder):
    """A backlog, drained by `datos ingest` as in production: REST Pull,
    insertAll."""
    n, rates = 200_000, []
    for i in range(min(ROUNDS, 3)):
        process, ready, _ = with_ready_fd([EMULATOR, "--pubsub-port", "0", "--bigquery-port", "0",
                                           "--bigquery-grpc-port", "0", "--console-port", "0", "--log", "warn",
                                           "--state", os.path.join(folder, f"ingest{i}")])
        publish_all(Wire(ready["pubsub"]), n)
        wire, began = Wire(ready["bigquery"].rpartition("//")[2]), time.monotonic()
        worker, _, _ = with_ready_fd([datos.DATOS, "ingest"], PUBSUB_EMULATOR_HOST=ready["pubsub"],
                                     BIGQUERY_EMULATOR_HOST=ready["bigquery"], DATOS_LOG="warn")
        ask = json.dumps({"query": f"SELECT COUNT(*), COUNT(DISTINCT id) FROM {NAME} {SINCE}",
                          "useLegacySql": False}).encode()

        def counts():
            row = json.loads(wire.ask("POST", QUERIES, ask))["rows"][0]
            return [int(cell["v"]) for cell in row["f"]]
        datos.wait_for(lambda: counts()[0] >= n, 120, "the drain")
        rates.append(n / (time.monotonic() - began))
        assert counts() == [n, n], counts()
        stop(worker)
        stop(process)
    rate = statistics.median(rates)
    note("ingest, Pub/Sub to BigQuery, messages a second", f"{rate:,.0f}", ">= 20,000", rate >= 20_000)


def visible():
    n, sent, seen = 1000, {}, {}
    system = datos.System("--memory", "--store", "bigquery")
    publisher, reader = Wire(system.ready["pubsub"]), Wire(system.api)
    path = f"/v1/projects/{datos.PROJECT}/topics/datos-topic:publish"

    def publish():
        started = time.monotonic()
        for i in range(n):
            time.sleep(max(0, started + i * 0.01 - time.monotonic()))
            row = datos.record(f"v{i}", "x", f"2026-01-01T00:{i // 60:02}:{i % 60:02}Z")
            data = base64.b64encode(json.dumps(row).encode()).decode()
            sent[f"v{i}"] = time.monotonic()
            publisher.ask("POST", path, json.dumps({"messages": [{"data": data}]}).encode())
    thread = threading.Thread(target=publish)
    thread.start()
    end = time.monotonic() + 40
    while len(seen) < n and time.monotonic() < end:
        body, now = reader.ask("GET", "/datos"), time.monotonic()
        for ident in re.findall(rb'"id":"(v\d+)"', body):
            seen.setdefault(ident.decode(), now)
        time.sleep(0.0003)
    thread.join()
    system.stop()
    if len(seen) < n:
        note("messages seen", f"{len(seen)} of {n}", "all", False)
    took = sorted((seen[i] - sent[i]) * 1000 for i in seen)
    note("publish to visible at /datos: median / p99, ms",
         f"{statistics.median(took):.2f} / {took[int(len(took) * 0.99)]:.2f}", "median < 10",
         statistics.median(took) < 10)


def run(folder):
    print("BigQuery emulator")
    quiet_start()
    select_one()
    insertion(folder)
    reading(folder)
    endurance(folder)
    ingest(folder)
    visible()

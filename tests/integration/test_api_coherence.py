# SPDX-License-Identifier: Apache-2.0
"""Several API processes, one file, one Redis: what is committed anywhere shows
everywhere, and goes on showing whatever stops."""
import json
import os
import signal
import sqlite3
import threading
import time
import urllib.request

import apis
import datos
import pytest
from emulator import Emulator

QUERIES = "datos_store_request_duration_seconds_count"


@pytest.fixture
def bench():
    b = apis.Bench()
    yield b
    b.close()


def insert(api, identity, us):
    with sqlite3.connect(api.store, timeout=5) as db:
        db.execute("INSERT INTO datos (id, contenido, timestamp) VALUES (?, 'foreign', ?)", (identity, us))


def is_live(api):
    return "the head does not expire" in api.log()


def pair(bench, *flags, **more):
    redis = bench.redis()
    apis_ = [bench.api(*flags, redis=redis, **more) for _ in range(2)]
    for a in apis_:
        datos.wait_for(lambda a=a: is_live(a))
    return redis, *apis_


def test_committed_row_shows_in_every_process_at_once(bench):
    _, one, two = pair(bench, "--threads", "2")
    for i in range(200):
        writer, reader = (one, two) if i % 2 else (two, one)
        stamp = f"2025-01-01T00:{i // 60:02}:{i % 60:02}Z"
        assert writer.post(datos.record(f"v{i}", timestamp=stamp)).status == 201
        # POST is answered after the invalidation is out: what is left is the
        # other loop's turn
        datos.wait_for(lambda r=reader, i=i: r.ids("?limit=1") == [f"v{i}"], 2)
        assert writer.ids("?limit=1") == [f"v{i}"], "at once in the own process"
    answer = two.get("/datos?limit=5")
    assert answer.headers["Cache-Status"] == "datos; hit; detail=local"


def test_head_asks_the_store_for_nothing(bench):
    _, one, two = pair(bench, "--cache-check-ms", "3600000")
    for i in range(20):
        one.post(datos.record(f"v{i}"))
    before = [a.metric(QUERIES, op="query") for a in (one, two)]
    time.sleep(1.5)  # longer than the TTL
    for _ in range(200):
        for a in (one, two):
            a.get("/datos"), a.get("/datos?limit=7"), a.get("/datos/v3"), a.get("/datos/none")
    assert [a.metric(QUERIES, op="query") for a in (one, two)] == before


def test_one_process_checks_for_all(bench):
    _, one, two = pair(bench, "--cache-check-ms", "100")
    before = [a.metric(QUERIES, op="query") for a in (one, two)]
    time.sleep(2)
    asked = [a.metric(QUERIES, op="query") - b for a, b in zip((one, two), before)]
    assert min(asked) == 0 and 10 <= max(asked) <= 25, asked
    winner, other = (one, two) if asked[0] else (two, one)
    insert(one, "by-hand", 1767225600000000)
    for a in (one, two):
        datos.wait_for(lambda a=a: a.ids("?limit=1") == ["by-hand"], 2)
    with sqlite3.connect(one.store, timeout=5) as db:
        db.execute("DELETE FROM datos WHERE id = 'by-hand'")
    for a in (one, two):
        datos.wait_for(lambda a=a: a.ids("?limit=1") == [], 2)
    winner.process.kill()
    winner.process.wait()
    insert(other, "after-death", 1767225600000001)
    datos.wait_for(lambda: other.ids("?limit=1") == ["after-death"], 5)


def fill(api, n=1200):
    for i in range(0, n, 400):
        lines = "\n".join(json.dumps(datos.record(
            f"f{k:05}", f"c{k}", f"2024-03-01T{k // 3600:02}:{k // 60 % 60:02}:{k % 60:02}Z")) for k in range(i, i + 400))
        assert api.post(lines, "application/x-ndjson").status == 201


DEEP = "/datos?limit=5&until=2024-03-01T00:01:00Z"


def test_deep_answers_are_shared_through_redis_and_dropped_everywhere(bench):
    redis, one, two = pair(bench, "--cache-ttl-ms", "60000", "--cache-check-ms", "3600000")
    fill(one)
    datos.wait_for(lambda: "f01199" in two.ids("?limit=1"), 3)
    assert one.get(DEEP).headers["Cache-Status"] == "datos; fwd=miss; stored"
    datos.wait_for(lambda: redis.call("KEYS", "*1709251260*"), 3)
    first = two.get(DEEP)
    assert first.headers["Cache-Status"] == "datos; hit; detail=redis"
    assert first.body == one.get(DEEP).body and first.headers["ETag"] == one.get(DEEP).headers["ETag"]
    for reader, writer in ((one, two), (two, one)):
        new = f"in-{reader.port}"
        assert writer.post(datos.record(new, timestamp="2024-03-01T00:00:59.5Z")).status == 201
        assert new in writer.ids(DEEP[6:])
        datos.wait_for(lambda r=reader, new=new: new in r.ids(DEEP[6:]), 2)
    # a commit outside the range leaves it
    before = one.get(DEEP)
    one.post(datos.record("newest", timestamp="2025-03-01T00:00:00Z"))
    datos.wait_for(lambda: two.ids("?limit=1") == ["newest"], 2)
    assert one.get(DEEP).headers["Cache-Status"] == "datos; hit; detail=local"
    assert one.get(DEEP).body == before.body


def many(readers, n, path):
    """n requests at once; statuses and bodies."""
    answers, threads = [], []
    gate = threading.Barrier(n)

    def ask(a):
        gate.wait(20)
        with urllib.request.urlopen(a.url + path, timeout=20) as r:
            answers.append((r.status, r.read(), r.headers["Cache-Status"]))
    for i in range(n):
        threads.append(threading.Thread(target=ask, args=(readers[i % len(readers)],)))
        threads[-1].start()
    for t in threads:
        t.join(30)
    return answers


def test_without_a_local_level_every_read_asks_redis(bench):
    redis, one, two = pair(bench, "--cache-local-mb", "0", "--cache-check-ms", "3600000")
    one.post(datos.record("v0", timestamp="2025-01-01T00:00:00Z"))
    before = [a.metric(QUERIES, op="query") for a in (one, two)]
    for i in range(1, 40):
        writer, reader = (one, two) if i % 2 else (two, one)
        assert writer.post(datos.record(f"v{i}", timestamp=f"2025-01-01T00:00:{i:02}Z")).status == 201
        assert writer.ids("?limit=1") == [f"v{i}"]
        datos.wait_for(lambda r=reader, i=i: r.ids("?limit=1") == [f"v{i}"], 2)
    assert two.get("/datos?limit=1").headers["Cache-Status"] == "datos; hit; detail=redis"
    assert [a.metric(QUERIES, op="query") for a in (one, two)] == before, "what Redis lacks comes from the head"
    redis.kill()
    assert one.ids("?limit=1") == ["v39"]
    datos.wait_for(lambda: one.get("/datos?limit=1").headers["Cache-Status"] == "datos; hit; detail=local")


def test_many_readers_of_a_missing_entry_cause_one_query(bench):
    _, one, two = pair(bench, "--threads", "2", "--cache-ttl-ms", "60000", "--cache-check-ms", "3600000")
    fill(one)
    datos.wait_for(lambda: "f01199" in two.ids("?limit=1"), 3)
    asked = []
    for k in range(6):
        before = sum(a.metric(QUERIES, op="query") for a in (one, two))
        answers = many((one, two), 100, f"/datos?limit={10 + k}&until=2024-03-01T00:01:00Z")
        assert len(answers) == 100 and {a[0] for a in answers} == {200}
        assert len({a[1] for a in answers}) == 1
        asked.append(sum(a.metric(QUERIES, op="query") for a in (one, two)) - before)
    # on a machine so busy that Redis takes over 8 ms each process asks for itself
    assert max(asked) <= 2 and asked.count(1) >= 2, asked


# --- Redis in trouble -------------------------------------------------------
def takes(a, path="/datos", most=5.0):
    started = time.monotonic()
    answer = a.get(path, seconds=20)
    took = time.monotonic() - started
    assert answer.status == 200 and took < most, (answer.status, took)
    return answer


@pytest.mark.parametrize("trouble", ["kill", "pause"])
def test_redis_gone_and_back(bench, trouble):
    redis, one, two = pair(bench)
    fill(one)
    for a in (one, two):
        datos.wait_for(lambda a=a: "f01199" in a.ids("?limit=1"), 3)
    getattr(redis, trouble)()
    for k in range(10):
        for a in (one, two):
            takes(a), takes(a, "/datos/f00001"), takes(a, f"/datos?limit={k + 1}&until=2024-03-01T00:01:00Z")
    started = time.monotonic()
    assert one.post(datos.record("without", timestamp="2025-06-01T00:00:00Z")).status == 201
    assert time.monotonic() - started < 5
    assert one.ids("?limit=1") == ["without"]
    # the other process finds it by its TTL
    datos.wait_for(lambda: two.ids("?limit=1") == ["without"], 5)
    if trouble == "pause":
        redis.go_on()
    else:
        redis.start()  # empty: a new epoch
        for a in (one, two):
            datos.wait_for(lambda a=a: a.log().count("the head does not expire") >= 2, 10)
    assert two.post(datos.record("again", timestamp="2025-06-02T00:00:00Z")).status == 201
    datos.wait_for(lambda: one.ids("?limit=1") == ["again"], 5)


@pytest.mark.parametrize("stopped", [0.1, 1.2])
def test_stopped_redis_leaves_no_lock_that_nobody_holds(bench, stopped):
    redis, one, two = pair(bench)
    for minute in range(4):  # beyond the head, so that the store is asked
        rows = [datos.record(f"s{minute}-{i}", timestamp=f"2025-01-14T10:{minute:02}:{i // 10:02}Z") for i in range(400)]
        assert one.post(rows).status == 201

    def deep(i):
        return f"/datos?until=2025-01-14T10:00:2{i % 10}Z&limit={10 + i}"
    redis.pause()
    started = time.monotonic()
    asked = 0
    while time.monotonic() - started < stopped:
        assert one.get(deep(asked)).status == two.get(deep(asked)).status == 200
        asked += 1
    redis.go_on()
    for i in range(asked):
        for api in (one, two):
            began = time.monotonic()
            assert api.get(deep(i)).status == 200
            assert time.monotonic() - began < 2.5, "waited for a lock until it expired"


def test_start_without_redis_and_joining_later(bench):
    redis = bench.redis()
    redis.kill()
    one, two = bench.api(redis=redis), bench.api(redis=redis)
    assert one.post(datos.record("early")).status == 201
    datos.wait_for(lambda: two.ids() == ["early"], 5)
    redis.start()
    for a in (one, two):
        datos.wait_for(lambda a=a: is_live(a), 10)
    one.post(datos.record("late"))
    datos.wait_for(lambda: "late" in two.ids(), 1)


def test_full_redis_still_passes_rows_on(bench):
    redis, one, two = pair(bench, "--cache-ttl-ms", "60000", "--cache-check-ms", "3600000")
    redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis.call("CONFIG", "SET", "maxmemory", "1")
    for i in range(5):
        assert one.post(datos.record(f"full{i}", timestamp=f"2025-01-01T00:00:0{i}Z")).status == 201
        datos.wait_for(lambda i=i: two.ids("?limit=1") == [f"full{i}"], 3)
    fill(one)
    assert takes(one, DEEP).status == 200 and takes(two, DEEP).status == 200
    redis.call("CONFIG", "SET", "maxmemory", "0")
    one.post(datos.record("room", timestamp="2025-01-02T00:00:00Z"))
    datos.wait_for(lambda: two.ids("?limit=1") == ["room"], 3)


def test_flapping_redis_never_takes_a_row_away(bench):
    redis, one, two = pair(bench)
    stop, seen, wrong = threading.Event(), {one.port: set(), two.port: set()}, []

    def watch(a):
        while not stop.is_set():
            ids = a.ids()
            if len(ids) != len(set(ids)):
                wrong.append(("twice", ids))
            lost = seen[a.port] - set(ids)
            if lost:
                wrong.append(("vanished", a.port, lost))
            seen[a.port] |= set(ids)
    watchers = [threading.Thread(target=watch, args=(a,)) for a in (one, two)]
    for w in watchers:
        w.start()
    try:
        for i in range(12):
            if i % 4 == 1:
                redis.kill()
            elif i % 4 == 3:
                redis.start()
            for k in range(10):
                a = (one, two)[k % 2]
                identity = f"flap{i}-{k}"
                assert a.post(datos.record(identity, timestamp=f"2025-01-01T00:{i:02}:{k:02}Z")).status == 201
                assert identity in a.ids(), "one reads what one wrote"
    finally:
        stop.set()
        for w in watchers:
            w.join(20)
    assert not wrong, wrong[:3]
    for a in (one, two):
        datos.wait_for(lambda a=a: len(a.ids()) == 120, 5)


# --- the store in trouble ---------------------------------------------------
def test_store_gone_is_served_stale_and_said(bench):
    redis, one, two = pair(bench, "--cache-check-ms", "100")
    one.post(datos.record("kept"))
    datos.wait_for(lambda: two.ids() == ["kept"], 2)
    lone = bench.api("--cache-check-ms", "100")  # without Redis: by TTL
    assert lone.ids() == ["kept"]
    import os
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(one.store + suffix):
            os.rename(one.store + suffix, one.store + ".gone" + suffix)
    try:
        for a in (one, two, lone):
            datos.wait_for(lambda a=a: a.get("/health").status == 503, 4)
            assert json.loads(a.get("/health").body)["status"] == "error"
            assert a.get("/readyz").status == 200
            answer = a.get("/datos")
            assert answer.status == 200 and answer.json()["datos"][0]["id"] == "kept"
            assert a.post(datos.record("refused")).status == 503
        stale = datos.wait_for(lambda: "stale" in lone.get("/datos").headers["Cache-Status"], 4)
        assert stale
        import re
        assert re.fullmatch(r"datos; hit; ttl=-\d+; detail=stale", lone.get("/datos").headers["Cache-Status"])
        assert lone.metric("datos_cache_requests_total", result="stale") >= 1
        assert one.get("/datos?until=2020-01-01T00:00:00Z").status in (200, 503)
    finally:
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(one.store + ".gone" + suffix):
                os.rename(one.store + ".gone" + suffix, one.store + suffix)
    for a in (one, two, lone):
        datos.wait_for(lambda a=a: a.get("/health").status == 200, 5)
    assert one.post(datos.record("back")).status == 201
    for a in (one, two, lone):
        datos.wait_for(lambda a=a: set(a.ids()) == {"kept", "back"}, 5)


def test_hanging_store_keeps_no_reader_waiting_for_what_is_cached(bench):
    emulator = Emulator("--memory")
    try:
        api = bench.api("--store", "bigquery", environment={
            "BIGQUERY_EMULATOR_HOST": "http://" + emulator.bigquery.split("//")[-1],
            "PUBSUB_EMULATOR_HOST": emulator.pubsub})
        assert api.post(datos.record("kept", timestamp=datos.from_now(0))).status == 201
        assert api.ids() == ["kept"]
        os.kill(emulator.process.pid, signal.SIGSTOP)
        time.sleep(2.5)  # beyond twice the TTL: nothing is fresh
        took = []
        for path in ("/datos", "/datos", "/datos/kept", "/datos"):
            began = time.monotonic()
            answer = api.get(path)
            took.append(time.monotonic() - began)
            assert answer.status == 200 and "detail=stale" in answer.headers["Cache-Status"]
        # the first may wait for the store a little; a stall of the machine is not ours
        assert max(took) < 5 and sorted(took)[1] < 0.5, took
    finally:
        os.kill(emulator.process.pid, signal.SIGCONT)
        emulator.stop()


def test_stale_answers_end_at_their_limit(bench):
    import os
    api = bench.api("--cache-ttl-ms", "100", "--cache-stale-ms", "600")
    api.post(datos.record("kept"))
    assert api.ids() == ["kept"]
    os.rename(api.store, api.store + ".gone")
    datos.wait_for(lambda: api.get("/datos").status == 503, 8)
    answer = api.get("/datos")
    assert answer.headers["Retry-After"] and answer.headers["Cache-Control"] == "no-store"
    assert api.get("/readyz").status == 503 and api.get("/livez").status == 200
    os.rename(api.store + ".gone", api.store)
    datos.wait_for(lambda: api.get("/datos").status == 200, 8)


def test_store_reads_are_bounded(bench):
    api = bench.api("--store-qps", "3", "--cache-ttl-ms", "10")
    fill(api)
    statuses = [api.get(f"/datos/none{i}") for i in range(30)]
    assert {a.status for a in statuses} == {404, 429}
    limited = [a for a in statuses if a.status == 429][0]
    assert limited.headers["Retry-After"] and limited.headers["Cache-Control"] == "no-store"
    assert api.get("/datos").status == 200, "the head is not limited"


# --- a restart while the store is down --------------------------------------
def dead_store(bench, redis, *flags, **more):
    """An API whose store is a BigQuery that nobody serves."""
    return bench.api("--store", "bigquery", *flags, redis=redis, wait=False,
                     environment={"BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{apis.free_port()}",
                                  "PUBSUB_EMULATOR_HOST": "127.0.0.1:9", **more})


def test_restart_with_the_store_down_serves_the_head_of_before(bench):
    redis = bench.redis()
    one = bench.api(redis=redis)
    one.post([datos.record(f"r{i}", "ñ", f"2025-01-01T00:00:{i:02}Z") for i in range(15)])
    datos.wait_for(lambda: any(k.endswith(":head") for k in redis.call("KEYS", "*")), 5)
    datos.wait_for(lambda: '"r14"' in redis.call("GET", [k for k in redis.call("KEYS", "*") if k.endswith(":head")][0]), 5)
    expected = one.get("/datos?limit=15").body
    assert one.stop() == 0
    two = dead_store(bench, redis)
    datos.wait_for(lambda: two.get("/readyz").status == 200, 10)
    answer = two.get("/datos?limit=15")
    assert answer.status == 200 and answer.body == expected
    datos.wait_for(lambda: "detail=stale" in two.get("/datos").headers["Cache-Status"], 5)
    assert two.get("/datos/r3").status == 200 and two.get("/datos/none").status == 404
    assert two.get("/health").status == 503
    assert two.post(datos.record("no")).status == 503


def test_restart_with_the_store_down_and_nothing_left_is_503(bench):
    redis = bench.redis()
    two = dead_store(bench, redis)
    datos.wait_for(lambda: two.get("/livez").status == 200, 10)
    assert two.get("/datos").status == 503 and two.get("/readyz").status == 503


def test_copy_that_is_too_old_or_broken_is_not_served(bench):
    redis = bench.redis()
    one = bench.api(redis=redis)
    one.post(datos.record("old"))

    def key():
        return [k for k in redis.call("KEYS", "*") if k.endswith(":head")]
    name = datos.wait_for(key, 5)[0]
    datos.wait_for(lambda: '"old"' in redis.call("GET", name), 5)
    copy = redis.call("GET", name)
    one.stop()
    head, rest = copy.split("\n", 1)
    redis.call("SET", name, " ".join(head.split()[:3] + ["1600000000000000"]) + "\n" + rest)
    a = dead_store(bench, redis)
    datos.wait_for(lambda: a.get("/livez").status == 200, 10)
    assert a.get("/datos").status == 503
    redis.call("SET", name, "nonsense")
    b = dead_store(bench, redis)
    datos.wait_for(lambda: b.get("/livez").status == 200, 10)
    assert b.get("/datos").status == 503

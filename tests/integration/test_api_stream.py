# SPDX-License-Identifier: Apache-2.0
"""GET /datos/stream: each new row, resume, reset, the end."""
import signal
import time

import apis
import datos
import pytest


@pytest.fixture
def bench():
    b = apis.Bench()
    yield b
    b.close()


def test_each_new_row_once_in_order(bench):
    redis = bench.redis()
    one, two = bench.api(redis=redis), bench.api(redis=redis)
    readers = [apis.Events(one), apis.Events(two)]
    assert readers[0].answer.headers["Content-Type"] == "text/event-stream"
    assert readers[0].answer.headers["Cache-Control"] == "no-store"
    for i in range(20):
        (one, two)[i % 2].post(datos.record(f"e{i}", "línea\nnueva", f"2025-01-01T00:00:{i:02}Z"))
    for reader in readers:
        got = [reader.next() for _ in range(20)]
        assert [g[2]["id"] for g in got] == [f"e{i}" for i in range(20)]
        assert all(g[0] == "message" and g[1] for g in got)
        assert got[0][2]["contenido"] == "línea\nnueva"
        reader.close()


def test_resumes_after_the_last_event_in_any_process(bench):
    redis = bench.redis()
    one, two = bench.api(redis=redis), bench.api(redis=redis)
    reader = apis.Events(one)
    for i in range(6):
        one.post(datos.record(f"e{i}"))
    for _ in range(3):
        reader.next()
    reader.close()
    again = apis.Events(two, reader.last)
    assert [again.next()[2]["id"] for _ in range(3)] == ["e3", "e4", "e5"]
    again.close()


@pytest.mark.parametrize("last", ["unknown", "0" * 32, "x" * 500])
def test_unknown_id_gives_reset_and_the_newest_ten(bench, last):
    api = bench.api()
    for i in range(12):
        api.post(datos.record(f"e{i:02}", timestamp=f"2025-01-01T00:00:{i:02}Z"))
    reader = apis.Events(api, last)
    first = reader.next()
    assert first[0] == "reset"
    assert [reader.next()[2]["id"] for _ in range(10)] == [f"e{i:02}" for i in range(2, 12)]
    api.post(datos.record("after"))
    assert reader.next()[2]["id"] == "after"
    reader.close()


def test_rows_of_others_come_too(bench):
    import sqlite3
    api = bench.api("--cache-check-ms", "50")
    api.post(datos.record("ours"))
    reader = apis.Events(api)
    with sqlite3.connect(api.store) as db:
        db.execute("INSERT INTO datos (id, contenido, timestamp) VALUES ('theirs', 'x', 1736848800000000)")
    assert reader.next()[2]["id"] == "theirs"
    reader.close()


def test_sigterm_ends_streams_at_once(bench):
    api = bench.api("--threads", "2")
    readers = [apis.Events(api) for _ in range(4)]
    started = time.monotonic()
    api.process.send_signal(signal.SIGTERM)
    for reader in readers:
        assert reader.next() is None
    assert api.process.wait(20) == 0
    assert time.monotonic() - started < 20


def test_reader_that_does_not_read_harms_nobody(bench):
    api = bench.api()
    idle, reader = apis.Events(api), apis.Events(api)
    for i in range(40):
        api.post(datos.record(f"w{i}", "x" * 200000))
        assert reader.next()[2]["id"] == f"w{i}"
    got = idle.next()
    assert got[2]["id"] == "w0" or got[0] == "reset"
    for r in (idle, reader):
        r.close()


def test_stream_refuses_what_it_does_not_take(bench):
    api = bench.api()
    assert api.get("/datos/stream", headers={"Accept": "application/json"}).status == 406
    assert api.get("/datos/stream?x=1").status == 400
    head = api.request("HEAD", "/datos/stream")
    assert "Content-Length" not in head.headers  # of a body without end
    assert head.status == 200 and head.headers["Content-Type"] == "text/event-stream"

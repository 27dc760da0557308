# SPDX-License-Identifier: Apache-2.0
"""Walks with a cursor through head and store, while rows arrive; pages that
end early; answers beyond the head."""
import json
import random

import apis
import datos
import pytest

N = 2500
OLD = "2024-03-01T%02d:%02d:%02dZ"


def row(i):
    # every fourth row shares its time with its neighbours: ties go by id
    t = i // 4
    return datos.record(f"p{i:05}", f"c{i}", OLD % (t // 3600, t // 60 % 60, t % 60))


def in_order(rows):
    return [r["id"] for r in sorted(sorted(rows, key=lambda r: r["id"].encode()),
                                    key=lambda r: r["timestamp"], reverse=True)]


@pytest.fixture(scope="module")
def api():
    bench = apis.Bench()
    a = bench.api("--threads", "2")
    rows = [row(i) for i in range(N)]
    random.Random(1).shuffle(rows)
    for i in range(0, N, 500):
        lines = "\n".join(json.dumps(r) for r in rows[i:i + 500])
        assert a.post(lines, "application/x-ndjson").status == 201
    a.expected = in_order(rows)
    yield a
    bench.close()


@pytest.mark.parametrize("limit", [1000, 999, 333, 97])
def test_walk_shows_each_row_once_in_order(api, limit):
    pages = api.walk(f"?limit={limit}")
    assert [i for page in pages for i in page] == api.expected
    assert all(len(page) == limit for page in pages[:-1]) and pages[-1]


def test_last_full_page_has_no_link(api):
    pages = api.walk("?limit=500")
    assert [len(p) for p in pages] == [500] * 5


def test_walk_keeps_its_filters(api):
    since, until = row(100)["timestamp"], row(1300)["timestamp"]
    expected = [i for i in api.expected if 100 <= int(i[1:]) < 1300]
    pages = api.walk(f"?limit=77&since={since}&until={until}")
    assert [i for page in pages for i in page] == expected


def test_walk_is_stable_while_rows_arrive(api):
    path, seen, n = "/datos?limit=100", [], 0
    while path:
        answer = api.get(path)
        seen += [r["id"] for r in answer.json()["datos"]]
        link = answer.headers["Link"]
        path = link and link[1:link.index(">")]
        for _ in range(3):  # newer ones, that this walk must not show twice or be moved by
            api.post(datos.record(f"new{n}", timestamp=f"2024-04-01T00:00:{n % 60:02}Z"))
            n += 1
    assert seen == api.expected
    assert len(set(seen)) == len(seen)


def test_cursor_with_other_parameters(api):
    link = api.get("/datos?limit=5").headers["Link"]
    cursor = link[link.index("cursor=") + 7:link.index(">")]
    assert api.get(f"/datos?cursor={cursor}&limit=7").status == 200
    assert len(api.rows(f"?cursor={cursor}&limit=7")) == 7
    for more in ("since=2024-01-01T00:00:00Z", "id=x", f"cursor={cursor}"):
        assert api.get(f"/datos?cursor={cursor}&{more}").status == 400
    broken = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for bad in (broken, cursor[:-2], cursor + "AAAA", "!" + cursor):
        assert api.get(f"/datos?cursor={bad}").status == 400


def test_deep_answers_are_cached_and_dropped_by_range(api):
    query = "/datos?limit=3&until=2024-03-01T00:01:00Z"
    first = api.get(query)
    assert first.headers["Cache-Status"].startswith("datos; fwd=miss")
    assert api.get(query).headers["Cache-Status"] == "datos; hit; detail=local"
    stored = api.post(datos.record("deep-new", timestamp="2024-03-01T00:00:59.5Z"))
    assert stored.status == 201
    assert [r["id"] for r in api.get(query).json()["datos"]][0] == "deep-new", "visible at once"
    assert api.get(query, headers={"If-None-Match": first.headers["ETag"]}).status == 200


def test_deep_record_and_missing_record(api):
    old = api.expected[-1]
    assert api.get(f"/datos/{old}").json()["id"] == old
    assert api.get("/datos/deep-missing").status == 404
    again = api.get("/datos/deep-missing")
    assert again.status == 404 and again.headers["Cache-Control"] == "no-store"
    assert again.headers["Cache-Status"] == "datos; hit; detail=local", "negative entries are kept"
    assert api.post(datos.record("deep-missing", timestamp="2024-01-01T00:00:00Z")).status == 201
    assert api.get("/datos/deep-missing").status == 200, "and dropped when the record comes"


def test_deep_answer_in_gzip_and_304(api):
    query = "/datos?limit=200&until=2024-03-01T00:02:00Z"
    plain = api.get(query)
    packed = api.get(query, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and len(packed.raw) < len(plain.raw) / 2
    assert api.get(query, headers={"If-None-Match": plain.headers["ETag"]}).status == 304


def test_pages_end_early_at_ten_mebibytes():
    bench = apis.Bench()
    try:
        api = bench.api()
        expected = []
        for i in range(25):
            assert api.post(datos.record(f"big{i:02}", "x" * 1000000, f"2025-01-01T00:00:{59 - i:02}Z")).status == 201
            expected.append(f"big{i:02}")
        for restarted in (False, True):
            if restarted:  # the head is then read from the store, which ends early too
                assert api.stop() == 0
                api = bench.api()
            pages = api.walk("?limit=1000")
            assert [i for p in pages for i in p] == expected, restarted
            assert len(pages) >= 3 and all(len(p) <= 10 for p in pages), [len(p) for p in pages]
            assert len(api.rows("?limit=3")) == 3
            assert api.get("/datos/big24").status == 200
    finally:
        bench.close()

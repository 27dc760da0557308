# SPDX-License-Identifier: Apache-2.0
"""Section 3 of the interface on one `datos api`: routes, headers, statuses,
limits."""
import gzip
import json
import re
import socket
import time

import apis
import datos
import pytest

COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Referrer-Policy": "no-referrer",
}
READ_CACHE = ("public, max-age=0, s-maxage=1, stale-while-revalidate=1, "
              "stale-if-error=86400")


@pytest.fixture(scope="module")
def api():
    bench = apis.Bench()
    a = bench.api()
    for i in range(30):
        a.post(datos.record(f"r{i:02}", "contenido " + "x" * 60, f"2025-01-14T10:00:{i:02}Z"))
    yield a
    bench.close()


def raw(api, data, seconds=5, end=True):
    """What comes back for bytes, until the close or the silence."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=seconds) as s:
        s.sendall(data)
        if end:
            s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        except TimeoutError:
            pass
        return got


def problem(answer, status):
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.json()
    assert told["status"] == status and told["type"] and told["title"] and told["detail"]
    return told


# --- probes and pages -------------------------------------------------------
@pytest.mark.parametrize("path, body", [
    ("/health", '{"status":"ok"}'), ("/livez", None), ("/readyz", None)])
def test_probes_are_well_and_never_stored(api, path, body):
    answer = api.get(path)
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    assert body is None or answer.body == body
    head = api.request("HEAD", path)
    assert head.status == 200 and head.raw == b""
    assert head.headers["Content-Length"] == str(len(answer.raw))


def test_metrics_in_both_forms(api):
    answer = api.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.headers["Cache-Control"] == "no-store"
    for name in ("datos_http_request_duration_seconds_bucket", "datos_cache_requests_total",
                 "datos_store_request_duration_seconds_count", "datos_dependency_up",
                 "datos_build_info", "process_resident_memory_bytes"):
        lines = [x for x in answer.body.split("\n") if x.startswith(name)]
        assert lines, name
        if name.startswith("datos_"):
            assert all('system="datos"' in x and 'region="local"' in x for x in lines)
    answer = api.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.body.endswith("# EOF\n")


def test_errors_are_counted_from_zero(api):
    """A rate does not see the first burst of a series that begins with it."""
    name = "datos_http_request_duration_seconds_count"
    lines = [x for x in api.get("/metrics").body.split("\n") if x.startswith(name)]
    for route, method in (("/datos", "GET"), ("/datos", "POST"), ("/datos/{id}", "GET"), ("/pubsub/push", "POST")):
        found = [x for x in lines if f'route="{route}"' in x and f'method="{method}"' in x and 'status="5xx"' in x]
        assert len(found) == 1 and found[0].endswith(" 0"), (route, method, found)


def test_store_calls_are_measured(api):
    name = "datos_store_request_duration_seconds_count"
    assert api.metric(name, op="insert", outcome="ok") >= 1
    assert api.metric(name, op="query", outcome="ok") >= 1


def test_openapi_names_every_route(api):
    answer = api.get("/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) >= {"/datos", "/datos/{id}", "/datos/stream", "/health", "/livez",
                                      "/readyz", "/metrics", "/openapi.json", "/docs"}


def test_docs_is_a_page_without_outside_resources(api):
    answer = api.get("/docs")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<html" in answer.body and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r'(src|href)="(https?:)?//', answer.body)


# --- reading ----------------------------------------------------------------
def test_read_has_every_header(api):
    answer = api.get()
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == READ_CACHE
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])
    assert answer.headers["Cache-Status"].startswith("datos; ")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["X-Request-Id"])
    assert answer.headers["Date"] and len(answer.json()["datos"]) == 10
    for name, value in COMMON.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize("path", ["/datos", "/datos?limit=3", "/datos/r01", "/datos?id=r01"])
def test_conditional_requests(api, path):
    first = api.get(path)
    tag = first.headers["ETag"]
    for given in (tag, "W/" + tag, f'"x", {tag}', "*"):
        answer = api.get(path, headers={"If-None-Match": given})
        assert answer.status == 304 and answer.raw == b"", given
        assert answer.headers["ETag"] == tag and answer.headers["Cache-Control"] == READ_CACHE
        assert "Content-Type" not in answer.headers or answer.headers["Content-Length"] is None
    assert api.get(path, headers={"If-None-Match": '"x"'}).status == 200
    assert api.request("HEAD", path).headers["ETag"] == tag


def test_tag_changes_with_the_content(api):
    before = api.get().headers["ETag"]
    api.post(datos.record("tag", timestamp="2025-01-15T00:00:00Z"))
    after = api.get(headers={"If-None-Match": before})
    assert after.status == 200 and after.headers["ETag"] != before


def test_gzip_when_asked_for_and_worth_it(api):
    plain = api.get()
    for asked in ("gzip", "br, gzip;q=0.5", "*", "GZIP"):
        answer = api.get(headers={"Accept-Encoding": asked})
        assert answer.headers["Content-Encoding"] == "gzip", asked
        assert gzip.decompress(answer.raw).decode() == plain.body
        assert answer.headers["ETag"] != plain.headers["ETag"]
        again = api.get(headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]})
        assert again.status == 304
    for asked in ("identity", "gzip;q=0", "br", "*;q=0"):
        assert api.get(headers={"Accept-Encoding": asked}).headers["Content-Encoding"] is None, asked
    assert api.get("/datos/r01", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] is None


@pytest.mark.parametrize("accept, status", [
    ("*/*", 200), ("application/*", 200), ("application/json", 200), ("text/html, */*;q=0.1", 200),
    ("text/html", 406), ("application/json;q=0", 406)])
def test_accept(api, accept, status):
    assert api.get(headers={"Accept": accept}).status == status


def test_one_record(api):
    answer = api.get("/datos/r07")
    assert answer.status == 200 and answer.json()["id"] == "r07"
    assert answer.headers["Cache-Control"] == READ_CACHE
    assert list(answer.json()) == ["id", "contenido", "timestamp"]
    problem(api.get("/datos/none-such"), 404)
    problem(api.get("/datos/r07?limit=1"), 400)


@pytest.mark.parametrize("identity", ["ñandú €", "a/b", "..", ".", "stream", "a b+c%d", "x?y#z", "%2F",
                                      "é" * 512, "\\", '"', "😀"])
def test_any_id_is_found_again(api, identity):
    stored = api.post(datos.record(identity, timestamp="2024-06-01T00:00:00Z"))
    assert stored.status == 201, stored.body
    location = stored.headers["Location"]
    assert location.startswith("/datos")
    answer = api.get(location)
    found = answer.json()
    found = found["datos"][0] if "?" in location else found
    assert found["id"] == identity
    assert [r["id"] for r in api.rows("?id=" + apis.encoded(identity))] == [identity]


@pytest.mark.parametrize("query", [
    "limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1&limit=2", "more=1", "since=x",
    "since=2025-02-30T00:00:00Z", "until=2025-01-01", "since=2025-01-01T00:00:00.1234567Z",
    "since=2016-12-31T23:59:60Z", "id=", "id=%00", "id=%ff", "cursor=x", "cursor=", "limit=%zz", "Limit=1",
    "id=" + "x" * 1025, "limit", "since=2025-01-01T00:00:00"])
def test_bad_query_is_400(api, query):
    told = problem(api.get("/datos?" + query), 400)
    assert told["errors"][0]["reason"]


def test_filters(api):
    assert api.ids("?since=2025-01-14T10:00:05Z&until=2025-01-14T10:00:08Z") == ["r07", "r06", "r05"]
    assert api.ids("?since=2025-01-14T12:00:05%2B02:00&until=2025-01-14T10:00:08.000001Z") == \
        ["r08", "r07", "r06", "r05"]
    assert api.ids("?id=r03&since=2025-01-14T10:00:05Z") == []
    assert api.ids("?since=2025-01-14T10:00:05Z&until=2025-01-14T10:00:05Z") == []


# --- methods and paths ------------------------------------------------------
@pytest.mark.parametrize("method, path, allow", [
    ("DELETE", "/datos", "GET, HEAD, OPTIONS, POST"), ("PUT", "/datos/r01", "GET, HEAD, OPTIONS"),
    ("POST", "/health", "GET, HEAD, OPTIONS"), ("PATCH", "/metrics", "GET, HEAD, OPTIONS"),
    ("POST", "/docs", "GET, HEAD, OPTIONS"), ("DELETE", "/livez", "GET, HEAD, OPTIONS"),
    ("TRACE", "/datos", "GET, HEAD, OPTIONS, POST"), ("QUERY", "/livez", "GET, HEAD, OPTIONS")])
def test_other_methods_are_405_with_allow(api, method, path, allow):
    answer = api.request(method, path)
    problem(answer, 405)
    assert {x.strip() for x in answer.headers["Allow"].split(",")} == set(allow.split(", "))


@pytest.mark.parametrize("method", ["BREW", "LOCK", "PROPFIND"])
@pytest.mark.parametrize("path", ["/datos", "/livez", "/nothing"])
def test_unknown_methods_are_501(api, method, path):
    problem(api.request(method, path), 501)


@pytest.mark.parametrize("path", ["/datos", "/livez", "/readyz", "/metrics", "/health", "/nothing", "/docs"])
def test_every_answer_has_an_id_and_security_headers(api, path):
    headers = api.get(path, headers={"X-Request-Id": "mine"}).headers
    assert headers["X-Request-Id"] == "mine"
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"


def test_options(api):
    answer = api.request("OPTIONS", "/datos")
    assert answer.status == 204 and "POST" in answer.headers["Allow"]
    preflight = api.request("OPTIONS", "/datos", headers={
        "Origin": "https://example.org", "Access-Control-Request-Method": "GET"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in preflight.headers["Access-Control-Allow-Methods"]
    assert b" 204 " in raw(api, b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("path", ["/", "/dato", "/datos/", "/datos/a/b", "//datos", "/datos%2f", "/pubsub/push"])
def test_other_paths_are_404(api, path):
    problem(api.get(path), 404)


def test_push_is_404_unless_enabled(api):
    for method in ("POST", "GET", "PUT", "HEAD"):
        assert api.request(method, "/pubsub/push", "{}" if method == "POST" else None).status == 404


# --- request ids ------------------------------------------------------------
def test_request_id_is_kept_or_replaced(api):
    assert api.get(headers={"X-Request-Id": "abc-1.2_3"}).headers["X-Request-Id"] == "abc-1.2_3"
    for bad in ("a b", "x" * 65, "á", "<script>"):
        answer = api.get(headers={"X-Request-Id": bad.encode("latin-1", "replace").decode("latin-1")})
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["X-Request-Id"])


def test_errors_are_logged_with_id_and_trace(api):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    def line():  # a call site writes five lines a second: ask again
        api.get("/datos/gone", headers={"X-Request-Id": "logged-1", "traceparent": trace})
        return [json.loads(x) for x in api.log().split("\n") if '"logged-1"' in x]
    entry = datos.wait_for(line)[0]
    assert entry["logging.googleapis.com/trace"].endswith("/traces/4bf92f3577b34da6a3ce929d0e0e4736")
    assert entry["httpRequest"]["status"] == 404 and "gone" not in json.dumps(entry)
    assert entry["severity"] and entry["time"] and entry["system"] == "datos"


def test_requests_of_sampled_traces_are_logged(api):
    sampled, not_sampled = "4bf92f3577b34da6a3ce929d0e0e4750", "4bf92f3577b34da6a3ce929d0e0e4751"

    def lines():
        for trace, flags in ((not_sampled, "00"), (sampled, "01")):
            api.get("/datos", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-{flags}"})
        return [json.loads(x) for x in api.log().split("\n") if sampled in x]
    entry = datos.wait_for(lines)[0]
    assert entry["httpRequest"]["status"] == 200 and entry["severity"] == "INFO"
    posted = "4bf92f3577b34da6a3ce929d0e0e4752"
    assert api.request("POST", "/datos", json.dumps(datos.record("traced")), {
        "Content-Type": "application/json", "traceparent": f"00-{posted}-00f067aa0ba902b7-01"}).status == 201
    assert datos.wait_for(lambda: [x for x in api.log().split("\n") if posted in x])


# --- writing ----------------------------------------------------------------
def test_post_of_one(api):
    body = {"timestamp": "2025-01-10T01:00:00.25+01:00", "id": "one"}
    answer = api.post(body)
    assert answer.status == 201 and answer.headers["Location"] == "/datos/one"
    assert answer.body == '{"id":"one","contenido":null,"timestamp":"2025-01-10T00:00:00.250000+00:00"}'
    assert answer.headers["Cache-Control"] == "no-store"
    again = api.post(body)
    assert again.status == 200 and again.body == answer.body and again.headers["Location"] is None
    told = problem(api.post({**body, "contenido": "x"}), 409)
    assert told["errors"][0]["field"] == "id"


def test_post_of_several_keeps_the_order(api):
    some = [datos.record(f"s{i}", timestamp=f"2025-01-11T00:00:0{i}Z") for i in (2, 0, 1)]
    answer = api.post(some)
    assert answer.status == 201 and [r["id"] for r in answer.json()["datos"]] == ["s2", "s0", "s1"]
    assert api.post(some).status == 200
    assert api.post(some[:1] + [datos.record("s9")]).status == 201
    told = problem(api.post([datos.record("s7"), {**some[0], "contenido": "other"}]), 409)
    assert told["errors"][0]["field"] == "[1].id"
    assert api.get("/datos/s7").status == 404, "all or nothing"
    told = problem(api.post([datos.record("s8"), datos.record("s8", "y")]), 409)
    assert api.get("/datos/s8").status == 404
    assert api.post([datos.record("s6"), datos.record("s6")]).status == 201


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl", "application/x-ndjson; charset=utf-8"])
def test_post_of_lines(api, kind):
    one = kind[12:14]
    lines = "\n".join(json.dumps(datos.record(f"n{one}{i}")) for i in range(3))
    answer = api.post(lines + "\n", kind)
    assert answer.status in (200, 201), answer.body
    assert [r["id"] for r in answer.json()["datos"]] == [f"n{one}{i}" for i in range(3)]
    told = problem(api.post(lines.split("\n")[0] + '\n{"id":"bad"}', kind), 422)
    assert told["errors"][0]["field"] == "[1].timestamp"
    problem(api.post(lines + "\n{", kind), 400)


@pytest.mark.parametrize("body, status, field", [
    (b"", 400, None), (b"{", 400, None), (b"{}x", 400, None), (b"\xff", 400, None), (b'{"id":"\\ud800"}', 400, None),
    (b'{"id":"a","id":"a"}', 400, None), (b"[" * 2000 + b"]" * 2000, 400, None), (b"[{]", 400, None),
    (b"null", 422, None), (b"1", 422, None), (b"[]", 422, None), (b"[1]", 422, "[0]"),
    (b'{"id":"x"}', 422, "timestamp"), (b'{"timestamp":"2025-01-01T00:00:00Z"}', 422, "id"),
    (b'{"id":null,"timestamp":"2025-01-01T00:00:00Z"}', 422, "id"),
    (b'{"id":"","timestamp":"2025-01-01T00:00:00Z"}', 422, "id"),
    (b'{"id":"a\\u0001","timestamp":"2025-01-01T00:00:00Z"}', 422, "id"),
    (b'{"id":"x","contenido":"\\u0000","timestamp":"2025-01-01T00:00:00Z"}', 422, "contenido"),
    (b'{"id":"x","contenido":1,"timestamp":"2025-01-01T00:00:00Z"}', 422, "contenido"),
    (b'{"id":"x","otro":1,"timestamp":"2025-01-01T00:00:00Z"}', 422, "otro"),
    (b'{"id":"x","timestamp":"2025-02-30T00:00:00Z"}', 422, "timestamp"),
    (b'{"id":"x","timestamp":"2016-12-31T23:59:60Z"}', 422, "timestamp"),
    (b'{"id":"x","timestamp":"2025-01-01 00:00:00"}', 422, "timestamp"),
    (b'{"id":"x","timestamp":"1999-01-01T00:00:00Z"}', 422, "timestamp"),
    (b'{"id":"x","timestamp":"2099-01-01T00:00:00Z"}', 422, "timestamp"),
    (b'[{"id":"x","timestamp":"2025-01-01T00:00:00Z"},{"id":"y"}]', 422, "[1].timestamp"),
    (json.dumps(datos.record("x" * 1025)).encode(), 422, "id")])
def test_refusals(api, body, status, field):
    told = problem(api.post(body), status)
    if field:
        assert told["errors"][0]["field"] == field, told


@pytest.mark.parametrize("body, fields", [
    (b"{}", ["id", "timestamp"]),
    (b'{"id":5,"contenido":7,"timestamp":"x","otro":{"a":[1]}}', ["id", "contenido", "timestamp", "otro"]),
    (b'{"id":"a\\u0001","timestamp":"1999-01-01T00:00:00Z"}', ["id", "timestamp"]),
    (b'[{},{"id":"x","timestamp":"2025-01-01T00:00:00Z"},{"id":"y"}]', ["[0].id", "[0].timestamp", "[2].timestamp"])])
def test_every_refused_field_is_named(api, body, fields):
    assert [e["field"] for e in problem(api.post(body), 422)["errors"]] == fields


def test_media_types_of_post(api):
    body = datos.record("media")
    for kind in ("text/plain", "application/xml", "application/json; charset=latin-1"):
        problem(api.post(body, kind), 415)
    problem(api.post(body, **{"Content-Encoding": "gzip"}), 415)
    assert api.post(body, "application/json; charset=UTF-8").status == 201
    problem(api.request("POST", "/datos?x=1", body, {"Content-Type": "application/json"}), 400)


def test_size_limits(api):
    large = datos.record("large", "x" * 1000000)
    assert api.post(large).status == 201
    problem(api.post(b" " * (1024 * 1024 + 1)), 413)
    problem(api.get("/datos?id=" + "x" * 17000), 414)
    answer = raw(api, b"GET /datos HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20000 + b"\r\n\r\n")
    assert b" 431 " in answer.split(b"\r\n")[0] and b"application/problem+json" in answer
    for field in (b"x-request-id: ", b"referrer-policy: no-referrer", b"x-content-type-options: nosniff"):
        assert answer.count(b"\r\n" + field) == 1, answer
    headers = api.request("POST", "/datos", b" " * (1024 * 1024 + 1), headers={"X-Request-Id": "mine"}).headers
    assert headers["X-Request-Id"] == "mine" and headers["Referrer-Policy"] == "no-referrer"
    assert 'route="/datos",method="POST",status="4xx"' in api.get("/metrics").body


# --- framing ----------------------------------------------------------------
@pytest.mark.parametrize("text, status", [
    (b"GET /datos HTTP/1.1\r\n\r\n", 400),
    (b"GET /datos HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /datos HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    (b"GET /datos HTTP/1.1\r\nHost: a\r\n X: y\r\n\r\n", 400),
    (b"GET /datos HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
    (b"POST /datos HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /datos HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    (b"POST /datos HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
    (b"POST /datos HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (b"POST /datos HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"POST /datos HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417)])
def test_doubtful_framing_is_refused_and_closed(api, text, status):
    got = raw(api, text + b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 %d " % status), got[:200]
    assert got.count(b"\r\n\r\n") == 1, "nothing after it is answered"
    assert b"application/problem+json" in got


def test_pipelining_keeps_the_order(api):
    text = b"".join(b"GET /datos/r%02d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(20))
    got = raw(api, text)
    assert re.findall(rb'\{"id":"(r\d\d)"', got) == [b"r%02d" % i for i in range(20)]


def test_expect_continue(api):
    body = json.dumps(datos.record("expect")).encode()
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as s:
        s.sendall(b"POST /datos HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n"
                  b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert s.recv(100).startswith(b"HTTP/1.1 100 ")
        s.sendall(body)
        assert s.recv(4096).startswith(b"HTTP/1.1 201 ")


def test_chunked_post(api):
    body = json.dumps(datos.record("chunked")).encode()
    chunks = b"".join(b"%x\r\n%c\r\n" % (1, c) for c in body) + b"0\r\n\r\n"
    got = raw(api, b"POST /datos HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert got.startswith(b"HTTP/1.1 201 "), got[:300]


def test_slow_sender_does_not_keep_others_waiting(api):
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as s:
        s.sendall(b"GET /datos HTTP/1.1\r\nHo")
        started = time.monotonic()
        assert api.get().status == 200
        assert time.monotonic() - started < 20


# --- what an answer never holds ---------------------------------------------
def test_answer_is_not_split_by_what_the_client_sends(api):
    got = raw(api, b"GET /datos?id=a%0d%0aX-Evil:1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"\r\nX-Evil" not in got and got.startswith(b"HTTP/1.1 400 ")
    got = raw(api, b"GET /<script> HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n")
    assert b"evil" not in got and b"<script>" not in got

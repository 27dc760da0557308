# SPDX-License-Identifier: Apache-2.0
"""Start, stop, ports, several loops, HTTP/2, floods of connections."""
import http.server
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import apis
import datos
import pytest


@pytest.fixture
def bench():
    b = apis.Bench()
    yield b
    b.close()


def refused(*flags, **environment):
    done = datos.run(datos.DATOS, "api", "--port", "0", *flags, environment=environment, seconds=20)
    lines = [x for x in done.stderr.split("\n") if x.strip()]
    return done.returncode, lines


def test_admin_port_tells_what_the_port_tells(bench):
    port = apis.free_port()
    api = bench.api("--admin-port", str(port))
    base = f"http://127.0.0.1:{port}"
    for path in ("/metrics", "/livez", "/readyz"):
        assert datos.request("GET", base + path).status == 200
    assert datos.request("GET", base + "/datos").status == 404
    assert api.get("/metrics").status == 200


def test_in_the_cloud_metrics_are_only_on_the_admin_port(bench):
    port = apis.free_port()
    api = bench.api("--admin-port", str(port),
                    environment={"DATOS_CLOUD": "1", "DATOS_AUTH": "none", "DATOS_BIND": "127.0.0.1",
                                 "GOOGLE_CLOUD_PROJECT": "p", "DATOS_REGION": "r"})
    assert api.get("/metrics").status == 404
    assert "/metrics" not in api.get("/openapi.json").json()["paths"]
    page = datos.request("GET", f"http://127.0.0.1:{port}/metrics").body
    assert 'region="r"' in page


def test_cloud_wants_a_word_on_who_may_post(tmp_path):
    code, lines = refused("--store", f"sqlite:{tmp_path}/x.db", DATOS_CLOUD="1", GOOGLE_CLOUD_PROJECT="p")
    assert code == 2 and "DATOS_AUTH" in lines[-1]


def test_taken_port_is_said_with_its_number(bench):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = datos.run(datos.DATOS, "api", "--port", str(port), "--store", f"sqlite:{bench.folder}/x.db")
    assert done.returncode == 1 and str(port) in done.stderr


@pytest.mark.parametrize("store, told", [
    ("sqlite:/no/such/folder/x.db", "/no/such/folder"), ("mysql:x", "sqlite")])
def test_store_that_cannot_be_is_one_line(store, told):
    code, lines = refused("--store", store)
    assert code in (1, 2) and told in lines[-1]


def test_redis_url_that_cannot_be_is_said_without_its_secret(tmp_path):
    code, lines = refused("--store", f"sqlite:{tmp_path}/x.db", REDIS_URL="http://u:sesame@h")
    assert code in (1, 2) and "REDIS_URL" in lines[-1] and "sesame" not in "".join(lines)


def test_sigterm_finishes_what_is_in_flight(bench):
    api = bench.api("--threads", "2")
    codes, stop = [], threading.Event()

    def post(k):
        n = 0
        while not stop.is_set():
            try:
                codes.append((f"t{k}-{n}", api.post(datos.record(f"t{k}-{n}")).status))
            except OSError:
                return  # refused: it listens no more
            except Exception as e:  # noqa: BLE001 - what else comes is the failure
                codes.append((f"t{k}-{n}", repr(e)))
                return
            n += 1
    threads = [threading.Thread(target=post, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    datos.wait_for(lambda: len(codes) > 50)
    api.process.send_signal(signal.SIGTERM)
    assert api.process.wait(30) == 0
    stop.set()
    for t in threads:
        t.join(10)
    bad = [c for c in codes if c[1] != 201]
    # a connection that was opened and not yet read may be closed unread
    assert all("RemoteDisconnected" in str(c[1]) or "BadStatusLine" in str(c[1]) for c in bad), bad[:5]
    again = bench.api()
    have = set()
    for page in again.walk("?limit=1000"):
        have |= set(page)
    assert {c[0] for c in codes if c[1] == 201} <= have, "acknowledged and lost"


def test_killed_in_the_middle_loses_nothing_acknowledged(bench):
    api = bench.api("--threads", "2")
    told, threads = [], []

    def post(k):
        for n in range(1000):
            try:
                if api.post(datos.record(f"k{k}-{n}")).status == 201:
                    told.append(f"k{k}-{n}")
            except Exception:  # noqa: BLE001 - killed
                return
    for k in range(8):
        threads.append(threading.Thread(target=post, args=(k,)))
        threads[-1].start()
    datos.wait_for(lambda: len(told) > 100)
    api.process.kill()
    api.process.wait(30)
    for t in threads:
        t.join(10)
    have = {i for page in bench.api().walk("?limit=1000") for i in page}
    assert set(told) <= have


@pytest.mark.skipif(not shutil.which("h2load"), reason="nghttp2-client is missing")
def test_http2_by_prior_knowledge(bench):
    api = bench.api("--threads", "2")
    api.post(datos.record("h2", "x" * 2000))
    done = datos.run("h2load", "-n", "2000", "-c", "8", "-m", "20", api.url + "/datos")
    assert "2000 succeeded, 0 failed" in done.stdout, done.stdout
    done = datos.run("nghttp", "-v", api.url + "/datos/h2", "-H", "accept-encoding: gzip")
    assert ":status: 200" in done.stdout and "content-encoding: gzip" in done.stdout
    data = os.path.join(bench.folder, "body")
    with open(data, "w", encoding="utf-8") as f:
        json.dump(datos.record("h2-post"), f)
    done = datos.run("nghttp", "-v", api.url + "/datos", "-d", data, "-H", "content-type: application/json")
    assert ":status: 201" in done.stdout, done.stdout


@pytest.mark.parametrize("size", [1_200_000, 3_000_000])
def test_refusal_over_http2_reaches_who_is_still_sending(bench, tmp_path, size):
    api = bench.api()
    body = tmp_path / "body"
    body.write_bytes(b" " * size)
    told = datos.run("curl", "-s", "--http2-prior-knowledge", "-H", "content-type: application/json",
                     "--data-binary", f"@{body}", api.url + "/datos").stdout
    assert json.loads(told)["status"] == 413, told


def test_every_loop_sees_each_commit(bench):
    api = bench.api("--threads", "4")
    connections = [socket.create_connection(("127.0.0.1", api.port), timeout=5) for _ in range(16)]
    for n in range(30):
        identity = f"loop{n:02}"
        assert api.post(datos.record(identity, timestamp=f"2025-01-01T00:00:{n:02}Z")).status == 201
        for c in connections:
            c.sendall(b"GET /datos?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        for c in connections:
            assert identity.encode() in c.recv(4096)
    for c in connections:
        c.close()


def test_flood_of_idle_connections_keeps_others_served(bench):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    api = bench.api()
    idle = []
    try:
        for _ in range(min(hard, 8192) // 2 - 500):
            idle.append(socket.create_connection(("127.0.0.1", api.port), timeout=5))
        for c in idle[::2]:
            c.sendall(b"GET /datos HTTP/1.1\r\nHo")
        started = time.monotonic()
        for _ in range(50):
            assert api.get().status == 200
        assert time.monotonic() - started < 30
    finally:
        for c in idle:
            c.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_are_counted_and_cut_ones_by_reason(bench):
    api = bench.api("--threads", "2")
    held = [socket.create_connection(("127.0.0.1", api.port), timeout=5) for _ in range(20)]
    datos.wait_for(lambda: api.metric("datos_http_connections") >= 20)
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\nBad Field: x\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 400 ")
        s.close()
    datos.wait_for(lambda: api.metric("datos_http_connections") < 10)
    assert api.metric("datos_http_connections_cut_total", reason="protocol") == 20
    assert api.metric("datos_http_connections_cut_total", reason="full") == 0


def test_a_thousand_readers_of_a_missing_entry_cause_one_query(bench):
    api = bench.api("--threads", "2", "--cache-ttl-ms", "60000", "--cache-check-ms", "3600000")
    for i in range(0, 1200, 400):
        lines = "\n".join(json.dumps(datos.record(
            f"f{k:05}", "c", f"2024-03-01T{k // 3600:02}:{k // 60 % 60:02}:{k % 60:02}Z")) for k in range(i, i + 400))
        assert api.post(lines, "application/x-ndjson").status == 201
    name = "datos_store_request_duration_seconds_count"
    before = api.metric(name, op="query")
    # the API stands still while a thousand requests gather
    api.process.send_signal(signal.SIGSTOP)
    text = b"GET /datos?limit=9&until=2024-03-01T00:01:00Z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    readers = []
    for _ in range(1000):
        s = socket.create_connection(("127.0.0.1", api.port), timeout=20)
        s.sendall(text)
        readers.append(s)
    api.process.send_signal(signal.SIGCONT)
    for s in readers:
        got = b""
        while part := s.recv(65536):
            got += part
        assert got.startswith(b"HTTP/1.1 200 ")
        s.close()
    assert api.metric(name, op="query") == before + 1


def test_two_systems_on_one_redis_keep_apart(bench):
    redis = bench.redis()
    one = bench.api("--system", "one", redis=redis)
    other = bench.api("--system", "other", redis=redis, store=os.path.join(bench.folder, "other.db"))
    one.post(datos.record("mine"))
    time.sleep(0.1)
    assert one.ids() == ["mine"] and other.ids() == []


def test_memory_stays_bounded_under_random_ids(bench):
    api = bench.api("--cache-ttl-ms", "60000")
    if shutil.which("wrk") is None:
        pytest.skip("wrk is missing")
    script = os.path.join(bench.folder, "random.lua")
    with open(script, "w", encoding="utf-8") as f:
        f.write('request = function() return wrk.format("GET", "/datos/" .. math.random(1e12)) end\n')
    subprocess.run(["wrk", "-t1", "-c50", "-d3s", "-s", script, api.url], check=True, stdout=subprocess.DEVNULL,
                   timeout=30)
    with open(f"/proc/{api.process.pid}/status", encoding="ascii") as f:
        rss = [int(x.split()[1]) for x in f if x.startswith("RssAnon")][0]
    assert rss < 120 * 1024, f"{rss} KiB"
    assert api.get().status == 200


# --- in the cloud --------------------------------------------------------------
FLAVOR = {"Metadata-Flavor": "Google"}


class Metadata(http.server.BaseHTTPRequestHandler):
    """A metadata server, as a Cloud Run service sees it."""
    told = {"/computeMetadata/v1/instance/region": "projects/123/regions/southamerica-west1",
            "/computeMetadata/v1/project/project-id": "their-project-1"}

    def do_GET(self):  # noqa: N802
        text = self.told.get(self.path, "") if self.headers["Metadata-Flavor"] == "Google" else ""
        self.send_response(200 if text else 404)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


def test_project_and_region_of_the_metadata_server(bench):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        admin = apis.free_port()
        a = bench.api("--admin-port", str(admin), environment={
            "K_SERVICE": "datos", "DATOS_AUTH": "none", "DATOS_INGEST": "off", "DATOS_BIND": "127.0.0.1",
            "GCE_METADATA_HOST": f"127.0.0.1:{server.server_port}"})
        server.shutdown()
    trace = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    assert a.request("GET", "/nothing", headers={"traceparent": trace}).status == 404
    assert a.get("/metrics").status == 404
    page = datos.request("GET", f"http://127.0.0.1:{admin}/metrics").body
    assert 'datos_build_info{system="datos",region="southamerica-west1"' in page
    datos.wait_for(lambda: "projects/their-project-1/traces/" + "ab" * 16 in a.log(), what="the trace")

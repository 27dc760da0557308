# SPDX-License-Identifier: Apache-2.0
"""The API's promises beyond the plain hot answer: against a bare epoll loop,
304 and gzip, POST, one process' commit in another's answer, a cold entry under a
thousand readers, memory."""
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from harness import (ROUNDS, Wire, compiled, cpu_us, datos, free_port, note, spawn, start_nginx, stop,
                     with_ready_fd, wrk)


def pin(pid):
    subprocess.run(["taskset", "-a", "-p", "-c", "0", str(pid)], capture_output=True, check=True)


def measured(pids, *args, **more):
    before = cpu_us(pids)
    figures = wrk(*args, **more)
    figures["cpu"] = (cpu_us(pids) - before) / figures["n"]
    return figures


def start_api(folder, name, **more):
    environment = {"DATOS_STORE": f"sqlite:{folder}/{name}.db", "DATOS_THREADS": "1",
                   "DATOS_LOG": "warn", **more}
    api, ready, _ = with_ready_fd([datos.DATOS, "api", "--port", "0"], **environment)
    datos.wait_for(lambda: datos.request("GET", ready["api"] + "/health").status == 200)
    return api, ready["api"] + "/datos"


def fill(url, n=10):
    rows = [datos.record(f"hot-{i}", "Prueba automática " * 2, f"2025-01-14T10:00:{i:02}Z")
            for i in range(n)]
    assert datos.request("POST", url, rows).status == 201
    return datos.wait_for(lambda: datos.request("GET", url).body).encode()


def start_bare(folder, body):
    port = free_port()
    path = os.path.join(folder, "body")
    with open(path, "wb") as f:
        f.write(body)
    process = spawn([compiled("bare_epoll", "bare_epoll.c"), str(port), path], core=0)
    url = f"http://127.0.0.1:{port}/"
    datos.wait_for(lambda: datos.request("GET", url).status == 200)
    return process, url


def hot(folder):
    api, url = start_api(folder, "hot")
    pin(api.pid)
    body = fill(url)
    nginx, peer, workers = start_nginx(folder, body)
    bare, limit = start_bare(folder, body)
    try:
        for connections in (50, 256):
            rounds = [{"nginx": measured(workers, peer, connections),
                       "bare": measured([bare.pid], limit, connections),
                       "datos": measured([api.pid], url, connections)} for _ in range(ROUNDS)]

            def ratio(figure, other):
                return statistics.median(r["datos"][figure] / r[other][figure] for r in rounds)
            for what, value, goal, good in (
                    ("CPU, ratio to nginx", ratio("cpu", "nginx"), "<= 0.75", lambda v: v <= 0.75),
                    ("requests a second, ratio to nginx", ratio("rate", "nginx"), ">= 1.15", lambda v: v >= 1.15),
                    ("p99, ratio to nginx", ratio("p99", "nginx"), "<= 0.75", lambda v: v <= 0.75),
                    ("CPU, ratio to a bare epoll loop", ratio("cpu", "bare"), "<= 1.25", lambda v: v <= 1.25)):
                note(f"{connections} connections: {what}", f"{value:.2f}", goal, good(value))
        etag = datos.request("GET", url).headers["ETag"]
        rounds = [{"200": measured([api.pid], url), "304": measured([api.pid], url, headers=[f"If-None-Match: {etag}"]),
                   "gzip": measured([api.pid], url, headers=["Accept-Encoding: gzip"])} for _ in range(ROUNDS)]
        for kind in ("304", "gzip"):
            value = statistics.median(r[kind]["cpu"] / r["200"]["cpu"] for r in rounds)
            note(f"{kind} answers: CPU, ratio to a 200", f"{value:.2f}", "<= 1.05", value <= 1.05)
    finally:
        for process in (nginx, bare, api):
            stop(process)


POST = """local n = 0
local p = string.format("%%x", os.time()) .. "-%d-"
request = function()
  n = n + 1
  return wrk.format("POST", nil, {["Content-Type"]="application/json"},
    '{"id":"' .. p .. n .. '","contenido":"x","timestamp":"2025-01-14T10:00:00Z"}')
end
"""


def posts_a_second(folder, name, seconds):
    api, url = start_api(folder, name)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as f:
        f.write(POST % os.getpid())
        f.flush()
        figures = wrk(url, 50, seconds, script=f.name)
    stop(api)
    return figures


def posts(folder):
    figures = posts_a_second(folder, "post", 5)
    note("POST /datos, 50 connections, durable, a second", f"{figures['rate']:,.0f}", ">= 10,000",
         figures["rate"] >= 10000)
    note("  p99, ms", f"{figures['p99'] / 1e3:.1f}", "< 20", figures["p99"] < 20000)


def other_process(folder):
    """A commit in one API process until another answers with it."""
    socket_path = os.path.join(folder, "redis.sock")
    redis = spawn(["redis-server", "--port", "0", "--unixsocket", socket_path, "--save", ""])
    datos.wait_for(lambda: os.path.exists(socket_path))
    more = {"REDIS_URL": f"unix://{socket_path}"}
    a, url_a = start_api(folder, "shared", **more)
    b, url_b = start_api(folder, "shared", **more)
    fill(url_a)
    writer, reader = Wire(url_a.rsplit("/", 1)[0]), Wire(url_b.rsplit("/", 1)[0])
    took = []
    for i in range(300):
        ident = f"seen-{i}"
        body = f'{{"id":"{ident}","timestamp":"2025-02-01T00:00:00.{i:06}Z"}}'
        writer.ask("POST", "/datos", body.encode())
        committed = time.monotonic()
        while ident.encode() not in reader.ask("GET", "/datos?limit=1"):
            if time.monotonic() - committed > 10:
                raise SystemExit("bench: a commit never showed in the other process")
        took.append((time.monotonic() - committed) * 1e3)
    for process in (a, b, redis):
        stop(process)
    took.sort()
    note("commit to another process' answer, p50, ms", f"{took[150]:.2f}", "< 1", took[150] < 1)
    note("  p99, ms", f"{took[297]:.2f}", "< 5", took[297] < 5)


def metric(url, name):
    text = datos.request("GET", url.rsplit("/", 1)[0] + "/metrics").body
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.split("\n")
               if line.startswith(name) and 'op="query"' in line)


def cold(folder):
    """A thousand readers of an entry that nobody has."""
    api, url = start_api(folder, "cold")
    for minute in range(4):  # more than the head holds: the oldest are the store's
        rows = [datos.record(f"cold-{minute}-{i}", "x", f"2025-01-14T10:{minute:02}:{i // 10:02}Z")
                for i in range(400)]
        assert datos.request("POST", url, rows).status == 201
    path = url + "?since=2025-01-14T10:00:02Z&until=2025-01-14T10:00:05Z"
    before = metric(url, "datos_store_request_duration_seconds_count")
    gate = threading.Barrier(200)

    def read():
        gate.wait()
        for _ in range(5):
            assert datos.request("GET", path).status == 200
    readers = [threading.Thread(target=read) for _ in range(200)]
    for t in readers:
        t.start()
    for t in readers:
        t.join()
    n = metric(url, "datos_store_request_duration_seconds_count") - before
    stop(api)
    note("store queries for 1,000 readers of a cold entry", f"{n:.0f}", "= 1", n == 1)


def private_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon")) / 1024


def memory(folder):
    api, url = start_api(folder, "memory")
    fill(url)
    host, port = url.split("/")[2].split(":")
    open_ones = []
    for count, goal in ((256, 6), (9900, 60)):
        while len(open_ones) < count:
            s = socket.create_connection((host, int(port)))
            s.sendall(b"GET /datos HTTP/1.1\r\nHost: b\r\n\r\n")
            s.recv(65536)
            open_ones.append(s)
        value = private_mb(api.pid)
        note(f"{count} idle connections: private memory, MB", f"{value:.1f}", f"< {goal}", value < goal)
    for s in open_ones:
        s.close()
    stop(api)


def run(folder):
    print("read path; server on core 0, load on core 1")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    hot(folder)
    posts(folder)
    other_process(folder)
    cold(folder)
    memory(folder)

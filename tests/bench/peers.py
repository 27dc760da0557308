# SPDX-License-Identifier: Apache-2.0
"""The read path against what a user would build instead: the reference design
(FastAPI on uvicorn, the newest ten rows from SQLite at each request), alone and
behind nginx proxy_cache and Varnish; Redis asked in every request; one commit a
row; two loops; the start. Each server with all that stands behind it on core 0,
the load on core 1."""
import os
import shutil
import sqlite3
import statistics
import subprocess
import time

from harness import (ROUNDS, Wire, datos, free_port, note, spawn, start_nginx, stop, with_ready_fd, wrk)
from read_path import fill, measured, pin, posts_a_second, start_api

PYTHON = "/usr/bin/python3"  # the one that Debian's python3-fastapi belongs to

REFERENCE = '''
import os, sqlite3
from fastapi import FastAPI
app = FastAPI()
db = sqlite3.connect(os.environ["BENCH_DB"], check_same_thread=False)

@app.get("/datos")
async def newest():
    rows = db.execute("SELECT id, contenido, timestamp FROM datos ORDER BY timestamp DESC LIMIT 10")
    return {"datos": [dict(zip(("id", "contenido", "timestamp"), row)) for row in rows]}
'''

NGINX = """daemon off; worker_processes 1; pid {folder}/proxy.pid; error_log {folder}/proxy.log; {user}
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/pb; proxy_temp_path {folder}/pp; fastcgi_temp_path {folder}/pf;
  uwsgi_temp_path {folder}/pu; scgi_temp_path {folder}/ps;
  proxy_cache_path {folder}/cache keys_zone=c:1m use_temp_path=off;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{behind};
    proxy_cache c; proxy_cache_valid 200 1s; proxy_cache_lock on; proxy_cache_background_update on;
    proxy_cache_use_stale updating error timeout; }} }} }}
"""

VARNISH = """vcl 4.1;
backend reference {{ .host = "127.0.0.1"; .port = "{behind}"; }}
sub vcl_backend_response {{ set beresp.ttl = 1s; set beresp.grace = 1h; }}
"""


def family(pid):
    """A process and what it started: all of them work for the request."""
    text = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True,
                          check=False).stdout
    return [pid] + [p for child in text.split() for p in family(int(child))]


def serves(url):
    return datos.wait_for(lambda: datos.request("GET", url).status == 200, 20)


def start_reference(folder, rows):
    database = os.path.join(folder, "reference.db")
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE datos (id TEXT, contenido TEXT, timestamp TEXT)")
        db.execute("CREATE INDEX newest ON datos (timestamp DESC)")
        db.executemany("INSERT INTO datos VALUES (:id, :contenido, :timestamp)", rows)
    with open(os.path.join(folder, "reference.py"), "w", encoding="utf-8") as f:
        f.write(REFERENCE)
    port = free_port()
    process = spawn([PYTHON, "-m", "uvicorn", "reference:app", "--port", str(port), "--no-access-log",
                     "--log-level", "warning"], core=0, environment={"BENCH_DB": database}, cwd=folder)
    url = f"http://127.0.0.1:{port}/datos"
    serves(url)
    return process, url, port


def start_proxy(folder, behind):
    port = free_port()
    conf = os.path.join(folder, "proxy.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(NGINX.format(folder=folder, port=port, behind=behind,
                             user="user root;" if os.getuid() == 0 else ""))
    process = spawn(["nginx", "-c", conf, "-e", os.path.join(folder, "proxy.log")], core=0)
    url = f"http://127.0.0.1:{port}/datos"
    serves(url)
    return process, url


def start_varnish(folder, behind):
    port = free_port()
    vcl = os.path.join(folder, "reference.vcl")
    with open(vcl, "w", encoding="utf-8") as f:
        f.write(VARNISH.format(behind=behind))
    process = spawn(["varnishd", "-j", "none", "-F", "-a", f"127.0.0.1:{port}", "-f", vcl, "-n",
                     os.path.join(folder, "varnish"), "-s", "malloc,64m"], core=0)
    url = f"http://127.0.0.1:{port}/datos"
    serves(url)
    return process, url


def against(folder):
    api, url = start_api(folder, "peers")
    pin(api.pid)
    fill(url)
    rows = datos.request("GET", url).json()["datos"]
    reference, direct, port = start_reference(folder, rows)
    started = [reference]
    peers = {"FastAPI from SQLite": (direct, [reference], "<= 0.085", 0.085)}
    try:
        if not shutil.which("varnishd"):
            note("Varnish", "not installed", "")
        else:
            process, at = start_varnish(folder, port)
            started.append(process)
            peers["Varnish before it"] = (at, [process, reference], "<= 0.42", 0.42)
        process, at = start_proxy(folder, port)
        started.append(process)
        peers["nginx proxy_cache before it"] = (at, [process, reference], "<= 0.65", 0.65)
        for at, *_ in peers.values():
            assert datos.request("GET", at).json() == {"datos": rows}, f"bench: {at} answers otherwise"
        rounds = []
        for _ in range(ROUNDS):
            figures = {"datos": measured([api.pid], url)}
            for name, (at, processes, _, _) in peers.items():
                pids = sorted({p for q in processes for p in family(q.pid)})
                figures[name] = measured(pids, at)
            rounds.append(figures)
        for name, (_, _, goal, limit) in peers.items():
            cpu = statistics.median(r["datos"]["cpu"] / r[name]["cpu"] for r in rounds)
            rate = statistics.median(r["datos"]["rate"] / r[name]["rate"] for r in rounds)
            note(f"CPU, ratio to {name}", f"{cpu:.3f}", goal, cpu <= limit)
            if name.startswith("FastAPI"):
                note(f"requests a second, ratio to {name}", f"{rate:.1f}", ">= 10", rate >= 10)
            else:
                note(f"requests a second, ratio to {name}", f"{rate:.1f}")
    finally:
        for process in reversed(started):
            stop(process)
        stop(api)


def system_calls(pid, url):
    out = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"bench-{pid}.strace")
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(pid), "-o", out], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    n = wrk(url)["n"]
    tracer.send_signal(2)
    tracer.wait(10)
    with open(out, encoding="utf-8") as f:
        total = next(line for line in f if line.rstrip().endswith("total"))
    os.unlink(out)
    fields = total.split()
    return int(fields[3]) / n


def redis_in_every_request(folder):
    where = os.path.join(folder, "every.sock")
    redis = spawn(["redis-server", "--port", "0", "--unixsocket", where, "--save", ""], core=0)
    datos.wait_for(lambda: os.path.exists(where))
    api, url = start_api(folder, "every", REDIS_URL=f"unix://{where}", DATOS_CACHE_LOCAL_MB="0")
    pin(api.pid)
    body = fill(url)
    nginx, peer, workers = start_nginx(folder, body)
    try:
        status = datos.request("GET", url).headers["Cache-Status"]
        assert status == "datos; hit; detail=redis", status
        rounds = [(measured(workers, peer), measured([api.pid, redis.pid], url)) for _ in range(ROUNDS)]
        cpu = statistics.median(ours["cpu"] / theirs["cpu"] for theirs, ours in rounds)
        rate = statistics.median(ours["rate"] / theirs["rate"] for theirs, ours in rounds)
        note("Redis in every request, its CPU too: ratio to nginx", f"{cpu:.2f}", "<= 0.95", cpu <= 0.95)
        note("  requests a second, ratio to nginx", f"{rate:.2f}")
        calls = system_calls(api.pid, url)
        note("  system calls a request", f"{calls:.2f}", "<= 3.0", calls <= 3.0)
    finally:
        for process in (nginx, api, redis):
            stop(process)


def one_commit_a_row(folder):
    """Group commit against what it replaces: a transaction, synchronous=FULL, for each row."""
    ratios = []
    for turn in range(ROUNDS):
        path = os.path.join(folder, f"single-{turn}.db")
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE datos (id TEXT PRIMARY KEY, contenido TEXT, timestamp INTEGER)")
        n, began = 0, time.monotonic()
        while time.monotonic() - began < 1:
            db.execute("INSERT INTO datos VALUES (?, 'x', 1)", (f"{turn}-{n}",))
            n += 1
        single = n / (time.monotonic() - began)
        db.close()
        ratios.append(posts_a_second(folder, f"group-{turn}", 2)["rate"] / single)
    ratio = statistics.median(ratios)
    note("POST /datos against one commit a row", f"{ratio:.1f}", ">= 3", ratio >= 3)


def two_loops(folder):
    if (os.cpu_count() or 1) < 4:
        print(f"  SKIPPED: two loops against one needs 4 cores, and here are {os.cpu_count()}", flush=True)
        return
    rates = []
    for loops, cores in (("1", "0"), ("2", "0,1")):
        api, url = start_api(folder, f"loops-{loops}", DATOS_THREADS=loops)
        subprocess.run(["taskset", "-a", "-p", "-c", cores, str(api.pid)], capture_output=True, check=True)
        fill(url)
        rates.append(statistics.median(wrk(url, cores="2,3", threads=2)["rate"] for _ in range(ROUNDS)))
        stop(api)
    note("two loops against one, requests a second", f"{rates[1] / rates[0]:.2f}", ">= 1.8",
         rates[1] / rates[0] >= 1.8)


def first_answer(argv, port, path, environment):
    began = time.monotonic()
    process = spawn(argv, core=0, environment=environment)
    while True:
        try:
            Wire(f"127.0.0.1:{port}").ask("GET", path)
            return process, time.monotonic() - began
        except OSError:
            time.sleep(0.0005)
        except SystemExit:  # 503 while it connects
            time.sleep(0.0005)


def start(folder):
    """Exec to the first answer: ours with Redis and the store connected."""
    where = os.path.join(folder, "start.sock")
    redis = spawn(["redis-server", "--port", "0", "--unixsocket", where, "--save", ""])
    datos.wait_for(lambda: os.path.exists(where))
    ratios = []
    for turn in range(9):
        nginx_began = time.monotonic()
        nginx, _, _ = start_nginx(folder, b"{}", wait=False)
        port = nginx.port
        while True:
            try:
                Wire(f"127.0.0.1:{port}").ask("GET", "/datos")
                break
            except OSError:
                time.sleep(0.0005)
        theirs = time.monotonic() - nginx_began
        stop(nginx)
        port = free_port()
        api, ours = first_answer([datos.DATOS, "api", "--port", str(port)], port, "/datos",
                                 {"DATOS_STORE": f"sqlite:{folder}/start.db", "DATOS_LOG": "warn",
                                  "REDIS_URL": f"unix://{where}"})
        stop(api)
        if turn:  # the first made the database
            ratios.append(ours / theirs)
    stop(redis)
    ratio = statistics.median(ratios)
    note("start to the first answer, ratio to nginx", f"{ratio:.2f}", "<= 0.8", ratio <= 0.8)


def run(folder):
    print("what a user would build instead; servers on core 0, load on core 1")
    against(folder)
    redis_in_every_request(folder)
    one_commit_a_row(folder)
    two_loops(folder)
    start(folder)

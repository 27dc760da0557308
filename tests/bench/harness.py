# SPDX-License-Identifier: Apache-2.0
"""What the parts of the bench share: the table, processes, their CPU time, a
keep-alive HTTP client, C programs of this folder."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
BUILD = os.path.abspath(os.environ.get("BUILD") or os.path.join(TOP, "build"))
os.environ["DATOS_BUILD"] = BUILD
import datos  # noqa: E402

EMULATOR = os.path.join(os.path.dirname(datos.DATOS), "datos-emulator")
ROUNDS, SECONDS = int(os.environ.get("BENCH_ROUNDS", 5)), 2
table = []


def note(what, measured, goal="", good=None):
    table.append((what, measured, goal, {True: "ok", False: "MISSED", None: ""}[good]))
    print(f"  {what:<46} {measured:>14}   {goal:<14} {table[-1][3]}", flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def spawn(argv, core=None, environment=None, cwd=None):
    if core is not None and (os.cpu_count() or 1) > 1:
        argv = ["taskset", "-c", str(core), *argv]
    return subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL,
                            env={**datos.clean_environment(), **(environment or {})})


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def with_ready_fd(argv, **more):
    """Starts a program with --ready-fd; returns it and its addresses."""
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    started = time.monotonic()
    process = subprocess.Popen([*argv, "--ready-fd", str(write_end)], pass_fds=[write_end],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL,
                               env={**datos.clean_environment(), **more})
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8") as f:
        line = f.readline()
    if not line:
        process.kill()
        sys.exit(f"bench: {' '.join(argv)} did not get ready")
    return process, json.loads(line), time.monotonic() - started


class Wire:
    """One keep-alive connection, answers read by their Content-Length."""

    def __init__(self, address):
        host, _, port = address.rpartition("//")[2].rpartition(":")
        self.s = socket.create_connection((host, int(port)), timeout=10)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self, method, path, body=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.s.sendall(head.encode() + b"\r\n" + body)
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not length:
            sys.exit(f"bench: no Content-Length in {head[:200]}")
        self.buffer = rest
        while len(self.buffer) < int(length.group(1)):
            self.fill()
        answer, self.buffer = (self.buffer[:int(length.group(1))],
                               self.buffer[int(length.group(1)):])
        status = int(head.split(b" ", 2)[1])
        if status >= 300:
            sys.exit(f"bench: {method} {path}: {status} {answer[:200]}")
        return answer

    def fill(self):
        more = self.s.recv(65536)
        if not more:
            raise ConnectionError("closed")
        self.buffer += more


def cpu_us(pids):
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1000


def compiled(name, *sources, libraries=()):
    """A C program of this folder, built when it is older than its sources."""
    out = os.path.join(BUILD, "bench", name)
    paths = [os.path.join(os.path.dirname(__file__), s) for s in sources]
    if not os.path.exists(out) or any(os.path.getmtime(p) > os.path.getmtime(out) for p in paths):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", out,
                        *paths, *(f"-l{l}" for l in libraries)], check=True)
    return out


def us(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def wrk(url, connections=50, seconds=SECONDS, script=None, headers=(), cores="1", threads=1):
    argv = ["taskset", "-c", cores, "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        argv += ["-H", header]
    if script:
        argv += ["-s", script]
    out = subprocess.run([*argv, url], capture_output=True, text=True, check=True).stdout
    if re.search(r"Socket errors", out) or ("Non-2xx" in out and "If-None-Match" not in str(headers)):
        raise SystemExit("bench: errors under wrk:\n" + out)
    return {"n": int(re.search(r"(\d+) requests in", out).group(1)),
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            "p50": us(re.search(r"50%\s+([\d.]+\w+)", out).group(1)),
            "p99": us(re.search(r"99%\s+([\d.]+\w+)", out).group(1))}


def start_nginx(folder, body, wait=True):
    port = free_port()
    with open(os.path.join(folder, "datos"), "wb") as f:
        f.write(body)
    conf = os.path.join(folder, "nginx.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"""daemon off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/nginx.log; user root;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; keepalive_requests 100000000;
  default_type application/json; open_file_cache max=100 inactive=1h; tcp_nopush on;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ root {folder}; }} }} }}
""")
    if os.getuid() != 0:
        text = open(conf, encoding="utf-8").read().replace("user root;", "")
        open(conf, "w", encoding="utf-8").write(text)
    process = spawn(["nginx", "-c", conf, "-e", os.path.join(folder, "nginx.log")], core=0)
    url = f"http://127.0.0.1:{port}/datos"
    process.port = port
    if not wait:
        return process, url, []
    datos.wait_for(lambda: datos.request("GET", url).status == 200)
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)],
                              capture_output=True, text=True, check=True).stdout.split()
    return process, url, [int(p) for p in children]

# SPDX-License-Identifier: Apache-2.0
"""`datos api` processes over one SQLite file, and a Redis of their own, for
tests that need more than one of either, or kill and stop them."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.parse

import datos


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    """A private one on a socket; nothing is written to disk."""

    def __init__(self, folder, *flags):
        self.path = os.path.join(folder, "redis.sock")
        self.url = "unix://" + self.path
        self.flags = flags
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
             "--appendonly", "no", "--daemonize", "no", *self.flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        datos.wait_for(lambda: self.call("PING") == "PONG", what="Redis")

    def call(self, *words, seconds=5):
        """One command; status, number, bulk or list as Python has them."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            s.settimeout(seconds)
            s.connect(self.path)
            text = b"*%d\r\n" % len(words)
            for word in words:
                word = str(word).encode()
                text += b"$%d\r\n%s\r\n" % (len(word), word)
            s.sendall(text)
            with s.makefile("rb") as f:
                return self._reply(f)

    def _reply(self, f):
        line = f.readline().decode().rstrip("\r\n")
        kind, rest = line[0], line[1:]
        if kind == "+":
            return rest
        if kind == "-":
            raise ValueError(rest)
        if kind == ":":
            return int(rest)
        if kind == "$":
            return None if rest == "-1" else f.read(int(rest) + 2)[:-2].decode()
        return [self._reply(f) for _ in range(int(rest))]

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(10)


class Api:
    """One `datos api`. `api.get("/datos")` and so on."""

    def __init__(self, folder, *flags, store=None, redis=None, environment=None, wait=True,
                 port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.store = store or os.path.join(folder, "datos.db")
        self.log_path = os.path.join(folder, f"api-{self.port}.log")
        argv = [datos.DATOS, "api", "--port", str(self.port), *flags]
        if "--store" not in flags:
            argv += ["--store", "sqlite:" + self.store]
        env = {**datos.clean_environment(), **(environment or {})}
        if redis:
            env["REDIS_URL"] = redis.url
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, env=env,
                                            stdin=subprocess.DEVNULL, cwd=folder)
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds=10):
        def there():
            if self.process.poll() is not None:
                raise AssertionError(f"datos api ended ({self.process.returncode}):\n{self.log()}")
            return self.get("/readyz").status == 200 and self.get("/health").status == 200
        datos.wait_for(there, seconds, "readiness")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def request(self, method, path, body=None, headers=None, seconds=30):
        """Bytes in, bytes out; nothing added that is not asked for."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)) as c:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            answer = datos.Answer(r.status, r.headers, r.read())
        answer.raw = answer.body
        if answer.headers.get("Content-Encoding") is None:
            answer.body = answer.body.decode()
        return answer

    def get(self, path="/datos", **more):
        return self.request("GET", path, **more)

    def post(self, body, kind="application/json", **headers):
        return self.request("POST", "/datos", body, {"Content-Type": kind, **headers})

    def rows(self, query=""):
        answer = self.get("/datos" + query)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json()["datos"]

    def ids(self, query="?limit=1000"):
        return [row["id"] for row in self.rows(query)]

    def metric(self, name, **labels):
        total = 0.0
        for line in self.get("/metrics").body.split("\n"):
            if line.startswith(name + "{") and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def walk(self, query):
        """Every page of a walk: lists of ids."""
        path, pages = "/datos" + query, []
        while path:
            answer = self.get(path)
            assert answer.status == 200, answer.body
            pages.append([row["id"] for row in answer.json()["datos"]])
            link = answer.headers["Link"]
            path = link and link[1:link.index(">")]
            assert not link or link.endswith('; rel="next"')
        return pages

    def stop(self, signo=signal.SIGTERM, seconds=20):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signo)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("datos api did not stop:\n" + self.log()) from None


class Bench:
    """A folder with what a test starts; all of it ends with the test."""

    def __init__(self):
        self.folder = datos.scratch(self, "datos-api-")
        self.parts = []

    def redis(self, *flags):
        self.parts.append(Redis(self.folder, *flags))
        return self.parts[-1]

    def api(self, *flags, **more):
        self.parts.append(Api(self.folder, *flags, **more))
        return self.parts[-1]

    def close(self):
        codes = []
        for part in reversed(self.parts):
            if isinstance(part, Api):
                codes.append((part.stop(), part.log()))
            else:
                part.go_on()
                part.kill()
        for code, log in codes:
            assert code in (0, -signal.SIGKILL), log


class Events:
    """A reader of /datos/stream."""

    def __init__(self, api, last=None, seconds=10):
        headers = {"Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = last
        self.connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=seconds)
        self.connection.request("GET", "/datos/stream", headers=headers)
        self.answer = self.connection.getresponse()
        self.last = last

    def next(self):
        """The next event that has data: (event, id, data)."""
        event, identity, data = "message", None, None
        while True:
            line = self.answer.readline().decode()
            if not line:
                return None
            line = line.rstrip("\n")
            if not line and data is not None:
                self.last = identity or self.last
                return event, identity, json.loads(data)
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                identity = value
            elif name == "data":
                data = value

    def close(self):
        self.connection.close()


def encoded(value):
    return urllib.parse.quote(value, safe="")

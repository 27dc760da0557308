# SPDX-License-Identifier: Apache-2.0
"""Starts the real system for a test and talks to it, with nothing but
Python's own library. Waits are for the thing itself, bounded, never a sleep
of a guessed length."""
import base64
import datetime
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import weakref

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("DATOS_BUILD") or os.path.join(TOP, "build")
DATOS = os.path.join(BUILD, "release", "datos")
PROJECT = "datos-local"
FREE_PORTS = ["--api-port", "0", "--pubsub-port", "0", "--bigquery-port", "0",
              "--bigquery-grpc-port", "0", "--console-port", "0"]


def wait_for(question, seconds=20, what=None):
    """The first true answer; exceptions of a thing not there yet count as no.
    The bound ends a hang, it measures nothing: a machine may stall for seconds."""
    seconds = max(seconds, 20)
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            answer = question()
            if answer:
                return answer
        except (OSError, ValueError, KeyError, http.client.HTTPException) as e:
            last = e
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s: {what or question} ({last})")


def scratch(owner, prefix):
    """A folder that goes with its owner, however the test ends."""
    folder = tempfile.mkdtemp(prefix=prefix)
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def record(i, contenido="x", timestamp="2025-01-14T10:00:00Z"):
    return {"id": str(i), "contenido": contenido, "timestamp": timestamp}


def from_now(seconds):
    """Newer than all that other tests of the same system left."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def request(method, url, body=None, headers=None, seconds=30):
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    req = urllib.request.Request(url, data=body, method=method,
                                 headers=headers or {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(req, timeout=seconds) as r:
            return Answer(r.status, r.headers, r.read().decode())
    except urllib.error.HTTPError as e:
        return Answer(e.code, e.headers, e.read().decode())


def clean_environment():
    """Ours without what an outer `datos dev`, or a user, may have set."""
    drop = ("DATOS_", "PUBSUB_", "BIGQUERY_", "REDIS_", "GOOGLE_", "K_SERVICE", "PORT")
    env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    env["DATOS_BUILD"] = BUILD
    return env


class System:
    """One `datos dev`. `system.ready` is the ready file's newest content."""

    def __init__(self, *flags, command=None, environment=None, wait=True):
        self.folder = scratch(self, "datos-test-")
        self.ready_file = os.path.join(self.folder, "ready.json")
        self.log_path = os.path.join(self.folder, "log")
        argv = [DATOS, "dev", *FREE_PORTS, "--ready-file", self.ready_file, *flags]
        if command:
            argv += ["--", *command]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                env={**clean_environment(), **(environment or {})})
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds=20):
        def there():
            if self.process.poll() is not None:
                raise AssertionError(f"datos dev ended ({self.process.returncode}):\n{self.log()}")
            return self.ready
        try:
            wait_for(there, seconds, "ready file")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()}") from None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    @property
    def ready(self):
        with open(self.ready_file, encoding="utf-8") as f:
            return json.load(f)

    @property
    def api(self):
        return self.ready["api"]

    def kill(self, part, signo=signal.SIGKILL):
        """Kills a part and waits until the ready file names its successor."""
        old = self.ready["pids"][part]
        os.kill(old, signo)
        started = time.monotonic()
        wait_for(lambda: self.ready["pids"][part] != old, 10, f"restart of {part}")
        return time.monotonic() - started

    def stop(self, signo=signal.SIGINT, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("datos dev did not stop:\n" + self.log()) from None

    # --- the API ---------------------------------------------------------
    def get(self, path="/datos", **more):
        return request("GET", self.api + path, **more)

    def rows(self, query=""):
        answer = self.get("/datos" + query)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json()["datos"]

    def ids(self, query="?limit=1000"):
        return [row["id"] for row in self.rows(query)]

    def post(self, body, **more):
        return request("POST", self.api + "/datos", body, **more)

    # --- Pub/Sub over REST -----------------------------------------------
    def pubsub(self, method, resource, body=None, **more):
        return request(method, f"http://{self.ready['pubsub']}/v1/projects/{PROJECT}/{resource}",
                       body, **more)

    def publish(self, *messages, topic="datos-topic", **more):
        """Each a dict (sent as JSON), bytes, or str; returns the answer."""
        def data(m):
            if isinstance(m, dict):
                m = json.dumps(m)
            if isinstance(m, str):
                m = m.encode()
            return {"data": base64.b64encode(m).decode()}
        return self.pubsub("POST", f"topics/{topic}:publish",
                           {"messages": [data(m) for m in messages]}, **more)

    def pull(self, subscription, most=100):
        answer = self.pubsub("POST", f"subscriptions/{subscription}:pull",
                             {"maxMessages": most, "returnImmediately": True})
        assert answer.status == 200, answer.body
        return answer.json().get("receivedMessages", [])

    def acknowledge(self, subscription, received):
        answer = self.pubsub("POST", f"subscriptions/{subscription}:acknowledge",
                             {"ackIds": [m["ackId"] for m in received]})
        assert answer.status == 200, answer.body

    def dead_letters(self, n=1, seconds=20):
        """Waits for n refused messages; acknowledges and returns them."""
        found = []

        def enough():
            got = self.pull("datos-dead-letter-subscription")
            if got:
                self.acknowledge("datos-dead-letter-subscription", got)
            found.extend(got)
            return len(found) >= n
        wait_for(enough, seconds, f"{n} dead letters")
        return [m["message"] for m in found]


def run(*argv, stdin=None, environment=None, seconds=60, cwd=None):
    """A program to its end, output as text."""
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, cwd=cwd,
                          timeout=seconds, check=False,
                          env={**clean_environment(), **(environment or {})})

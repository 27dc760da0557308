# SPDX-License-Identifier: Apache-2.0
"""Starts `datos-emulator` alone, for tests that need one of their own: a
clock to move, a state folder, a process to kill."""
import json
import os
import signal
import subprocess
import tempfile
import time

import datos

PROGRAM = os.environ.get("DATOS_EMULATOR") or os.path.join(datos.BUILD, "release", "datos-emulator")
PROJECT = datos.PROJECT


class Emulator:
    """`pubsub`, `bigquery` and `console` are addresses, valid until the next start."""

    def __init__(self, *flags, environment=None, wait=True, stdin=subprocess.DEVNULL):
        self.flags, self.environment = flags, environment or {}
        self.log_file = tempfile.NamedTemporaryFile(prefix="datos-emulator-", suffix=".log")
        self.process = None
        self.start(wait)

    def start(self, wait=True):
        read, write = os.pipe()
        argv = [PROGRAM, "--pubsub-port", "0", "--bigquery-port", "0", "--bigquery-grpc-port", "0",
                "--console-port", "0", "--ready-fd", str(write), *self.flags]
        self.process = subprocess.Popen(
            argv, stdout=self.log_file, stderr=self.log_file, stdin=subprocess.DEVNULL,
            pass_fds=[write], env={**datos.clean_environment(), **self.environment})
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as ready:
            if not wait:
                return
            line = ready.readline()
        if not line:
            raise AssertionError(f"did not start ({self.process.wait(20)}): {self.log()}")
        addresses = json.loads(line)
        self.pubsub, self.console = addresses["pubsub"], addresses["console"]
        self.bigquery = addresses["bigquery"]

    def log(self):
        with open(self.log_file.name, encoding="utf-8", errors="replace") as f:
            return f.read()

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("datos-emulator did not stop:\n" + self.log()) from None

    # --- control ---------------------------------------------------------
    def control(self, method, path, body=None, **more):
        return datos.request(method, f"{self.console}/_emulator/{path}", body, **more)

    def advance(self, seconds):
        answer = self.control("PUT", "clock", {"advance_ms": int(seconds * 1000)})
        assert answer.status == 200, answer.body

    def freeze(self, frozen=True):
        answer = self.control("PUT", "clock", {"frozen": frozen})
        assert answer.status == 200, answer.body

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Private bytes (RssAnon)."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")

    # --- Pub/Sub over REST -----------------------------------------------
    def rest(self, method, path, body=None, **more):
        return datos.request(method, f"http://{self.pubsub}/v1/projects/{PROJECT}/{path}",
                             body, **more)

    def metric(self, name):
        """Sum over all labels."""
        text = datos.request("GET", f"{self.console}/metrics").body
        rows = [line for line in text.splitlines()
                if line.startswith((name + "{", name + " "))]
        return sum(float(row.rsplit(" ", 1)[1]) for row in rows)


def is_quiet(emulator, seconds=1.0):
    """CPU used in a while, as a part of it."""
    before, start = emulator.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return (emulator.cpu_seconds() - before) / (time.monotonic() - start)

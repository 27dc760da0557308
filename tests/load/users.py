#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load test: users who read and write /datos for a bounded while, and a
report. Exit 1 if an answer failed or was slower than allowed. Nothing but
Python's own library, so that the same file runs on a laptop, in compose and in
delivery, against a revision that has no traffic yet.
    tests/load/users.py --url http://127.0.0.1:8080 --users 50 --ramp 10 --seconds 120"""
import argparse
import collections
import datetime
import http.client
import json
import os
import random
import sys
import threading
import time
import urllib.parse
import uuid


class Tally:
    """Latencies and failures of one kind of request. Any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.taken = collections.defaultdict(list)
        self.failed = collections.Counter()

    def add(self, kind, seconds, failure):
        with self.lock:
            self.taken[kind].append(seconds * 1000)
            if failure:
                self.failed[kind, failure] += 1


def connect(url, seconds):
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname, url.port, timeout=seconds)


def wanted(kind, status, body):
    if kind.startswith("GET"):
        return status == 200 and isinstance(json.loads(body).get("datos"), list)
    return status == 201


def user(options, tally, until, token, invoker):
    """Keeps one connection, as a browser does; a lost one is a failure."""
    url = urllib.parse.urlsplit(options.url)
    connection = connect(url, options.timeout)
    while time.monotonic() < until:
        writes = random.random() * 100 < options.writes
        kind, body, headers = "GET /datos", None, {}
        if writes:
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            kind = "POST /datos"
            body = json.dumps({"id": f"load-{uuid.uuid4()}", "contenido": "prueba de carga", "timestamp": now})
            headers = {"Content-Type": "application/json"}
            if token:
                headers["Authorization"] = f"Bearer {token}"
        if invoker:
            headers["X-Serverless-Authorization"] = f"Bearer {invoker}"
        failure, start = None, time.monotonic()
        try:
            connection.request(kind.split()[0], (url.path.rstrip("/") or "") + "/datos", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if not wanted(kind, answer.status, text):
                failure = str(answer.status)
        except (OSError, ValueError, http.client.HTTPException) as e:
            failure = type(e).__name__
            connection.close()
        tally.add(kind, time.monotonic() - start, failure)
        # each on its own beat, or all would ask at once
        time.sleep(options.pause_ms / 1000 * random.uniform(0.5, 1.5))
    connection.close()


def quantile(ordered, q):
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


def report(tally, seconds, options):
    """Prints the table; the reasons why the run is not good enough."""
    reasons = []
    print(f"{'request':<12} {'count':>7} {'a second':>9} {'failed':>7} {'mean ms':>8} {'p50':>7} {'p99':>7} {'max':>7}")
    for kind, taken in sorted(tally.taken.items()):
        ordered = sorted(taken)
        failed = sum(n for (k, _), n in tally.failed.items() if k == kind)
        p99 = quantile(ordered, 0.99)
        print(f"{kind:<12} {len(ordered):>7} {len(ordered) / seconds:>9.1f} {failed:>7} "
              f"{sum(ordered) / len(ordered):>8.2f} {quantile(ordered, 0.5):>7.2f} {p99:>7.2f} {ordered[-1]:>7.2f}")
        if failed > options.failures * len(ordered):
            what = ", ".join(f"{n} × {w}" for (k, w), n in tally.failed.items() if k == kind)
            reasons.append(f"{kind}: {failed} of {len(ordered)} failed ({what})")
        if p99 > options.p99_ms:
            reasons.append(f"{kind}: 99 % within {p99:.0f} ms, allowed are {options.p99_ms}")
    if not tally.taken:
        reasons.append("no request was made")
    return reasons


def main():
    parser = argparse.ArgumentParser(description="Bounded load on /datos, with a report.")
    parser.add_argument("--url", default=os.environ.get("DATOS_API_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--ramp", type=float, default=10, help="users that join a second (10)")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--writes", type=float, default=20, help="requests of a hundred that POST (20)")
    parser.add_argument("--pause-ms", type=float, default=100, help="a user's mean pause between requests (100)")
    parser.add_argument("--timeout", type=float, default=10, help="seconds until an answer counts as failed (10)")
    parser.add_argument("--p99-ms", type=float, default=1000, help="allowed (1000)")
    parser.add_argument("--failures", type=float, default=0, help="allowed part of failed requests (0)")
    options = parser.parse_args()
    if not urllib.parse.urlsplit(options.url).hostname:
        parser.error(f"--url: '{options.url}' is no http:// or https:// address")
    if options.users < 1 or options.ramp <= 0 or not 0 < options.seconds <= 3600:
        parser.error("--users and --ramp are more than 0, --seconds up to 3600")
    tally, start = Tally(), time.monotonic()
    until = start + options.seconds
    # tokens are read from the environment: an argument shows in the process list
    token, invoker = os.environ.get("DATOS_LOAD_TOKEN"), os.environ.get("DATOS_LOAD_INVOKER")
    users = [threading.Thread(target=user, args=(options, tally, until, token, invoker)) for _ in range(options.users)]
    for i, thread in enumerate(users):
        thread.start()
        if i + 1 < len(users):
            time.sleep(1 / options.ramp)
    for thread in users:
        thread.join()
    reasons = report(tally, time.monotonic() - start, options)
    for reason in reasons:
        print(reason, file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())

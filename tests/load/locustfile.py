# SPDX-License-Identifier: Apache-2.0
"""The reference system's users for Locust: 80 % GET /datos, 20 % POST /datos,
one to two seconds apart. With LOAD_FLOOR (an nginx that serves the same bytes
as a file) each GET is followed by one there: what the machine, its noise and
Locust itself cost, measured at the same moments.

Which of the two comes first is a coin's choice, so that neither always pays
for what the other left behind.

Locust counts whole milliseconds; exact times go to LOAD_RESULT as JSON.
"""
import contextlib
import json
import os
import random
import time
import uuid
from datetime import datetime, timezone

from locust import FastHttpUser, between, events, task

FLOOR = os.environ.get("LOAD_FLOOR", "")
TOKEN = os.environ.get("LOAD_TOKEN", "")
times = {}
failures = {}


@events.request.add_listener
def on_request(name, exception, **_):
    if exception:
        failures.setdefault(name, []).append(str(exception)[:200])


@contextlib.contextmanager
def timed(name):
    start = time.perf_counter()
    yield
    times.setdefault(name, []).append((time.perf_counter() - start) * 1000)


@events.quitting.add_listener
def on_quitting(**_):
    if "LOAD_RESULT" not in os.environ:
        return
    result = {}
    for name, all_ms in times.items():
        all_ms.sort()
        result[name] = {"n": len(all_ms), "mean": sum(all_ms) / len(all_ms), "max": all_ms[-1],
                        "failures": failures.get(name, []),
                        **{f"p{p}": all_ms[min(len(all_ms) - 1, len(all_ms) * p // 100)] for p in (50, 95, 99)}}
    with open(os.environ["LOAD_RESULT"], "w", encoding="utf-8") as f:
        json.dump(result, f)


class Consumer(FastHttpUser):
    wait_time = between(1, 2)

    @task(8)
    def read(self):
        asks = [self.ask_system, self.ask_floor] if FLOOR else [self.ask_system]
        random.shuffle(asks)
        for ask in asks:
            ask()

    def ask_system(self):
        with timed("GET /datos"), self.client.get("/datos", name="GET /datos", catch_response=True) as answer:
            if answer.status_code != 200 or not answer.content.startswith(b'{"datos":['):
                answer.failure(f"{answer.status_code} {answer.text[:100]}")

    def ask_floor(self):
        with timed("floor"), self.client.get(FLOOR, name="floor", catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}")

    @task(2)
    def write(self):
        record = {"id": str(uuid.uuid4()), "contenido": "Prueba de carga",
                  "timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
        headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
        with timed("POST /datos"), self.client.post("/datos", name="POST /datos", json=record, headers=headers, catch_response=True) as answer:
            if answer.status_code != 201:
                answer.failure(f"{answer.status_code} {answer.text[:100]}")

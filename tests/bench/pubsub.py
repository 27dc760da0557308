# SPDX-License-Identifier: Apache-2.0
"""The Pub/Sub emulator against Google's: the same C client against both, round
by round. Without Google's the goals that are ratios to it are left out."""
import glob
import json
import os
import shutil
import statistics
import subprocess
import time
import urllib.error
import urllib.request

from harness import EMULATOR, ROUNDS, compiled, cpu_us, free_port, note, spawn, stop

TOPIC, SUBSCRIPTION = "projects/bench/topics/topic", "projects/bench/subscriptions/sub"
BATCHED, SINGLE, LATENCIES = 200_000, 20_000, 200
BACKLOG = 1_000_000
BATCHES_OVER, SINGLE_OVER = (4, 8), (10, 5)  # connections, streams on each
GOOGLES = "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib/cloud-pubsub-emulator-*.jar"


def googles():
    """Its jar, where the SDK has it."""
    places = [GOOGLES]
    if shutil.which("gcloud"):
        root = os.path.realpath(shutil.which("gcloud"))
        places.append(os.path.join(os.path.dirname(root), "..", "platform", "pubsub-emulator", "lib",
                                   "cloud-pubsub-emulator-*.jar"))
    found = [jar for place in places for jar in glob.glob(place)]
    return found[0] if found and shutil.which("java") else None


def ask(port, method, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method,
                                     data=json.dumps(body).encode() if body is not None else None,
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


class Server:
    def __init__(self, argv, port, seconds=30):
        self.port = port
        self.process = spawn(argv)
        end = time.monotonic() + seconds
        while True:
            try:
                ask(port, "PUT", f"/v1/{TOPIC}", {})
                break
            except (OSError, urllib.error.URLError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.pairs = 0
        self.subscribe()

    def subscribe(self):
        ask(self.port, "PUT", f"/v1/{SUBSCRIPTION}", {"topic": TOPIC, "ackDeadlineSeconds": 600})

    def pair(self):
        """A topic and its subscription, never used: Google's goes on giving
        messages to streams that have ended, by the subscription's name."""
        self.pairs += 1
        topic, name = f"{TOPIC}-{self.pairs}", f"{SUBSCRIPTION}-{self.pairs}"
        ask(self.port, "PUT", f"/v1/{topic}", {})
        ask(self.port, "PUT", f"/v1/{name}", {"topic": topic, "ackDeadlineSeconds": 600})
        return topic, name

    def forget(self):
        """The backlog goes; draining Google's would take minutes. What a server
        has to clear away behind that is not the next measurement's."""
        ask(self.port, "DELETE", f"/v1/{SUBSCRIPTION}")
        self.subscribe()
        time.sleep(0.5)

    def load(self, *argv):
        """Runs the client; its figures, and the server's CPU time in us."""
        program = compiled("pubsub_load", "grpc_load.c", "pubsub_load.c", libraries=["nghttp2"])
        before = cpu_us([self.process.pid])
        out = subprocess.run([program, str(self.port), *map(str, argv)], capture_output=True,
                             text=True, check=False, timeout=200)
        if out.returncode:
            raise SystemExit(f"bench: pubsub_load {argv}: {out.stderr}")
        words = out.stdout.split()
        figures = dict(zip(words[::2], map(float, words[1::2])))
        figures["cpu_us"] = cpu_us([self.process.pid]) - before
        return figures

    def private_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            line = next(line for line in f if line.startswith("RssAnon"))
        return int(line.split()[1]) / 1024

    def stop(self):
        stop(self.process)


def ours(*flags):
    port = free_port()
    return Server([EMULATOR, "--pubsub-port", str(port), "--console-port", "0",
                   "--bigquery-port", "0", *flags], port)


def start_all(folder, servers):
    """Fills `servers` one by one: what has started is the caller's to stop."""
    servers["memory"] = ours("--memory")
    servers["durable"] = ours("--state", os.path.join(folder, "durable"))
    servers["fsync"] = ours("--state", os.path.join(folder, "fsync"), "--fsync")
    jar = googles()
    if jar:
        port = free_port()
        servers["google"] = Server(["java", "-jar", jar, "--host=127.0.0.1", f"--port={port}"], port)


def one_round(server):
    batched = server.load("publish", TOPIC, BATCHED, 100, 150, *BATCHES_OVER)
    server.forget()
    single = server.load("publish", TOPIC, SINGLE, 1, 150, *SINGLE_OVER)
    server.forget()
    late = server.load("latency", *server.pair(), LATENCIES)
    return {"batched": batched["messages_per_s"], "batched_cpu": batched["cpu_us"] / BATCHED,
            "single": single["messages_per_s"],
            "single_cpu": single["cpu_us"] / SINGLE, "p50": late["p50_us"], "p99": late["p99_us"]}


def ratio(rounds, mine, figure):
    return statistics.median(r[mine][figure] / r["google"][figure] for r in rounds)


def tell(rounds, name):
    def middle(figure):
        return statistics.median(r[name][figure] for r in rounds)
    note(f"{name}: batches of 100, messages a second", f"{middle('batched'):,.0f}")
    note(f"{name}: CPU a message, us", f"{middle('batched_cpu'):.2f}")
    note(f"{name}: single calls a second", f"{middle('single'):,.0f}")
    note(f"{name}: CPU a single call, us", f"{middle('single_cpu'):.1f}")
    note(f"{name}: publish to delivery p50 / p99, us", f"{middle('p50'):.0f} / {middle('p99'):.0f}")


def compare(rounds):
    for name, batched in (("durable", 3), ("memory", 6)):
        r = ratio(rounds, name, "batched")
        note(f"{name} / Google's: batches of 100", f"{r:.1f}", f">= {batched}", r >= batched)
        r = ratio(rounds, name, "batched_cpu")
        note(f"{name} / Google's: CPU a message", f"{r:.3f}", "<= 0.125", r <= 0.125)
        r = ratio(rounds, name, "single")
        note(f"{name} / Google's: single calls", f"{r:.1f}", ">= 5", r >= 5)
        r = ratio(rounds, name, "p50")
        note(f"{name} / Google's: publish to delivery p50", f"{r:.2f}", "<= 0.25", r <= 0.25)


def kept(folder):
    """A million messages: what they cost in memory, and that the drain does
    not slow down."""
    for name, server in (("memory", ours("--memory")),
                         ("durable", ours("--state", os.path.join(folder, "backlog")))):
        empty = server.private_mb()
        server.load("publish", TOPIC, BACKLOG, 100, 150, *BATCHES_OVER)
        bytes_each = (server.private_mb() - empty) * 1048576 / BACKLOG
        drained = server.load("drain", SUBSCRIPTION, BACKLOG)
        note(f"{name}: memory a kept message, bytes", f"{bytes_each:.0f}", "< 250", bytes_each < 250)
        note(f"{name}: a million drained, a second", f"{drained['messages_per_s']:,.0f}", ">= 300,000",
             drained["messages_per_s"] >= 300_000)
        note(f"{name}: second half against the first",
             f"{drained['second_half_per_s'] / drained['first_half_per_s']:.2f}")
        server.stop()


def run(folder):
    print("Pub/Sub emulator, 150-byte messages, C client on the other side")
    servers = {}
    try:
        start_all(folder, servers)
        for server in servers.values():  # a JVM's first steps are slow
            server.load("publish", TOPIC, BATCHED, 100, 150, *BATCHES_OVER)
            server.forget()
        rounds = [{name: one_round(server) for name, server in servers.items()}
                  for _ in range(min(ROUNDS, 3))]
    finally:
        for server in servers.values():
            server.stop()
    for name in servers:
        tell(rounds, name)
    if "google" in servers:
        compare(rounds)
    else:
        print("  Google's emulator is not installed: ratios to it are left out")
    kept(folder)

# SPDX-License-Identifier: Apache-2.0
"""What an engine gives a container, as far as a network goes, without an
engine: run this as `unshare --user --map-root-user --net python3 contained.py`
and all ports are free, so that command lines with fixed ports are kept to the
letter. Reads one JSON from standard input: `argv`, `path`, `log` (a pattern of
its output), `ports`, `calls` (method, URL, body); writes the answers as JSON."""
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        flags = struct.unpack("16sh", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))


def is_open(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def call(method, url, body):
    request = urllib.request.Request(url, method=method, headers={"Content-Type": "application/json"},
                                     data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as r:
            return [r.status, json.load(r)]
    except urllib.error.HTTPError as e:
        return [e.code, e.read().decode()]


def main():
    case = json.load(sys.stdin)
    raise_loopback()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(case["argv"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True, env={
                                       "PATH": case["path"] + ":/usr/bin:/bin", "DATOS_BIND": "0.0.0.0"})

        def said():
            return os.pread(log.fileno(), 1 << 20, 0).decode()

        def ready():
            return re.search(case["log"], said(), re.S) and all(map(is_open, case["ports"]))

        end = time.monotonic() + 20
        while not ready() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        answers = [call(*c) for c in case["calls"]] if ready() else []
        # a shell between hands no signal on: its group is told
        os.killpg(process.pid, signal.SIGTERM)
        code = process.wait(20)
        json.dump({"answers": answers, "log": said(), "code": code}, sys.stdout)


main()

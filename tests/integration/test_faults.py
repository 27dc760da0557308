# SPDX-License-Identifier: Apache-2.0
"""Dependencies that hang or refuse for a while: the API goes on, nothing is
refused for their sake, and all is well again afterwards."""
import os
import signal
import sqlite3
import time

import datos


def test_hanging_redis_slows_nobody_down(start):
    system = start("--memory")
    assert system.post(datos.record("r0")).status == 201
    redis = system.ready["pids"]["redis"]
    os.kill(redis, signal.SIGSTOP)
    try:
        for i in range(1, 6):
            started = time.monotonic()
            assert system.post(datos.record(f"r{i}")).status == 201
            assert system.get("/datos").status == 200
            assert time.monotonic() - started < 10
        system.publish(datos.record("r-pub"))
        datos.wait_for(lambda: "r-pub" in system.ids(), 10)
    finally:
        os.kill(redis, signal.SIGCONT)
    want = {f"r{i}" for i in range(6)} | {"r-pub"}
    datos.wait_for(lambda: set(system.ids()) == want, 10)


def test_dead_pub_sub_leaves_the_api_alone(start):
    system = start("--memory", "--store", "sqlite")
    emulator = system.ready["pids"]["emulator"]
    os.kill(emulator, signal.SIGSTOP)
    try:
        assert system.post(datos.record("e1")).status == 201
        assert "e1" in system.ids()
        assert system.get("/health").status == 200
    finally:
        os.kill(emulator, signal.SIGCONT)
    system.publish(datos.record("e2"))
    datos.wait_for(lambda: "e2" in system.ids(), 20)


def test_locked_store_refuses_no_message_and_reads_go_on(start, folder):
    system = start("--state", folder, "--store", "sqlite")
    assert system.post(datos.record("before")).status == 201
    path = os.path.join(folder, "datos.db")
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        system.publish(*[datos.record(f"held-{i}") for i in range(20)])
        end = time.monotonic() + 4
        while time.monotonic() < end:
            answer = system.get("/datos")
            assert answer.status == 200 and "before" in answer.body
            time.sleep(0.2)
        assert not system.pull("datos-dead-letter-subscription")
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    datos.wait_for(lambda: len(system.ids()) == 21, 30)
    assert not system.pull("datos-dead-letter-subscription")


def test_pub_sub_client_sees_messages_again_after_a_hang(start):
    system = start("--memory")
    ingest = system.ready["pids"]["ingest"]
    os.kill(ingest, signal.SIGSTOP)
    system.publish(*[datos.record(f"h{i}") for i in range(10)])
    time.sleep(1)
    assert system.ids() == []
    os.kill(ingest, signal.SIGCONT)
    datos.wait_for(lambda: len(system.ids()) == 10, 30)

# SPDX-License-Identifier: Apache-2.0
"""`datos tail` and `datos doctor` against a running system, and alone."""
import signal
import subprocess

import datos


def environment(system):
    return {"PUBSUB_EMULATOR_HOST": system.ready["pubsub"], "REDIS_URL": system.ready["redis"],
            "DATOS_API_URL": system.ready["api"], "DATOS_ALLOW_MIXED": "1"}


def test_tail_shows_what_is_there_and_what_comes(system):
    system.post(datos.record("before"))
    tail = subprocess.Popen([datos.DATOS, "tail"], stdout=subprocess.PIPE, text=True,
                            env={**datos.clean_environment(), **environment(system)})
    try:
        assert '"id":"before"' in tail.stdout.readline()
        system.publish(datos.record("after"))
        assert '"id":"after"' in tail.stdout.readline()
    finally:
        tail.send_signal(signal.SIGINT)
        assert tail.wait(10) == 0


def test_tail_says_that_nobody_is_there():
    done = datos.run(datos.DATOS, "tail", "--api", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr and "--api" in done.stderr


def test_doctor_finds_a_healthy_system(system, tmp_path):
    done = datos.run(datos.DATOS, "doctor", "--store", f"sqlite:{tmp_path}/d.db",
                     environment=environment(system))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    for what in ("configuration", "schema", "credentials", "topic", "subscription", "clock",
                 "store", "redis"):
        assert any(line.startswith("ok") and what in line for line in done.stdout.splitlines()), \
            done.stdout


def test_doctor_names_what_is_missing(system, tmp_path):
    done = datos.run(datos.DATOS, "doctor", "--store", f"sqlite:{tmp_path}/none/d.db",
                     "--topic", "no-such-topic",
                     environment={**environment(system), "REDIS_URL": "redis://127.0.0.1:9"})
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert any("no-such-topic" in line for line in failed), done.stdout
    assert any("redis" in line and "REDIS_URL" in line for line in failed), done.stdout
    assert any("store" in line for line in failed), done.stdout

# SPDX-License-Identifier: Apache-2.0
"""`datos tail` and `datos doctor` against a running system, and alone."""
import signal
import subprocess

import datos
import pytest


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
        assert tail.wait(30) == 0


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
    assert "could not be asked" not in done.stdout, "the emulator answers testIamPermissions"


def test_doctor_names_what_is_missing(system, tmp_path):
    done = datos.run(datos.DATOS, "doctor", "--store", f"sqlite:{tmp_path}/none/d.db",
                     "--topic", "no-such-topic",
                     environment={**environment(system), "REDIS_URL": "redis://127.0.0.1:9"})
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert any("no-such-topic" in line for line in failed), done.stdout
    assert any("redis" in line and "REDIS_URL" in line for line in failed), done.stdout
    assert any("store" in line for line in failed), done.stdout


@pytest.mark.parametrize("role", ["api", "ingest"])
def test_healthcheck_follows_a_role_up_and_down(start, role):
    system = start("--memory")
    port = system.ready[role].rsplit(":", 1)[1]
    argv = [datos.DATOS, "healthcheck"]
    done = datos.run(*argv, "--port", port)
    assert (done.returncode, done.stdout) == (0, f"ready: port {port}\n"), done
    named = "PORT" if role == "api" else "DATOS_ADMIN_PORT"
    assert datos.run(*argv, environment={named: port, "DATOS_BIND": "0.0.0.0"}).returncode == 0
    assert system.stop() == 0
    done = datos.run(*argv, "--port", port)
    assert done.returncode == 1 and f"port {port}: Connection refused" in done.stderr
    assert done.stderr.count("\n") == 1


def test_healthcheck_without_a_port_is_wrong_usage():
    done = datos.run(datos.DATOS, "healthcheck", environment={"PORT": "0"})
    assert done.returncode == 2 and "--port N" in done.stderr

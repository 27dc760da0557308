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


# What Terraform's modules/system tells each container (tests/cloud holds it to the plan).
COMMON = {"GOOGLE_CLOUD_PROJECT": "datos-local", "DATOS_SYSTEM": "datos", "DATOS_REGION": "us-central1",
          "DATOS_TOPIC": "datos-topic", "DATOS_SUBSCRIPTION": "datos-subscription",
          "DATOS_DEAD_LETTER_TOPIC": "datos-dead-letter", "DATOS_DATASET": "latam_dataset", "DATOS_TABLE": "datos",
          "DATOS_DEAD_LETTER_SUBSCRIPTION": "datos-dead-letter-subscription", "DATOS_ADMIN_PORT": "9091"}
WORKER = {**COMMON, "DATOS_CLOUD": "1", "DATOS_INGEST": "pull"}
API = {**COMMON, "K_SERVICE": "datos-api", "PORT": "8080", "DATOS_INGEST": "off", "DATOS_AUTH": "none"}


def doctor(system, folder, told):
    return datos.run(datos.DATOS, "doctor", "--store", f"sqlite:{folder}/d.db", environment={**environment(system), **told})


@pytest.mark.parametrize("told, role", [(WORKER, "ingest"), (API, "api"), ({**API, "DATOS_INGEST": "push"}, "api")])
def test_doctor_finds_each_role_of_the_cloud_healthy(system, tmp_path, told, role):
    done = doctor(system, tmp_path, told)
    assert done.returncode == 0 and done.stdout.endswith("\nhealthy: 0 fatal, 0 to look at\n"), done.stdout + done.stderr
    assert f"configuration  of datos {role};" in done.stdout


@pytest.mark.parametrize("told, what", [
    ({**API, "DATOS_AUTH": ""}, "DATOS_AUTH must be set"),
    ({**API, "PORT": "9091"}, "PORT and DATOS_ADMIN_PORT"),
    # said in full it is both roles' environment, and held to both
    ({**WORKER, "DATOS_AUTH": "none", "PORT": "9091"}, "PORT and DATOS_ADMIN_PORT"),
    ({**WORKER, "DATOS_INGEST": "off"}, "DATOS_AUTH must be set")])
def test_doctor_holds_settings_to_the_role_they_are_for(system, tmp_path, told, what):
    done = doctor(system, tmp_path, told)
    (failed,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.returncode == 1 and "configuration" in failed and what in failed, done.stdout


def test_doctor_asks_of_a_role_only_what_it_uses(system, tmp_path):
    """The API without ingest needs no subscription; the worker does."""
    missing = {"DATOS_SUBSCRIPTION": "no-such-subscription"}
    done = doctor(system, tmp_path, {**WORKER, **missing})
    assert done.returncode == 1 and "FAIL  subscription" in done.stdout
    done = doctor(system, tmp_path, {**API, **missing})
    assert done.returncode == 0 and "warn  subscription" in done.stdout, done.stdout
    done = doctor(system, tmp_path, {**API, "PUBSUB_EMULATOR_HOST": "127.0.0.1:9"})
    assert done.returncode == 0 and "warn  topic" in done.stdout, done.stdout


def test_config_warns_as_the_role_would(system):
    for told, warned in ((WORKER, False), (API, False), ({**API, "DATOS_AUTH": ""}, True)):
        done = datos.run(datos.DATOS, "config", environment={**environment(system), **told})
        assert done.returncode == 0 and ("DATOS_AUTH must be set" in done.stderr) == warned, done.stderr


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

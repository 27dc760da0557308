# SPDX-License-Identifier: Apache-2.0
"""The command line: help, suggestions, exit codes, settings."""
import socket
import subprocess

import datos
import pytest


def test_no_command_is_wrong_usage_and_lists_the_commands():
    done = datos.run(datos.DATOS)
    assert done.returncode == 2
    for name in ("dev", "api", "ingest", "publish", "config", "version"):
        assert f"\n  {name} " in done.stderr


def test_help_is_well_and_on_standard_output():
    for argv in (["help"], ["--help"], ["-h"]):
        done = datos.run(datos.DATOS, *argv)
        assert done.returncode == 0 and "datos COMMAND" in done.stdout


@pytest.mark.parametrize("name", ["dev", "api", "ingest", "publish", "config", "version"])
def test_each_command_has_help(name):
    done = datos.run(datos.DATOS, name, "--help")
    assert done.returncode == 0 and f"usage: datos {name}" in done.stdout
    assert done.stdout == datos.run(datos.DATOS, "help", name).stdout


@pytest.mark.parametrize("argv, told", [
    (["pubish"], "did you mean publish?"),
    (["zzzzzzzzz"], "datos help"),
    (["api", "--prot", "1"], "did you mean --port?"),
    (["ingest", "--subscripton=x"], "did you mean --subscription?"),
    (["config", "--markdwon"], "did you mean --markdown?"),
    (["publish", "--conut", "1"], "did you mean --count?"),
    (["api", "--port"], "needs a value"),
    (["api", "--port", "x"], "--port=x"),
])
def test_wrong_usage_suggests_the_nearest(argv, told):
    done = datos.run(datos.DATOS, *argv)
    assert done.returncode == 2, done
    assert told in done.stderr


def test_version_names_commit_and_libraries():
    done = datos.run(datos.DATOS, "version")
    assert done.returncode == 0
    assert "commit" in done.stdout and "libevent" in done.stdout and "sqlite" in done.stdout


def test_config_shows_source_and_masks_secrets():
    done = datos.run(datos.DATOS, "config", "--topic", "t",
                     environment={"REDIS_URL": "redis://u:sesame@h:1/0", "DATOS_LOGG": "x"})
    assert done.returncode == 0
    assert "sesame" not in done.stdout + done.stderr
    assert "flag --topic" in done.stdout and "environment" in done.stdout
    assert "DATOS_LOGG" in done.stderr


def test_one_emulator_beside_one_real_service_is_refused():
    for role in ("api", "ingest"):
        done = datos.run(datos.DATOS, role, environment={"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"})
        assert done.returncode == 2
        assert "DATOS_ALLOW_MIXED" in done.stderr


@pytest.mark.parametrize("argv, how, told", [
    (["ingest"], "off", "turned off"),
    (["ingest"], "push", "datos api"),
    (["api", "--with-ingest"], "off", "contradict"),
])
def test_ingest_that_the_settings_turn_off_is_not_started(argv, how, told):
    done = datos.run(datos.DATOS, *argv, environment={
        "DATOS_INGEST": how, "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",
        "BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:1"})
    assert done.returncode == 2
    assert told in done.stderr and len(done.stderr.strip().split("\n")) == 1


@pytest.mark.parametrize("role", ["api", "ingest", "publish", "doctor", "redrive", "dev", "config"])
@pytest.mark.parametrize("name, value, form", [
    ("REDIS_URL", "http://u:sesame@h", "redis://"),
    ("DATOS_BIND", "nowhere", "IP address"),
    ("PUBSUB_EMULATOR_HOST", "8085", "host:port"),
    ("BIGQUERY_EMULATOR_HOST", "https://x", "host:port"),
    ("DATOS_STORE", "mysql:x", "sqlite:PATH"),
    ("GOOGLE_CLOUD_PROJECT", "a/b", "project id"),
])
def test_address_of_no_form_is_wrong_usage_everywhere(role, name, value, form):
    done = datos.run(datos.DATOS, role, environment={name: value})
    assert done.returncode == 2, done
    lines = done.stderr.strip().split("\n")
    assert len(lines) == 1 and name in lines[0] and form in lines[0], lines
    assert "sesame" not in lines[0]


@pytest.mark.parametrize("argv", [["version"], ["config"], ["help"], ["config", "--markdown"], ["api", "--help"]])
def test_lost_output_is_a_failure(argv):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([datos.DATOS, *argv], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=datos.clean_environment(), timeout=20, check=False)
    assert done.returncode == 1
    assert "standard output" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("argv", [["zap"], ["api", "--x"], ["config", "--foo"]])
def test_nothing_far_is_suggested(argv):
    done = datos.run(datos.DATOS, *argv)
    assert done.returncode == 2 and "did you mean" not in done.stderr


def test_config_shows_what_unset_settings_come_to():
    done = datos.run(datos.DATOS, "config")
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["DATOS_CACHE_CHECK_MS"] == ["300000", "derived"]
    assert rows["DATOS_STORE_QPS"] == ["5", "derived"]
    assert rows["DATOS_THREADS"][1] == "derived" and int(rows["DATOS_THREADS"][0]) >= 1


def test_one_port_for_two_is_refused_with_both_names(tmp_path):
    done = datos.run(datos.DATOS, "api", "--port", "7001", "--admin-port", "7001",
                     "--store", f"sqlite:{tmp_path}/x.db",
                     environment={"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"})
    assert done.returncode == 2
    assert "PORT and DATOS_ADMIN_PORT are both 7001" in done.stderr


def test_publish_says_what_it_waits_for_and_what_will_be_refused():
    with socket.socket() as s:  # bound, not listening: refuses
        s.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{s.getsockname()[1]}"
        done = datos.run(datos.DATOS, "publish", "--id", "", "--timestamp", "yesterday",
                         environment={"PUBSUB_EMULATOR_HOST": where})
    assert done.returncode == 1
    assert f"no answer from http://{where} yet" in done.stderr
    assert "--id is empty" in done.stderr and "--timestamp=yesterday" in done.stderr


@pytest.mark.parametrize("command", ["publish", "redrive", "doctor"])
def test_google_is_not_spoken_to_about_the_offline_project(command):
    done = datos.run(datos.DATOS, command, environment={"GCE_METADATA_HOST": "127.0.0.1:1", "HOME": "/nonexistent"})
    assert done.returncode == 1
    assert "GOOGLE_CLOUD_PROJECT is not set" in done.stdout + done.stderr

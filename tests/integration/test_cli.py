# SPDX-License-Identifier: Apache-2.0
"""The command line: help, suggestions, exit codes, settings."""
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

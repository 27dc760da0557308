# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yml as compose's own loader reads it, with every command line
and health check carried to the real programs: flags that they do not know, and
settings that they do not read, are found here and not at the first `up`."""
import json
import os
import re
import signal
import socket
import subprocess

import datos
import pytest
import yaml

from conftest import ROOT, read, run, tool

FILE = os.path.join(ROOT, "docker-compose.yml")
PLAIN = yaml.safe_load(read("docker-compose.yml"))
SERVICES = PLAIN["services"]
OURS = {n: s for n, s in SERVICES.items() if s["image"].startswith("datos")}
PROGRAM = {"datos:local": "datos", "datos-emulator:local": "datos-emulator"}


def program(service):
    return os.path.join(datos.BUILD, "release", PROGRAM[service["image"]])


def interpolated(value):
    """As compose does where nothing is set: ${NAME:-default}."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))


def environment(service):
    return {k: interpolated(v) for k, v in service.get("environment", {}).items()}


def test_composes_own_loader_accepts_the_file():
    model = json.loads(run(tool("compose-check"), "-format", "json", FILE))
    assert set(model["services"]) == set(SERVICES)
    assert model["services"]["api"]["environment"]["PUBSUB_EMULATOR_HOST"] == "emulator:8085"
    for name, service in model["services"].items():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name


def test_plain_up_starts_the_system_and_no_more():
    plain = {n for n, s in SERVICES.items() if not s.get("profiles")}
    assert plain == {"api", "ingest", "emulator", "redis"}
    assert {p for s in SERVICES.values() for p in s.get("profiles", [])} == {"observability", "load", "google-emulator"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_published_on_loopback_only(name):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_health_that_is_told(name):
    service = SERVICES[name]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] == "service_healthy" and "healthcheck" in SERVICES[other]
        # a profile starts what it waits for
        assert set(SERVICES[other].get("profiles", [])) <= set(service.get("profiles", []))
    if service.get("restart") == "unless-stopped":
        assert "healthcheck" in service


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_mounts_is_there(name):
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert os.path.exists(os.path.join(ROOT, source)) and mount.endswith(":ro"), mount
        else:
            assert source in PLAIN["volumes"]
    for config in SERVICES[name].get("configs", []):
        assert config["source"] in PLAIN["configs"]


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_names_its_version(name):
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"datos(-emulator)?:local|[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), image
    assert ":latest" not in image


def test_one_image_has_one_digest():
    pins = {}
    for service in SERVICES.values():
        name, _, digest = service["image"].partition("@")
        assert pins.setdefault(name, digest) == digest, name


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_keeps_no_rights_of_root(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only") or name == "google-emulator"
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)


@pytest.mark.parametrize("name", OURS)
def test_our_images_are_locked_down(name):
    service = OURS[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    dockerfile = os.path.join(ROOT, service["build"]["dockerfile"])
    assert os.path.exists(dockerfile) and "target" not in service["build"]


@pytest.mark.parametrize("name", OURS)
def test_a_command_line_is_one_that_the_program_takes(name, tmp_path):
    """The real program, started as the container starts it but for addresses
    that exist only there, says nothing of unknown flags or settings."""
    service = OURS[name]
    command = [interpolated(c).replace("/state", str(tmp_path / "state")) for c in service["command"]]
    if service["image"] == "datos-emulator:local":
        command += ["--pubsub-port", "0", "--bigquery-port", "0", "--bigquery-grpc-port", "0", "--console-port", "0"]
    else:
        command += ["--port", "0"] if "api" in command else []
    given = {**environment(service), "DATOS_BIND": "127.0.0.1"}
    given = {k: v.replace("emulator:", "127.0.0.1:1").replace("redis:6379", "127.0.0.1:1") if "emulator:" in v or
             "redis:6379" in v else v for k, v in given.items()}
    if "DATOS_ADMIN_PORT" in given:
        given["DATOS_ADMIN_PORT"] = "0"
    log = tmp_path / "log"
    with open(log, "wb") as out:
        process = subprocess.Popen([program(service), *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   cwd=tmp_path, env={**datos.clean_environment(), **given})
    try:
        datos.wait_for(lambda: log.read_text(encoding="utf-8").count("\n") > 0 or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
    finally:
        process.kill()
    text = log.read_text(encoding="utf-8")
    assert code != 2, text
    assert "unknown" not in text.lower(), text


@pytest.mark.parametrize("name", OURS)
def test_a_health_check_is_one_that_the_program_carries_out(name):
    """Nobody listens: the check must say just that, which a wrong word or flag
    (exit 2) would not."""
    words = OURS[name]["healthcheck"]["test"]
    assert words[0] == "CMD" and words[1] == "/usr/local/bin/" + os.path.basename(program(OURS[name]))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        free = str(s.getsockname()[1])
        flag = "--port" if "--port" in words or "datos" == PROGRAM[OURS[name]["image"]] else "--console-port"
        arguments = [w for w in words[2:] if w != "--port" and not w.isdigit()]
        done = datos.run(program(OURS[name]), *arguments, flag, free)
    assert done.returncode == 1 and "not ready" in done.stderr


def test_the_health_check_asks_the_port_that_ingest_opens():
    ingest = SERVICES["ingest"]
    asked = ingest["healthcheck"]["test"][-1]
    assert environment(ingest)["DATOS_ADMIN_PORT"] == asked
    targets = yaml.safe_load(read("terraform", "rules", "prometheus.yml"))["scrape_configs"]
    named = {t for s in targets for c in s["static_configs"] for t in c["targets"]}
    assert f"ingest:{asked}" in named
    assert {t.split(":")[0] for t in named} <= set(SERVICES)


def test_the_load_profile_runs_against_the_real_system():
    flags = SERVICES["load"]["command"][2:]
    flags[flags.index("--seconds") + 1] = "2"
    flags[flags.index("--ramp") + 1] = "50"
    system = datos.System("--memory")
    try:
        flags[flags.index("--url") + 1] = system.api
        out = run(os.path.join(ROOT, "tests", "load", "users.py"), *flags, "--p99-ms", "5000")
    finally:
        system.stop()
    assert re.search(r"^GET /datos +\d+ .*", out, re.M) and re.search(r"^POST /datos +\d+ .*", out, re.M)


def test_the_load_test_fails_where_nobody_answers():
    done = datos.run(os.path.join(ROOT, "tests", "load", "users.py"), "--url", "http://127.0.0.1:1", "--users", "2",
                     "--seconds", "0.5")
    assert done.returncode == 1 and "ConnectionRefusedError" in done.stderr


def test_the_resources_for_googles_emulator_are_made_once():
    system = datos.System("--memory")
    try:
        url = "http://" + system.ready["pubsub"]
        script = os.path.join(ROOT, "tests", "load", "resources.py")
        assert run(script, url, "another-project").count(": made") == 4
        assert run(script, url, "another-project").count(": there") == 4
    finally:
        system.stop()


def test_prometheus_draws_the_console_of_systems(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    rules = os.path.join(ROOT, "terraform", "rules")
    (tmp_path / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules}/datos.rules.yml]\n",
        encoding="utf-8")
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}",
             f"--web.console.templates={rules}/consoles"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        datos.wait_for(lambda: datos.request("GET", f"http://{address}/-/ready").status == 200)
        page = datos.request("GET", f"http://{address}/consoles/datos.html")
    finally:
        process.terminate()
        process.wait(20)
    assert page.status == 200, page.body
    assert "No alert is firing." in page.body and "Nothing scraped yet." in page.body

# SPDX-License-Identifier: Apache-2.0
"""`datos dev` as its user meets it."""
import os
import signal
import socket
import time

import datos
import pytest

DEV = [datos.DATOS, "dev", "--memory", *datos.FREE_PORTS]


def test_tells_addresses_that_work(start):
    system = start("--memory")
    ready, log = system.ready, system.log()
    assert set(ready["pids"]) == {"api", "ingest", "emulator", "redis"}
    assert all(datos.is_alive(p) for p in ready["pids"].values())
    assert f"export PUBSUB_EMULATOR_HOST={ready['pubsub']}" in log
    assert ready["api"] + "/datos" in log
    assert ready["redis"].startswith("unix://")
    assert datos.request("GET", ready["ingest"] + "/readyz").status == 200
    assert system.pubsub("GET", "topics/datos-topic").status == 200
    assert system.get("/health").body == '{"status":"ok"}'


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM])
def test_stops_everything_in_order_and_exits_0(start, signo):
    system = start("--memory")
    pids, redis = system.ready["pids"], system.ready["redis"][len("unix://"):]
    assert system.stop(signo) == 0, system.log()
    assert not any(datos.is_alive(p) for p in pids.values())
    assert not os.path.exists(os.path.dirname(redis)), "the temporary folder stays"
    assert not os.path.exists(system.ready_file)


def test_children_die_with_a_killed_supervisor(start):
    system = start("--memory")
    pids = system.ready["pids"]
    system.process.kill()
    datos.wait_for(lambda: not any(datos.is_alive(p) for p in pids.values()), 5)


@pytest.mark.parametrize("part", ["api", "ingest", "emulator", "redis"])
def test_part_is_restarted_on_its_port_and_the_file_rewritten(start, part):
    system = start("--memory")
    before = system.ready
    assert system.kill(part) < 5
    after = system.ready
    changed = after["pids"].pop(part)
    assert datos.is_alive(changed)
    before["pids"].pop(part)
    assert before == after
    assert f"{part} (pid" in system.log()
    datos.wait_for(lambda: system.get("/health").status == 200)


def test_five_deaths_in_ten_seconds_stop_everything(start):
    system = start("--memory")
    pids = system.ready["pids"]
    for _ in range(4):
        system.kill("ingest")
    os.kill(system.ready["pids"]["ingest"], signal.SIGKILL)
    assert system.process.wait(20) == 1
    assert "5 deaths" in system.log()
    assert not any(datos.is_alive(p) for p in pids.values())


def test_taken_port_is_one_line_with_its_owner():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = datos.run(datos.DATOS, "dev", "--memory", *datos.FREE_PORTS, "--api-port", str(port))
    assert done.returncode == 1
    assert len(done.stderr.strip().split("\n")) == 1
    assert f"port {port}" in done.stderr and f"pid {os.getpid()}" in done.stderr


def test_second_one_on_the_same_state_is_refused(start, folder):
    system = start("--state", folder)
    done = datos.run(datos.DATOS, "dev", "--state", folder, *datos.FREE_PORTS)
    assert done.returncode == 1
    assert folder in done.stderr and str(system.process.pid) in done.stderr


def test_command_runs_with_the_environment_and_its_code_is_returned():
    script = 'test -n "$PUBSUB_EMULATOR_HOST" && echo "host=$PUBSUB_EMULATOR_HOST" && exit 7'
    done = datos.run(*DEV, "--", "sh", "-c", script)
    assert done.returncode == 7, done.stderr
    assert done.stdout.startswith("host=127.0.0.1:"), "standard output is the command's own"


def test_command_is_told_of_signals(start):
    system = start("--memory", command=["sh", "-c", 'trap "exit 9" TERM; sleep 60 & wait'])
    time.sleep(0.2)  # the shell sets its trap
    assert system.stop(signal.SIGTERM) == 9


def test_deaf_command_and_its_children_are_killed_in_time(start, tmp_path):
    child = tmp_path / "child"
    script = f'trap "" TERM INT; sleep 600 & echo $! >{child}; while :; do sleep 1; done'
    system = start("--memory", command=["sh", "-c", script])
    datos.wait_for(lambda: child.exists() and child.read_text().strip())
    os.kill(system.process.pid, signal.SIGTERM)
    assert system.process.wait(30) == 128 + signal.SIGKILL
    assert "the command" in system.log() and "killing it" in system.log()
    assert not datos.is_alive(int(child.read_text()))


def test_free_ports_let_systems_live_side_by_side():
    script = 'echo "$DATOS_API_URL $PUBSUB_EMULATOR_HOST $BIGQUERY_EMULATOR_HOST"'
    taken = [socket.socket() for _ in range(2)]
    try:
        for s, port in zip(taken, (8080, 4000)):
            try:
                s.bind(("127.0.0.1", port))
                s.listen()
            except OSError:
                pass  # somebody else's: as good
        done = datos.run(datos.DATOS, "dev", "--memory", "--free-ports", "--", "sh", "-c", script)
    finally:
        for s in taken:
            s.close()
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 3
    assert not any(a.endswith((":8080", ":8085", ":9050")) for a in done.stdout.split())


def test_project_of_the_environment_reaches_every_part(start):
    system = start("--memory", environment={"GOOGLE_CLOUD_PROJECT": "other-project"})
    body = {"messages": [{"data": datos.base64.b64encode(b'{"id":"p","timestamp":"2025-01-14T10:00:00Z"}').decode()}]}
    url = f"http://{system.ready['pubsub']}/v1/projects/other-project/topics/datos-topic:publish"
    assert datos.request("POST", url, body).status == 200
    datos.wait_for(lambda: "p" in system.ids())
    assert "export GOOGLE_CLOUD_PROJECT=other-project" in system.log()


def test_another_project_starts_on_the_state_of_the_first(start, folder):
    assert start("--state", folder).stop() == 0
    system = start("--state", folder, "--project", "second-project")
    topic = f"http://{system.ready['pubsub']}/v1/projects/second-project/topics/datos-topic"
    assert datos.request("GET", topic).status == 200


def test_settings_that_are_not_used_are_named(start):
    system = start("--memory", environment={"DATOS_BIND": "0.0.0.0", "REDIS_URL": "redis://127.0.0.1:1"})
    assert "not used here" in system.log() and "DATOS_BIND, REDIS_URL" in system.log()


@pytest.mark.parametrize("part", ["api", "ingest", "emulator"])
def test_hangup_drains_like_terminate(start, part):
    system = start("--memory")
    old = system.ready["pids"][part]
    system.kill(part, signal.SIGHUP)
    assert f"{part} (pid {old}) ended with exit code 0" in system.log()


def test_no_ingest_when_it_is_off(start):
    system = start("--memory", environment={"DATOS_INGEST": "off"})
    assert "ingest" not in system.ready and "ingest" not in system.ready["pids"]
    assert system.post(datos.record("posted")).status == 201
    assert "ingest     off" in system.log()


@pytest.mark.parametrize("auth", ["jwt", "none"])
def test_push_is_set_up_and_outlives_kills(start, auth):
    system = start("--memory", environment={"DATOS_INGEST": "push", "DATOS_PUSH_AUTH": auth})
    assert "ingest" not in system.ready["pids"] and system.ready["ingest"] == system.ready["api"]
    system.publish(datos.record("pushed"))
    datos.wait_for(lambda: "pushed" in system.ids())
    metrics = datos.request("GET", system.api + "/metrics").body
    # nothing is pulled, so nothing is known: a 0 would page for ever
    assert 'dependency="store"} 1' in metrics and 'dependency="pubsub"' not in metrics
    bare = datos.request("POST", system.api + "/pubsub/push", {"message": {"data": "e30="}})
    assert bare.status == (401 if auth == "jwt" else 204)
    for part in ("emulator", "api"):  # without a state the emulator forgets where it pushes
        system.kill(part)
        datos.wait_for(lambda: f"{part} is back" in system.log())
        system.publish(datos.record("after-" + part))
        datos.wait_for(lambda: "after-" + part in system.ids(), 30)


def test_push_and_pull_by_turns_over_one_state(start, folder):
    for turn, how in enumerate(("push", "pull", "push")):
        system = start("--state", folder, environment={"DATOS_INGEST": how})
        system.publish(datos.record(f"turn-{turn}"))
        datos.wait_for(lambda: len(system.ids()) == turn + 1, 30)
        assert system.stop() == 0


def test_missing_command_is_127():
    done = datos.run(*DEV, "--", "no-such-program-here")
    assert done.returncode == 127 and "no-such-program-here" in done.stderr


def test_goes_without_redis(start):
    system = start("--memory", "--no-redis")
    assert "redis" not in system.ready and "redis" not in system.ready["pids"]
    system.publish(datos.record("plain"))
    datos.wait_for(lambda: "plain" in system.ids())
    assert system.post(datos.record("plain-2")).status == 201
    datos.wait_for(lambda: "plain-2" in system.ids())


def test_state_is_kept_and_memory_is_not(start, folder):
    system = start("--state", folder)
    system.publish(datos.record("kept"))
    datos.wait_for(lambda: "kept" in system.ids())
    assert system.stop() == 0
    again = start("--state", folder)
    assert again.ids() == ["kept"]
    other = start("--memory")
    assert other.ids() == []


def test_long_state_path_still_gets_a_socket(start, tmp_path):
    system = start("--state", str(tmp_path / ("long" * 30)))
    assert system.get("/health").status == 200


@pytest.mark.parametrize("flags, told", [
    (["--api-prot", "1"], "did you mean --api-port"),
    (["--api-port", "70000"], "65535"),
    (["--memory", "--state", "x"], "contradict"),
    (["--store", "mysql"], "bigquery or sqlite"),
    (["--port", "1"], "--api-port"),
    (["stray"], "stray"),
    (["--api-port", "4000"], "--api-port and --console-port are both 4000"),
    (["--project", "no/such"], "--project=no/such: must be a project id"),
])
def test_wrong_usage_is_one_line_and_2(flags, told):
    done = datos.run(datos.DATOS, "dev", *flags)
    assert done.returncode == 2
    assert told in done.stderr and len(done.stderr.strip().split("\n")) == 1


def test_missing_redis_is_said_with_its_package(tmp_path):
    done = datos.run(*DEV, environment={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "apt-get install redis-server" in done.stderr and "--no-redis" in done.stderr


def test_part_that_hangs_is_said_and_left_alive():
    system = datos.System("--memory", "--store", "sqlite")
    pid = system.ready["pids"]["ingest"]
    os.kill(pid, signal.SIGSTOP)
    try:
        datos.wait_for(lambda: f"ingest (pid {pid}) has not answered" in system.log(), 30)
    finally:
        os.kill(pid, signal.SIGCONT)
    datos.wait_for(lambda: f"ingest (pid {pid}) answers again" in system.log(), 10)
    assert system.stop() == 0

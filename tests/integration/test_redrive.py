# SPDX-License-Identifier: Apache-2.0
"""`datos redrive`: refused messages go back to the topic, once a run."""
import datos


def redrive(system, *flags):
    environment = {"PUBSUB_EMULATOR_HOST": system.ready["pubsub"]}
    return datos.run(datos.DATOS, "redrive", *flags, environment=environment)


def backlog(system):
    """Refused messages that nobody has taken, as ingest's metric counts them."""
    text = datos.request("GET", system.ready["ingest"] + "/metrics").body
    line = next((x for x in text.splitlines()
                 if x.startswith("datos_ingest_messages_total{") and 'outcome="rejected"' in x), "0")
    return int(float(line.rsplit(" ", 1)[1]))


def test_letters_go_back_with_their_attributes_and_a_count(start):
    system = start("--memory")
    answer = system.pubsub("POST", "topics/datos-dead-letter:publish", {"messages": [{
        "data": "eyJpZCI6IjEiLCJjb250ZW5pZG8iOiJ4IiwidGltZXN0YW1wIjoiMjAyNS0wMS0xNFQxMDowMDowMFoifQ==",
        "attributes": {"datos-error": "rejected", "datos-error-detail": "y",
                       "datos-source-message-id": "7", "own": "kept"}}]})
    assert answer.status == 200
    done = redrive(system)
    assert (done.returncode, done.stderr) == (0, "")
    assert "redrove 1 message to projects/datos-local/topics/datos-topic" in done.stdout
    datos.wait_for(lambda: "1" in system.ids())
    assert system.pull("datos-dead-letter-subscription") == []


def test_what_is_refused_again_waits_for_the_next_run(start):
    system = start("--memory")
    system.publish("no json", '{"id":"only"}')
    datos.wait_for(lambda: backlog(system) == 2)
    done = redrive(system, "--reason", "malformed")
    assert "redrove 1 message to" in done.stdout and done.returncode == 0, done.stdout + done.stderr
    assert "2 left where they are" in done.stdout
    datos.wait_for(lambda: backlog(system) == 3)


def test_the_count_goes_up_with_each_run(start):
    system = start("--memory")
    system.publish("no json")
    datos.wait_for(lambda: backlog(system) == 1)
    answer = system.dead_letters()[0]
    answer["attributes"]["datos-redrive-count"] = "4"
    for name in ("messageId", "publishTime"):
        answer.pop(name, None)
    system.pubsub("POST", "topics/datos-dead-letter:publish", {"messages": [answer]})
    assert "redrove 1 message to" in redrive(system, "--limit", "1").stdout
    datos.wait_for(lambda: backlog(system) == 2)
    again = system.dead_letters()[0]["attributes"]
    assert again["datos-redrive-count"] == "5"
    assert again["datos-error"] == "malformed"


def test_dry_run_moves_nothing(start):
    system = start("--memory")
    system.publish('{"id":"only"}')
    datos.wait_for(lambda: backlog(system) == 1)
    done = redrive(system, "--dry-run")
    assert "1 message would go to" in done.stdout
    assert "schema  timestamp  is required" in done.stdout
    assert backlog(system) == 1 and system.ids() == []
    assert "redrove 1 message to" in redrive(system).stdout


def test_wrong_use_and_no_service_are_one_line():
    done = datos.run(datos.DATOS, "redrive", "--reason", "nonsense")
    assert done.returncode == 2 and "must be malformed" in done.stderr
    done = datos.run(datos.DATOS, "redrive", environment={"PUBSUB_EMULATOR_HOST": "127.0.0.1:9"})
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr

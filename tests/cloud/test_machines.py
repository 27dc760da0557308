# SPDX-License-Identifier: Apache-2.0
"""The virtual machine and the container to develop in: what they ask for, their
provisioning as shells and nftables read it, the same ports everywhere."""
import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from conftest import ROOT, read, run

PORTS = [4000, 8080, 8085, 9050, 9060]
needs_ruby = pytest.mark.skipif(not shutil.which("ruby"), reason="ruby is not installed")


@pytest.fixture(scope="module", name="machine")
def machine_():
    return json.loads(run("ruby", os.path.join(ROOT, "tests", "cloud", "vagrant.rb"), "Vagrantfile",
                          environment={"DATOS_MEMORY_MB": "3072", "DATOS_CPUS": "3"}))


def scripts(machine):
    return {name: options["inline"] for (name, options) in machine["provision"]}


@needs_ruby
def test_ruby_reads_the_vagrantfile():
    assert "Syntax OK" in run("ruby", "-wc", "Vagrantfile")


@pytest.mark.skipif(not shutil.which("vagrant"), reason="vagrant is not installed")
def test_vagrant_reads_the_vagrantfile(tmp_path):
    assert "validated successfully" in run("vagrant", "validate", "--ignore-provider", environment={
        "VAGRANT_DOTFILE_PATH": str(tmp_path), "VAGRANT_HOME": str(tmp_path / "home")})


@needs_ruby
def test_each_port_is_forwarded_from_the_hosts_loopback(machine):
    forwarded = [options for kind, options in machine["network"] if kind == "forwarded_port"]
    assert sorted(o["guest"] for o in forwarded) == PORTS
    assert all(o["host"] == o["guest"] and o["host_ip"] == "127.0.0.1" for o in forwarded)


@needs_ruby
def test_each_provider_has_the_size_that_was_asked_for(machine):
    sizes = {}
    for name, own, _ in machine["provider"]:
        own = {**own, **own.get("vmx", {})}
        sizes[name] = (int(own.get("memory") or own["memsize"]), int(own.get("cpus") or own["numvcpus"]))
    assert sizes == dict.fromkeys(("virtualbox", "vmware_desktop", "parallels", "libvirt"), (3072, 3))


@needs_ruby
def test_the_machine_is_prepared_by_the_same_script(machine):
    assert "cd /datos && tests/prepare test" in scripts(machine)["packages"]
    assert machine["box"] == "bento/debian-12"
    assert [".", "/datos"] in machine["synced_folder"]


@needs_ruby
@pytest.mark.parametrize("name", ["packages", "ports"])
def test_provisioning_is_a_script_that_shells_read(machine, name, tmp_path):
    file = tmp_path / "provision.sh"
    file.write_text(scripts(machine)[name], encoding="utf-8")
    run("bash", "-n", str(file))
    assert file.read_text(encoding="utf-8").startswith("set -e\n")


@needs_ruby
def test_what_arrives_is_sent_to_the_guests_loopback(machine, tmp_path):
    """`datos dev` listens on loopback alone, so a forwarded port would find
    nobody without these rules."""
    script = scripts(machine)["ports"]
    rules = re.search(r"<<'RULES'\n(.*?)^RULES$", script, re.S | re.M).group(1)
    assert "route_localnet = 1" in script
    for port in PORTS:
        assert len(re.findall(rf"\b{port}\b", rules)) == 2
    if not shutil.which("nft"):
        return
    file = tmp_path / "nftables.conf"
    file.write_text(rules, encoding="utf-8")
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
        run(*namespace, "nft", "-c", "-f", str(file))


def test_the_devcontainer_prepares_and_forwards_the_same():
    config = json.loads(read(".devcontainer", "devcontainer.json"))
    assert sorted(config["forwardPorts"]) == PORTS
    assert sorted(map(int, config["portsAttributes"])) == PORTS
    assert config["postCreateCommand"] == "make prepare && make all"
    dockerfile = read(".devcontainer", config["build"]["dockerfile"])
    assert re.search(r"^FROM \S+@sha256:[0-9a-f]{64}$", dockerfile, re.M)
    assert f"USER {config['remoteUser']}\n" in dockerfile
    assert "sudo" in dockerfile  # tests/prepare asks for it


def test_one_debian_is_the_base_of_all():
    text = "".join(read(*f) for f in (("src", "Dockerfile"), ("emulator", "Dockerfile"),
                                      (".devcontainer", "Dockerfile"), (".github", "workflows", "ci.yml")))
    assert len(set(re.findall(r"debian:12-slim@sha256:([0-9a-f]{64})", text))) == 1


def test_compose_publishes_the_same_ports():
    services = yaml.safe_load(read("docker-compose.yml"))["services"]
    assert sorted(int(p.rsplit(":", 1)[1]) for n in ("api", "emulator") for p in services[n]["ports"]) == PORTS


@pytest.mark.parametrize("purpose,frugal,mb", [("run", "false", 190), ("test", "false", 3375), ("test", "true", 1615)])
def test_a_full_disk_is_one_line_before_anything_is_built(tmp_path, purpose, frugal, mb):
    build = tmp_path / "build"
    (tmp_path / "df").write_text("#!/bin/sh\nprintf 'Filesystem\\n/dev/x 9 9 %s 9%% /\\n' \"$FREE\"\n", encoding="ascii")
    (tmp_path / "df").chmod(0o755)

    def prepare(free):
        return subprocess.run([os.path.join(ROOT, "tests", "prepare"), purpose], capture_output=True, text=True, timeout=60, check=False, env={
            **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "BUILD": str(build), "CI": "false", "DATOS_FRUGAL": frugal, "FREE": free})
    done = prepare(str(mb - 1))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"prepare: {build} has {mb - 1} MB free, make {purpose} needs {mb} MB more: "
                           "free some, or build elsewhere with BUILD=/elsewhere\n")
    assert os.listdir(build) == []
    if purpose == "run":  # that much is enough
        assert prepare(str(mb)).returncode == 0
        (build / "release").mkdir()  # what is there is not asked for again
        (build / "release" / "object").write_bytes(b"x" * (5 << 20))
        assert prepare(str(mb - 5)).returncode == 0

# SPDX-License-Identifier: Apache-2.0
"""The provider's lock file: who writes it, and that a check never goes around it."""
import os
import shutil
import subprocess

import pytest

from conftest import ROOT

# writes its words to a file; has no network
FAKE = """#!/bin/sh
echo "$*" >>"$CALLS"
"""


def make(tmp_path, target, locked=()):
    """What terraform was asked."""
    for folder in ("terraform", "terraform/local"):
        os.makedirs(tmp_path / folder, exist_ok=True)
    for folder in locked:
        (tmp_path / folder / ".terraform.lock.hcl").write_text("", encoding="utf-8")
    shutil.copy(os.path.join(ROOT, "Makefile"), tmp_path)
    fake = tmp_path / "fake"
    fake.write_text(FAKE, encoding="utf-8")
    fake.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(["make", "-C", str(tmp_path), target, f"TERRAFORM={fake}"], timeout=60, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**environment, "CALLS": str(tmp_path / "calls")})
    assert done.returncode == 0, done.stdout
    return (tmp_path / "calls").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("locked", [(), ("terraform",), ("terraform", "terraform/local")])
def test_a_check_takes_no_provider_but_the_locked_one(tmp_path, locked):
    inits = [c for c in make(tmp_path, "terraform-check", locked) if " init " in c]
    assert len(inits) == 2
    for call in inits:
        folder = call.split()[0].removeprefix("-chdir=")
        assert ("-lockfile=readonly" in call.split()) == (folder in locked), call


def test_the_lock_holds_for_every_machine_that_plans(tmp_path):
    calls = make(tmp_path, "terraform-lock")
    assert calls[0] == "-chdir=terraform get", "modules first: providers lock reads them"
    words = calls[1].split()
    assert words[:3] == ["-chdir=terraform", "providers", "lock"]
    for platform in ("linux_amd64", "linux_arm64", "darwin_arm64", "windows_amd64"):
        assert f"-platform={platform}" in words


def test_a_lock_file_would_be_committed():
    done = subprocess.run(["git", "check-ignore", "-q", "terraform/.terraform.lock.hcl"], cwd=ROOT, check=False, timeout=20)
    assert done.returncode != 0, ".gitignore keeps the lock file out"

# SPDX-License-Identifier: Apache-2.0
"""What the tests of infrastructure and delivery share: where things lie, and
how a tool that tests/prepare fetched into the build folder is called."""
import os
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import datos  # noqa: E402

TOOLS = os.path.join(datos.BUILD, "cloud")


def run(*argv, folder=ROOT, environment=None, seconds=120):
    """The command's output, standard error included; fails with it."""
    done = subprocess.run(argv, cwd=folder, env={**os.environ, **(environment or {})}, timeout=seconds,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}"
    return done.stdout


def absent(kind, reason):
    """Skips the test, or fails it where DATOS_TEST_MUST (words: terraform, tools)
    says that what is missing was meant to be there."""
    if kind in os.environ.get("DATOS_TEST_MUST", "").split():
        pytest.fail(f"DATOS_TEST_MUST names {kind}, but {reason}", pytrace=False)
    pytest.skip(reason)


def tool(name):
    """Path of a fetched tool; the test is skipped, loudly, where it is not."""
    for folder in ("venv/bin", "bin"):
        path = os.path.join(TOOLS, folder, name)
        if os.access(path, os.X_OK):
            return path
    return absent("tools", f"{name} could not be fetched: see {datos.BUILD}/cloud*.log")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()

# SPDX-License-Identifier: Apache-2.0
"""Fixtures: `system` is one `datos dev --memory` that the tests of a file
share; `start` makes others, which are stopped and checked at the end."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import datos  # noqa: E402


@pytest.fixture(scope="module")
def system():
    s = datos.System("--memory")
    yield s
    assert s.stop() == 0, s.log()


@pytest.fixture
def start():
    made = []

    def make(*flags, **more):
        made.append(datos.System(*flags, **more))
        return made[-1]
    yield make
    for s in made:
        s.stop()


@pytest.fixture
def folder(tmp_path):
    """A state folder with a short name: sockets lie in it."""
    return str(tmp_path / "state")

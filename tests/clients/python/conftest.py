# SPDX-License-Identifier: Apache-2.0
"""These tests run inside `datos dev -- ...` (see tests/run), which sets the
environment that the official clients read."""
import json
import os
import time
import urllib.request

import pytest


@pytest.fixture
def project():
    return os.environ["GOOGLE_CLOUD_PROJECT"]


@pytest.fixture
def row():
    """Waits for the row of one id."""
    def ask(ident, seconds=20):
        url = f"{os.environ['DATOS_API_URL']}/datos?id={ident}"
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with urllib.request.urlopen(url, timeout=5) as answer:
                rows = json.load(answer)["datos"]
            if rows:
                assert len(rows) == 1
                return rows[0]
            time.sleep(0.005)
        raise AssertionError(f"{ident} does not appear at {url}")
    return ask

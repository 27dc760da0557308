# SPDX-License-Identifier: Apache-2.0
"""/docs in a real Chromium: it shows what is served, asks for nothing else, and
its console stays empty."""
import json
import re
import shutil
import subprocess

import apis
import datos
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture
def bench():
    b = apis.Bench()
    yield b
    b.close()


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed: /docs was not opened in a browser")
def test_page_in_a_real_browser(bench, tmp_path):
    api = bench.api()
    log = tmp_path / "net.json"
    shown = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'user'}", "--enable-logging=stderr", f"--log-net-log={log}",
         "--dump-dom", api.url + "/docs"], capture_output=True, text=True, timeout=90, check=True)
    assert "CONSOLE" not in shown.stderr, shown.stderr
    text = re.sub(r"<[^>]+>", " ", shown.stdout)
    served = datos.request("GET", api.url + "/openapi.json").json()["paths"]
    for path in served:
        assert path in text, path
    assert "/pubsub/push" not in text, "is not served without DATOS_INGEST=push"
    asked = set(re.findall(r'"url":"(https?://[^"]+)"', log.read_text(encoding="utf-8")))
    mine = {u for u in asked if u.startswith(api.url)}
    assert mine <= {api.url + "/docs", api.url + "/"}, mine
    # the browser's own errands (time, updates) are Google's; the page has none
    strange = {u for u in asked - mine if not re.match(r"https?://([a-z0-9-]+\.)*google(apis)?\.com/", u)}
    assert not strange, json.dumps(sorted(strange))

# SPDX-License-Identifier: Apache-2.0
"""The emulator's own key: made at first use, kept with the state, shown where verifiers look."""
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import datos
import emulator
import pytest


def documents(base):
    found = json.loads(datos.request("GET", base + "/.well-known/openid-configuration").body)
    keys = json.loads(datos.request("GET", found["jwks_uri"]).body)["keys"]
    return found, keys


def test_discovery_leads_to_the_key():
    e = emulator.Emulator()
    try:
        found, keys = documents(e.console)
        assert found["issuer"] == "https://accounts.google.com"
        assert found["jwks_uri"].startswith(e.console + "/")
        key, = keys
        assert (key["kty"], key["alg"], key["use"], key["e"]) == ("RSA", "RS256", "sig", "AQAB")
        assert len(key["kid"]) == 40 and len(key["n"]) == 342
        assert documents(e.console)[1] == keys
        same = json.loads(datos.request("GET", e.console + "/.well-known/jwks.json").body)
        assert same["keys"] == keys
    finally:
        assert e.stop() == 0


def test_issuer_can_be_named():
    e = emulator.Emulator("--oidc-issuer", "http://127.0.0.1:4000")
    try:
        assert documents(e.console)[0]["issuer"] == "http://127.0.0.1:4000"
    finally:
        assert e.stop() == 0


def test_key_survives_kill_and_stays_private(tmp_path):
    state = tmp_path / "state"
    e = emulator.Emulator("--state", str(state))
    try:
        assert not (state / "identity.pem").exists(), "made before anybody asked"
        keys = documents(e.console)[1]
        file = state / "identity.pem"
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        e.kill()
        e.start()
        assert documents(e.console)[1] == keys
    finally:
        assert e.stop() == 0


def test_many_ask_at_once_for_a_key_that_is_not_there_yet():
    e = emulator.Emulator()
    try:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: json.dumps(documents(e.console)[1]), range(40)))
        assert len(set(answers)) == 1
    finally:
        assert e.stop() == 0


@pytest.mark.parametrize("text", ["", "no key\n"])
def test_damaged_key_is_named_and_the_rest_works(tmp_path, text):
    state = tmp_path / "state"
    state.mkdir()
    (state / "identity.pem").write_text(text)
    e = emulator.Emulator("--state", str(state))
    try:
        answer = datos.request("GET", e.console + "/oauth2/v3/certs")
        assert answer.status == 503
        assert str(state / "identity.pem") in answer.body and "remove it" in answer.body
        assert e.rest("GET", "topics/datos-topic").status in (200, 404)
    finally:
        assert e.stop() == 0

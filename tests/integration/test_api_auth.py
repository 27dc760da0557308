# SPDX-License-Identifier: Apache-2.0
"""POST behind DATOS_AUTH=jwt: who passes, who does not, the corpus of known
attacks, keys that change under load."""
import base64
import hashlib
import hmac
import json
import threading
import time

import apis
import datos
import pytest
import tokens


@pytest.fixture(scope="module")
def world():
    class World:
        pass
    w = World()
    w.rsa, w.ec, w.other = tokens.Key("r1"), tokens.Key("e1", "ES256"), tokens.Key("r1")
    w.issuer = tokens.Issuer(w.rsa, w.ec)
    w.bench = apis.Bench()
    w.api = w.bench.api("--threads", "2", environment=settings(w.issuer.url))
    w.n = 0
    yield w
    w.bench.close()
    w.issuer.close()


def settings(url):
    return {"DATOS_AUTH": "jwt", "DATOS_JWT_ISSUER": "https://issuer.example", "DATOS_JWT_AUDIENCE": "datos",
            "DATOS_JWT_JWKS_URL": url}


def post(world, token, scheme="Bearer "):
    world.n += 1
    headers = {} if token is None else {"Authorization": scheme + token}
    return world.api.post(datos.record(f"auth-{world.n}"), **headers)


def refused(answer, status=401):
    assert answer.status == status, answer.body
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer


@pytest.mark.parametrize("more", [{}, {"aud": ["x", "datos"]}, {"nbf": int(time.time()) - 5}, {"exp": time.time() + 60.5},
                                  {"more": {"a": [1, {"b": None}]}}])
def test_good_tokens_pass(world, more):
    for key in (world.rsa, world.ec):
        assert post(world, key.token(tokens.claims(**more))).status == 201
        assert post(world, key.token(tokens.claims(**more)), "bearer ").status == 201
    assert post(world, world.rsa.token(tokens.claims(), {"kid": None})).status == 201, "one key fits without an id"


def test_reading_stays_open(world):
    assert world.api.get().status == 200 and world.api.get("/datos?limit=1").status == 200


@pytest.mark.parametrize("token, scheme", [(None, ""), ("", "Bearer"), ("", "Bearer "), ("dTpw", "Basic "), ("x y", "Bearer "),
                                           ("a, Bearer b", "Bearer ")])
def test_no_token_is_401_without_an_error_code(world, token, scheme):
    answer = refused(post(world, token, scheme))
    assert "error=" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("more", [
    {"exp": int(time.time()) - 1}, {"exp": None}, {"exp": "9999999999"}, {"nbf": int(time.time()) + 3600},
    {"iat": int(time.time()) + 3600}, {"iss": "https://issuer.example/"}, {"iss": None}, {"iss": ["https://issuer.example"]},
    {"aud": "datos2"}, {"aud": None}, {"aud": []}, {"aud": {"datos": 1}}, {"aud": ["x", 1, "datos"]}])
def test_claims_that_do_not_hold(world, more):
    answer = refused(post(world, world.rsa.token(tokens.claims(**more))))
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def unsigned(header, claims=None):
    return tokens.b64(header) + "." + tokens.b64(claims or tokens.claims()) + "."


def hs256(world, secret):
    text = tokens.b64({"alg": "HS256", "kid": "r1"}) + "." + tokens.b64(tokens.claims())
    return text + "." + tokens.b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def tampered(world):
    head, body, sig = world.rsa.token(tokens.claims()).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return ".".join((head, tokens.b64({**claims, "sub": "admin"}), sig))


def swapped(world):
    """ES256's name on an RSA signature, and the other way round."""
    return [world.rsa.token(tokens.claims(), {"alg": "ES256"}), world.ec.token(tokens.claims(), {"alg": "RS256"}),
            world.ec.token(tokens.claims(), {"kid": "r1"}), world.rsa.token(tokens.claims(), {"kid": "e1"})]


def test_attacks(world):
    good = world.rsa.token(tokens.claims())
    head, body, sig = good.split(".")
    zero = tokens.b64({"alg": "ES256", "kid": "e1"}) + "." + tokens.b64(tokens.claims())
    attacks = [
        unsigned({"alg": "none"}), unsigned({"alg": "None"}), unsigned({"alg": "nOnE", "kid": "r1"}),
        unsigned({"alg": "none"}) + sig, unsigned({"alg": "RS256", "kid": "r1"}), unsigned({"kid": "r1"}),
        hs256(world, world.rsa.public_pem()), hs256(world, b""), hs256(world, world.rsa.jwk()["n"].encode()),
        tampered(world), *swapped(world),
        world.other.token(tokens.claims()),
        world.other.token(tokens.claims(), {"jwk": world.other.jwk()}),
        world.other.token(tokens.claims(), {"jku": world.issuer.url, "kid": "../../../../dev/null"}),
        world.other.token(tokens.claims(), {"x5u": world.issuer.url}),
        world.rsa.token(tokens.claims(), {"kid": "r1' OR '1'='1"}),
        world.rsa.token(tokens.claims(), {"kid": "r1\u0000"}), world.rsa.token(tokens.claims(), {"kid": 1}),
        world.rsa.token(tokens.claims(), {"crit": ["b64"], "b64": False}),
        world.rsa.token(tokens.claims(), {"alg": "RS512"}), world.rsa.token(tokens.claims(), {"alg": "PS256"}),
        world.rsa.token(tokens.claims(), {"alg": ["RS256"]}),
        zero + "." + tokens.b64(b"\0" * 64), zero + "." + tokens.b64(b"\0" * 63 + b"\1"), zero + "." + tokens.b64(b"\xff" * 64),
        zero + "." + tokens.b64(b"\0" * 10),
        good + ".x", good[:-4], good + "=", good.replace(".", "..", 1), head + "." + body, "." + body + "." + sig,
        "..", ".", "x", "a.b.c", good + "\u00e9".encode().decode("latin-1"), "x" * 9000,
        head + "." + tokens.b64('{"iss":"a","iss":"https://issuer.example"}') + "." + sig,
    ]
    for i, token in enumerate(attacks):
        answer = post(world, token)
        assert answer.status == 401, (i, token[:80], answer.body)
        refused(answer)
    assert post(world, good).status == 201, "and the good one still passes"


def test_refused_post_stores_nothing(world):
    refused(world.api.post(datos.record("never"), Authorization="Bearer x.y.z"))
    refused(world.api.post("not even json"))
    assert world.api.get("/datos/never").status == 404


def test_openapi_tells_of_the_token(world):
    document = world.api.get("/openapi.json").json()
    assert document["paths"]["/datos"]["post"]["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_keys_rotate_under_load(world):
    stop, bad, done = threading.Event(), [], []
    current = [world.rsa]

    def work(k):
        n = 0
        while not stop.is_set():
            token = current[0].token(tokens.claims())
            answer = world.api.post(datos.record(f"rot-{k}-{n}"), Authorization="Bearer " + token)
            (done if answer.status == 201 else bad).append(answer.status)
            n += 1
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    fresh = []
    try:
        for i in range(2):
            datos.wait_for(lambda: len(done) > 30 * (i + 1), 20)
            fresh.append(tokens.Key(f"new{i}", "RS256" if i else "ES256"))
            world.issuer.keys = [world.rsa, world.ec, *fresh]
            current[0] = fresh[-1]
        n = len(done)
        datos.wait_for(lambda: len(done) > n + 30, 20)
    finally:
        stop.set()
        for t in threads:
            t.join(20)
    assert not bad, bad[:5]
    asked = world.issuer.asked
    for i in range(30):
        refused(post(world, world.other.token(tokens.claims(), {"kid": f"unknown{i % 3}"})) if i < 2 else
                post(world, unsigned({"alg": "none"})))
    assert world.issuer.asked - asked <= 4, "strangers cannot make us ask much"
    world.issuer.keys = [world.rsa, world.ec]


def test_issuer_down_keeps_known_keys_and_start_waits_for_them(world):
    world.issuer.down = True
    try:
        assert post(world, world.rsa.token(tokens.claims())).status == 201
        late = world.bench.api(environment=settings(world.issuer.url))
        answer = late.post(datos.record("early"), Authorization="Bearer " + world.rsa.token(tokens.claims()))
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert late.get().status == 200
    finally:
        world.issuer.down = False
    datos.wait_for(lambda: late.post(datos.record("early"), Authorization="Bearer " + world.rsa.token(
        tokens.claims())).status in (200, 201), 15)


def test_keys_from_a_file(world):
    path = world.bench.folder + "/keys.json"
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"keys": [world.rsa.jwk(), {"kty": "oct", "k": "AAAA"}, tokens.Key("weak", bits=1024).jwk()]}, f)
    api = world.bench.api(environment=settings("file://" + path))
    assert api.post(datos.record("file"), Authorization="Bearer " + world.rsa.token(tokens.claims())).status in (200, 201)


@pytest.mark.parametrize("more, told", [
    ({"DATOS_JWT_JWKS_URL": "http://example.com/keys"}, "https"), ({"DATOS_JWT_JWKS_URL": ""}, "DATOS_JWT_JWKS_URL"),
    ({"DATOS_JWT_ISSUER": ""}, "DATOS_JWT_ISSUER"), ({"DATOS_JWT_AUDIENCE": ""}, "DATOS_JWT_AUDIENCE")])
def test_incomplete_settings_are_a_start_error(more, told, tmp_path):
    done = datos.run(datos.DATOS, "api", "--port", "0", "--store", f"sqlite:{tmp_path}/x.db",
                     environment={**settings("https://issuer.example/keys"), **more}, seconds=20)
    assert done.returncode in (1, 2) and told in done.stderr.strip().split("\n")[-1]

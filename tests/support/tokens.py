# SPDX-License-Identifier: Apache-2.0
"""Keys, tokens and an issuer, made with the openssl program alone."""
import base64
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading
import time

import datos


def b64(data):
    if isinstance(data, dict):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*argv, stdin=None):
    return subprocess.run(["openssl", *argv], input=stdin, capture_output=True, check=True).stdout


def raw_signature(der):
    """r and s of an ECDSA signature, 32 bytes each."""
    def integer(at):
        assert der[at] == 2
        n = der[at + 1]
        return int.from_bytes(der[at + 2:at + 2 + n], "big"), at + 2 + n
    r, at = integer(2)
    s, _ = integer(at)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Key:
    def __init__(self, kid, kind="RS256", bits=2048):
        self.kid, self.kind = kid, kind
        self.path = os.path.join(datos.scratch(self, "datos-key-"), "key.pem")
        if kind == "RS256":
            openssl("genrsa", "-out", self.path, str(bits))
        else:
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path)
        self.public = self._public()

    def jwk(self, **more):
        return {**self.public, **more}

    def _public(self):
        if self.kind == "RS256":
            text = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode()
            n = bytes.fromhex(text.strip().split("=")[1])
            key = {"kty": "RSA", "n": b64(n), "e": "AQAB"}
        else:
            text = openssl("ec", "-in", self.path, "-noout", "-text").decode()
            point = bytes.fromhex(re.sub(r"[\s:]", "", re.search(r"pub:([0-9a-f:\s]+)", text).group(1)))
            key = {"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
        return {**key, "kid": self.kid, "use": "sig", "alg": self.kind}

    def public_pem(self):
        return openssl("pkey", "-in", self.path, "-pubout")

    def sign(self, text):
        der = openssl("dgst", "-sha256", "-sign", self.path, stdin=text.encode())
        return der if self.kind == "RS256" else raw_signature(der)

    def token(self, claims, header=None):
        head = {"alg": self.kind, "typ": "JWT", "kid": self.kid, **(header or {})}
        head = {k: v for k, v in head.items() if v is not None}
        text = b64(head) + "." + b64(claims)
        return text + "." + b64(self.sign(text))


class Issuer:
    """Serves a key set on loopback; `keys` may change, `down` refuses."""

    def __init__(self, *keys):
        self.keys, self.down, self.asked = list(keys), False, 0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                body = json.dumps({"keys": [k.jwk() for k in issuer.keys]}).encode()
                self.send_response(503 if issuer.down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


def claims(**more):
    now = int(time.time())
    all_ = {"iss": "https://issuer.example", "aud": "datos", "sub": "me", "iat": now, "exp": now + 600, **more}
    return {k: v for k, v in all_.items() if v is not None}


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verifies(key, token):
    """Whether an RS256 token is signed by the key, as openssl says."""
    signed, signature = token.rsplit(".", 1)
    with tempfile.TemporaryDirectory(prefix="datos-signature-") as folder:
        public, raw = os.path.join(folder, "public.pem"), os.path.join(folder, "signature")
        openssl("pkey", "-in", key.path, "-pubout", "-out", public)
        with open(raw, "wb") as f:
            f.write(unb64(signature))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", raw],
                              input=signed.encode(), capture_output=True, check=False)
    return done.returncode == 0

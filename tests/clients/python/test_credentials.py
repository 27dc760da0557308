# SPDX-License-Identifier: Apache-2.0
"""Google's own credential library against the emulator: every kind of
credential gets its token there, and none of them needs an account."""
import base64
import json
import os
import subprocess
import sys

import datos
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ACCOUNT = "datos-emulator@datos-local.iam.gserviceaccount.com"
FLAVOR = {"Metadata-Flavor": "Google"}


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def ask(code, **environment):
    """A process of its own: the library reads its environment at import."""
    done = subprocess.run([sys.executable, "-c", "import google.auth, google.auth.transport.requests as t\n"
                           "r = t.Request()\n" + code], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def host(emulator):
    return emulator.console.removeprefix("http://")


@pytest.fixture(scope="module")
def pem():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def machine(host):
    return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "GOOGLE_APPLICATION_CREDENTIALS": "",
            "CLOUDSDK_CONFIG": "/nonexistent", "GOOGLE_CLOUD_PROJECT": ""}


def test_default_credentials_are_the_machines(host):
    project, email, token = ask("c, p = google.auth.default(scopes=['https://www.googleapis.com/auth/pubsub'])\n"
                                "c.refresh(r)\nprint(p, c.service_account_email, c.token)", **machine(host))
    assert project == "datos-local" and email == ACCOUNT and token.startswith("ya29.")


def test_id_token_of_the_machine(host, emulator):
    token, = ask("import google.oauth2.id_token as i\nprint(i.fetch_id_token(r, 'https://api.test'))", **machine(host))
    assert claims(token)["aud"] == "https://api.test" and claims(token)["email"] == ACCOUNT


def info(pem, emulator):
    return {"type": "service_account", "project_id": "p", "private_key_id": "k", "private_key": pem,
            "client_email": "sa@p.iam.gserviceaccount.com", "client_id": "1", "token_uri": emulator.console + "/token"}


def test_service_account(pem, emulator):
    code = (f"from google.oauth2 import service_account as s\ni = {info(pem, emulator)!r}\n"
            "c = s.Credentials.from_service_account_info(i, scopes=['x'])\nc.refresh(r)\nprint(c.token)\n"
            "c = s.IDTokenCredentials.from_service_account_info(i, target_audience='me')\nc.refresh(r)\nprint(c.token)")
    access, identity = ask(code)
    assert access.startswith("ya29.")
    assert claims(identity)["aud"] == "me" and claims(identity)["email"] == "sa@p.iam.gserviceaccount.com"


def test_user_and_workload_identity_federation(emulator, tmp_path):
    subject = tmp_path / "subject"
    subject.write_text("a token of somebody else's")
    code = ("from google.oauth2 import credentials as u\nfrom google.auth import identity_pool as f\n"
            f"c = u.Credentials(None, refresh_token='x', token_uri={emulator.console + '/token'!r}, client_id='i', "
            "client_secret='s')\nc.refresh(r)\nprint(c.token)\n"
            "c = f.Credentials(audience='//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/"
            "providers/q', subject_token_type='urn:ietf:params:oauth:token-type:jwt', "
            f"token_url={emulator.console + '/v1/token'!r}, credential_source={{'file': {str(subject)!r}}}, scopes=['x'])\n"
            "c.refresh(r)\nprint(c.token)")
    user, federated = ask(code)
    assert user.startswith("ya29.") and federated.startswith("ya29.") and user != federated


def test_impersonated_account(emulator):
    base = f"{emulator.console}/v1/projects/-/serviceAccounts/other@p.iam.gserviceaccount.com"
    access = datos.request("POST", base + ":generateAccessToken", {"scope": ["x"], "lifetime": "3600s"}).json()
    assert access["accessToken"].startswith("ya29.") and access["expireTime"].endswith("Z")
    token = datos.request("POST", base + ":generateIdToken", {"audience": "them", "includeEmail": True}).json()["token"]
    assert claims(token)["email"] == "other@p.iam.gserviceaccount.com" and claims(token)["aud"] == "them"
    assert datos.request("POST", base + ":generateIdToken", {}).status == 400


@pytest.mark.parametrize("path, value", [
    ("project/project-id", "datos-local"), ("project/numeric-project-id", "123456789012"),
    ("instance/region", "projects/123456789012/regions/local"), ("instance/service-accounts/default/email", ACCOUNT),
    (f"instance/service-accounts/{ACCOUNT}/aliases", "default\n"), ("universe/universe-domain", "googleapis.com"),
    ("", "instance/\nproject/\nuniverse/\n"), ("instance/service-accounts/", f"default/\n{ACCOUNT}/\n")])
def test_metadata(emulator, path, value):
    answer = datos.request("GET", f"{emulator.console}/computeMetadata/v1/{path}", headers=FLAVOR)
    assert answer.status == 200 and answer.body == value and answer.headers["Metadata-Flavor"] == "Google"


def test_metadata_wants_its_header(emulator):
    assert datos.request("GET", emulator.console + "/computeMetadata/v1/project/project-id").status == 403
    for path in ("nothing", "instance/service-accounts/stranger@x/token", "instance/service-accounts/default/nothing"):
        assert datos.request("GET", f"{emulator.console}/computeMetadata/v1/{path}", headers=FLAVOR).status == 404
    bare = datos.request("GET", emulator.console + "/computeMetadata/v1/instance/service-accounts/default/identity",
                         headers=FLAVOR)
    assert bare.status == 400 and "audience" in bare.body


@pytest.mark.parametrize("body, code", [
    (b"", "invalid_request"), (b"grant_type=nonsense", "unsupported_grant_type"), (b"%", "invalid_request"),
    (b"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x.y.z", "invalid_grant"),
    (b"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer", "invalid_grant")])
def test_bad_grants_are_named(emulator, body, code):
    answer = datos.request("POST", emulator.console + "/token", body,
                           headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 400 and answer.json()["error"] == code and answer.json()["error_description"]

# SPDX-License-Identifier: Apache-2.0
"""Google as a process sees it that knows of no emulator: services behind TLS
and HTTP/2 that want a token, with the emulators behind them (google_front.js). Not named google: that is a package of the clients."""
import json
import os
import subprocess

import datos
import emulator

PROJECT = "a-real-project"


class Google:
    """`environment`: what makes a process believe it. Credentials are the test's affair."""

    def __init__(self):
        self.emulator = emulator.Emulator("--memory", "--project", PROJECT)
        self.folder = datos.scratch(self, "datos-google-")
        self.cert, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=googleapis.com",
                        "-addext", "subjectAltName=DNS:*.googleapis.com,DNS:*.other.universe", "-keyout", key,
                        "-out", self.cert], check=True, capture_output=True)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "google_front.js")
        routes = {"pubsub": self.emulator.pubsub, "bigquery": self.emulator.bigquery}
        self.front = subprocess.Popen(["node", script, self.cert, key, json.dumps(routes)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.front.stdout.readline())}"
        self.environment = {"HTTPS_PROXY": self.url, "SSL_CERT_FILE": self.cert, "GOOGLE_CLOUD_PROJECT": PROJECT,
                            "CLOUDSDK_CONFIG": self.folder, "HOME": self.folder, "GCE_METADATA_HOST": "127.0.0.1:1"}

    def path(self, name):
        return os.path.join(self.folder, name)

    def seen(self):
        return datos.request("GET", self.url + "/seen").json()

    def refuse(self, n):
        assert datos.request("PUT", self.url + "/control", {"refuse": n}).status == 200

    def run(self, *argv, **environment):
        """One command to its end: code, what it wrote, the requests that it made."""
        before = len(self.seen())
        done = subprocess.run([datos.DATOS, *argv], capture_output=True, text=True, timeout=120, cwd=self.folder,
                              env={**datos.clean_environment(), **self.environment, **environment})
        return done.returncode, done.stdout + done.stderr, self.seen()[before:]

    def close(self):
        self.front.stdin.close()
        self.front.wait(20)
        self.front.stdout.close()
        assert self.emulator.stop() == 0, self.emulator.log()

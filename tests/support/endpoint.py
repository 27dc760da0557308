# SPDX-License-Identifier: Apache-2.0
"""A push endpoint that answers as the test says and remembers what came."""
import base64
import http.server
import json
import ssl
import threading
import time

import datos


class Pushed:
    def __init__(self, path, headers, body):
        self.at, self.path, self.headers, self.body = time.monotonic(), path, headers, body

    @property
    def envelope(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.envelope["message"]

    @property
    def text(self):
        return base64.b64decode(self.message.get("data", "")).decode()


class Endpoint:
    """`answer` is a status, or a function of a Pushed that returns one: a
    number, (number, headers), or None for a connection cut unanswered."""

    def __init__(self, answer=204, tls=None, port=0):
        endpoint = self
        self.answer, self.got, self.lock = answer, [], threading.Lock()
        self.now = self.most = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                pushed = Pushed(self.path, self.headers,
                                self.rfile.read(int(self.headers.get("Content-Length", 0))))
                with endpoint.lock:
                    endpoint.got.append(pushed)
                    endpoint.now += 1
                    endpoint.most = max(endpoint.most, endpoint.now)
                try:
                    self.reply(endpoint.answer(pushed) if callable(endpoint.answer) else endpoint.answer)
                finally:
                    with endpoint.lock:
                        endpoint.now -= 1

            def reply(self, answer):
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status not in (102, 204):
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512

            def handle_error(self, *args):
                pass  # a client that broke off
        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/push"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def texts(self):
        with self.lock:
            return [p.text for p in self.got]

    def wait(self, n, seconds=20):
        """The first n requests."""
        try:
            datos.wait_for(lambda: len(self.got) >= n, seconds)
        except AssertionError:
            raise AssertionError(f"{len(self.got)} pushes within {seconds} s, not {n}") from None
        return self.got[:n]

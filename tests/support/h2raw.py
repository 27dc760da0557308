# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by prior knowledge, frame by frame, with nothing done for the caller:
no window is opened and nothing is read unless a test says so."""
import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SAFE = 65535 - 4096  # of a window, when a little was sent already


def integer(value, bits):
    """An integer of HPACK (RFC 7541, 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    out, value = [most], value - most
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def fields(*pairs):
    """Literals that are never indexed, names and values as they are."""
    out = b""
    for name, value in pairs:
        out += b"\x10" + integer(len(name), 7) + name.encode()
        out += integer(len(value), 7) + value.encode()
    return out


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def text_field(number, text):
    data = text.encode() if isinstance(text, str) else text
    return varint(number << 3 | 2) + varint(len(data)) + data


def number_field(number, value):
    return varint(number << 3) + varint(value)


def message(data, flag=0):
    """gRPC's frame around one message."""
    return struct.pack(">BI", flag, len(data)) + data


class Connection:
    def __init__(self, address, window=None, timeout=20, wide=False):
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        settings = b"" if window is None else struct.pack(">HI", 4, window)
        self.sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(SETTINGS, 0, 0, settings))
        if wide:  # the connection's own window, for long talks
            self.send(self.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        self.buffer = b""
        self.next_stream = 1
        self.windows = {0: SAFE}  # the server's, as flood() uses them up

    @staticmethod
    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
            struct.pack(">I", stream) + payload

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def head(self, path, end=False, content_type="application/grpc", **more):
        """The stream's number and the frame that opens it."""
        stream = self.next_stream
        self.next_stream += 2
        block = fields((":method", "POST"), (":scheme", "http"), (":path", path),
                       (":authority", "x"), ("content-type", content_type), ("te", "trailers"),
                       *more.items())
        return stream, self.frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def data(self, stream, payload, end=False):
        return b"".join(
            self.frame(DATA, END_STREAM if end and i + 16384 >= len(payload) else 0, stream,
                       payload[i:i + 16384])
            for i in range(0, max(len(payload), 1), 16384))

    def open(self, path, payload=b"", end=False, **more):
        stream, head = self.head(path, **more)
        self.send(head, self.data(stream, payload, end) if payload or end else b"")
        return stream

    def receive(self):
        """The next frame: kind, flags, stream, payload; None at the end."""
        while True:
            if len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + length:
                    head, payload = self.buffer[:9], self.buffer[9:9 + length]
                    self.buffer = self.buffer[9 + length:]
                    return head[3], head[4], int.from_bytes(head[5:9], "big"), payload
            more = self.sock.recv(65536)
            if not more:
                return None
            self.buffer += more

    def answer(self, stream):
        """All DATA of a stream, and its last HEADERS block, until it ends. The
        block is searched, not decoded: the server may use Huffman's code."""
        body = b""
        while True:
            got = self.receive()
            assert got, "the connection ended"
            kind, flags, number, payload = got
            if kind == GOAWAY:
                raise ConnectionError(payload)
            if kind == SETTINGS and not flags & ACK:
                self.send(self.frame(SETTINGS, ACK, 0))
            if number != stream:
                continue
            if kind == RST_STREAM:
                return body, None
            if kind == DATA:
                body += payload
            if kind == HEADERS and flags & END_STREAM:
                return body, payload
            if kind == DATA and flags & END_STREAM:
                return body, b""

    def flood(self, stream, payload, most, patience=1.0):
        """DATA of a stream, `payload` again and again, as far as the server's
        windows let it; reads nothing but them. Bytes sent."""
        self.windows.setdefault(stream, SAFE)
        self.sock.settimeout(patience)
        sent, rest = 0, b""
        try:
            while sent < most:
                room = min(self.windows[0], self.windows[stream], 16384)
                if room <= 0:
                    kind, _, number, update = self.receive() or (GOAWAY, 0, 0, b"")
                    if kind in (GOAWAY, RST_STREAM):
                        return sent
                    if kind == WINDOW_UPDATE and number in self.windows:
                        self.windows[number] += int.from_bytes(update, "big")
                    continue
                if len(rest) < room:
                    rest += payload * (room // len(payload) + 1)
                self.sock.sendall(self.frame(DATA, 0, stream, rest[:room]))
                rest = rest[room:]
                sent += room
                self.windows[0] -= room
                self.windows[stream] -= room
        except OSError:
            pass
        return sent

    def ping(self):
        """Waits for the answer: the connection lives, and all before was read."""
        self.send(self.frame(PING, 0, 0, b"12345678"))
        while True:
            got = self.receive()
            assert got, "the connection ended"
            if got[0] == PING and got[1] & ACK:
                return

    def close(self):
        self.sock.close()

"""A WebSocket that looks like a TCP connection of the client protocol: what is sent with a length before it goes out as a
text frame, and text frames come in with a length before them. So the tests of the protocol run over it as they are."""
import struct

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def header(kind, size, is_final=True, reserved=0, mask=b"\0\0\0\0"):
    """Of a client's frame. With the usual mask the payload stays as it is."""
    first = bytes([(0x80 if is_final else 0) | reserved << 4 | kind])
    masked = 0x80 if mask is not None else 0
    if size < 126:
        length = bytes([masked | size])
    elif size < 1 << 16:
        length = bytes([masked | 126]) + struct.pack(">H", size)
    else:
        length = bytes([masked | 127]) + struct.pack(">Q", size)
    return first + length + (mask or b"")


def frame(kind, payload=b"", **form):
    return header(kind, len(payload), **form) + payload


def request(path="/", host="localhost", **headers):
    """An opening handshake; `headers` with _ for -."""
    lines = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return (f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None) + "\r\n").encode()


class Frames:
    """Cuts what a server sends into (kind, payload)."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data
        found = []
        while len(self.buffer) >= 2:
            size, at = self.buffer[1], 2
            assert size < 128, "a server masked a frame"
            if size >= 126:
                at = 4 if size == 126 else 10
                if len(self.buffer) < at:
                    break
                size = int.from_bytes(self.buffer[2:at], "big")
            if len(self.buffer) < at + size:
                break
            found.append((self.buffer[0], bytes(self.buffer[at:at + size])))
            del self.buffer[:at + size]
        return found


class Stream:
    """Around a connected socket. What it does not do itself, the socket does."""

    def __init__(self, below, path="/", **headers):
        self.below = below
        self.frames = Frames()
        self.unsent = b""
        self.length = b""    # of the frame that is being sent, as far as it has come
        self.left = 0        # of its body
        self.ready = bytearray()
        self.closed_with = None
        self.below.sendall(request(path, **headers))
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            byte = self.below.recv(1)
            if not byte:
                raise ConnectionError(f"not opened: {self.head!r}")
            self.head += byte
        if not self.head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"not opened: {self.head!r}")

    def __getattr__(self, name):
        return getattr(self.below, name)

    def translate(self, data):
        out = bytearray()
        while data:
            if self.left == 0:
                taken = 4 - len(self.length)
                self.length += data[:taken]
                data = data[taken:]
                if len(self.length) == 4:
                    self.left = int.from_bytes(self.length, "little")
                    self.length = b""
                    out += header(TEXT, self.left)
                continue
            out += data[:self.left]
            taken = min(self.left, len(data))
            self.left -= taken
            data = data[taken:]
        return bytes(out)

    def flush(self):
        """Raises BlockingIOError when the socket takes no more; what is left goes first the next time."""
        while self.unsent:
            self.unsent = self.unsent[self.below.send(self.unsent):]

    def flush_what_fits(self):
        """Whoever is not read may not read either: waits for nothing."""
        if not self.unsent:
            return
        limit = self.below.gettimeout()
        self.below.setblocking(False)
        try:
            self.flush()
        except BlockingIOError:
            pass
        finally:
            self.below.settimeout(limit)

    def send(self, data):
        self.flush()
        self.unsent = self.translate(data)
        try:
            self.flush()
        except BlockingIOError:
            pass   # taken, and sent later
        return len(data)

    def sendall(self, data):
        self.below.sendall(self.unsent + self.translate(data))
        self.unsent = b""

    def recv(self, size):
        while not self.ready:
            self.flush_what_fits()
            data = self.below.recv(1 << 16)
            if not data:
                return b""
            for kind, payload in self.frames.feed(data):
                assert self.closed_with is None, "something came after a close frame"
                if kind == 0x80 | TEXT:
                    self.ready += struct.pack("<I", len(payload)) + payload
                elif kind == 0x80 | PING:
                    self.below.sendall(frame(PONG, payload))
                else:
                    assert kind == 0x80 | CLOSE, f"a frame that begins with {kind:#x}"
                    self.closed_with = int.from_bytes(payload[:2], "big"), payload[2:].decode()
        data = bytes(self.ready[:size])
        del self.ready[:size]
        return data

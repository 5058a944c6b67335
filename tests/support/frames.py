"""The frames of proto-docs/client.md: a length, little-endian, then JSON."""
import json
import struct


def encode(body):
    """A whole frame of an object, or of bytes that pretend to be one."""
    if not isinstance(body, bytes):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<I", len(body)) + body


class Decoder:
    """Cuts a byte stream into the bodies of its frames."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data
        at = 0
        bodies = []
        while len(self.buffer) - at >= 4:
            (length,) = struct.unpack_from("<I", self.buffer, at)
            if len(self.buffer) - at - 4 < length:
                break
            bodies.append(bytes(self.buffer[at + 4:at + 4 + length]))
            at += 4 + length
        del self.buffer[:at]
        return bodies

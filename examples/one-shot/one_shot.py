#!/usr/bin/env python3
"""A handler in the protocol of the original daemon, besterd: for each message the broker connects to
this program's UNIX socket, sends one frame with the data alone, reads one frame, and closes.

    one_shot.py SOCKET

Data is {"to": "gustav", "text": "Hallo"}, or a list of names in "to". Standard library only.
"""

import json
import os
import signal
import socket
import struct
import sys

LARGEST = 1 << 20


def receive_exactly(connection, count):
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise ConnectionError("closed in the middle of a frame")
        received += piece
    return bytes(received)


def receive(connection):
    (length,) = struct.unpack("<I", receive_exactly(connection, 4))
    if length > LARGEST:
        raise ValueError(f"a frame of {length} bytes")
    return json.loads(receive_exactly(connection, length))


def send(connection, answer):
    body = json.dumps(answer, ensure_ascii=False).encode()    # escapes could make it larger than the limit
    connection.sendall(struct.pack("<I", len(body)) + body)


def answer_to(data):
    """The answer to one message: whom to send what, or status "1", which refuses it."""
    to = data.get("to") if isinstance(data, dict) else None
    recipients = [to] if isinstance(to, str) else to
    if not isinstance(recipients, list) or not recipients or not all(isinstance(name, str) for name in recipients):
        return {"header": {"status": "1", "command": {"type": "sendClients", "data": []}}, "data": None}
    return {"header": {"status": "0", "command": {"type": "sendClients", "data": recipients}},
            "data": {"text": data.get("text", "")}}


def serve(path):
    if os.path.exists(path):
        os.unlink(path)  # left behind by one that was killed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                try:
                    send(connection, answer_to(receive(connection)))
                except (OSError, ValueError, struct.error) as mistake:
                    print(f"one message not answered: {mistake}", file=sys.stderr)


def leave(signal_number, frame):
    raise SystemExit(0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    try:
        serve(sys.argv[1])
    finally:
        if os.path.exists(sys.argv[1]):
            os.unlink(sys.argv[1])

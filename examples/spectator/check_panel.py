"""What examples/demo.sh --check does with the panel: fetches its page, signs in with the token, follows a guild
and waits for an update of it. Exit code 0 if one came.

    check_panel.py HOST:PORT TOKEN
"""

import json
import os
import socket
import struct
import sys
import urllib.request

LIMIT = 20.0


class Panel:
    """A WebSocket of few words: short frames out, whole frames in."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, int(port)), LIMIT)
        self.socket.sendall((f"GET /v1/spectator HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        answer = self.file.readline()
        if b" 101 " not in answer:
            raise SystemExit(f"the panel's WebSocket is not opened: {answer!r}")
        while self.file.readline() != b"\r\n":
            pass

    def say(self, frame):
        body = json.dumps(frame).encode()
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))
        length = struct.pack(">B", 0x80 | len(body)) if len(body) < 126 else struct.pack(">BH", 0xFE, len(body))
        self.socket.sendall(b"\x81" + length + mask + masked)

    def hear(self):
        _, size = self.file.read(2)
        if size >= 126:
            size = int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
        return json.loads(self.file.read(size))

    def ask(self, id, kind, **data):
        self.say({"id": id, "kind": kind, "data": data})
        while (answer := self.hear()).get("id") != id:
            pass
        if answer["kind"] != "reply":
            raise SystemExit(f"{kind} was refused: {answer}")
        return answer["data"]


def main(address, token):
    with urllib.request.urlopen(f"http://{address}/", timeout=LIMIT) as page:
        if b"<title>Spectator</title>" not in page.read():
            raise SystemExit("the panel's page is not served")
    panel = Panel(*address.rsplit(":", 1))
    panel.ask(1, "authenticate", token=token)
    guild = panel.ask(2, "pool", of="guilds")["items"][0]
    panel.ask(3, "spectate", guild=guild["id"], log=True)
    while (update := panel.hear())["kind"] != "log_pool":
        pass
    print(f"the panel is live: {update['data']['code']} in {guild['name']}")


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""What examples/demo.sh --check does: two `bester client` processes, tina and gustav, hold a
conversation through the afrikaans handler, the Texto page and its WebSocket are there, and so are the
rooms for clients of Socket.IO. Exit code 0 if each heard the other.

    check_conversation.py BESTER HOST:PORT WEB_HOST:PORT ROOMS_HOST:PORT
"""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request


class Person:
    """A `bester client --json` process: lines in are messages, lines out are frames."""

    def __init__(self, bester, address, name):
        environment = dict(os.environ, BESTER_PASSWORD=f"{name}-secret")
        self.name = name
        self.process = subprocess.Popen([bester, "client", "--to", address, "--user", name, "--json"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.watchdog = threading.Timer(20, self.process.kill)
        self.watchdog.start()

    def says(self, type, data, id):
        self.process.stdin.write(json.dumps({"type": type, "data": data, "id": id}) + "\n")
        self.process.stdin.flush()

    def hears(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} was cut off")
        frame = json.loads(line)
        print(f"{self.name}: {line.strip()}")
        return frame

    def leaves(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.watchdog.cancel()


def expect(is_true, what):
    if not is_true:
        sys.exit(f"not as expected: {what}")


def texto_greets(address):
    """The page, and the first thing that its WebSocket says."""
    with urllib.request.urlopen(f"http://{address}/", timeout=20) as page:
        expect(b"Texto" in page.read(), "the Texto page is served")
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"GET /v1/texto HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        stream = connection.makefile("rb")
        expect(stream.readline().startswith(b"HTTP/1.1 101 "), "a WebSocket is opened")
        while stream.readline() != b"\r\n":
            pass
        kind, size = stream.read(2)
        if size == 126:
            size = int.from_bytes(stream.read(2), "big")
        frame = json.loads(stream.read(size))
        print(f"texto: {frame}")
        expect(kind == 0x81 and frame["kind"] == "connection", "Texto greets")


def rooms_welcome(address):
    """The page with its client, and what the chat says to somebody who connects, by long-polling."""
    for path, part in (("", b"Rooms"), ("socket.io.min.js", b"Socket.IO v4")):
        with urllib.request.urlopen(f"http://{address}/{path}", timeout=20) as file:
            expect(part in file.read(), f"/{path} of the rooms is served")
    place = f"http://{address}/socket.io/?EIO=4&transport=polling&name=Tina"
    with urllib.request.urlopen(place, timeout=20) as opened:
        place += "&sid=" + json.loads(opened.read()[1:])["sid"]
    with urllib.request.urlopen(place, data=b"40", timeout=20) as sent:
        expect(sent.status == 200, "a namespace is connected")
    packets = ""
    while "welcome" not in packets:
        with urllib.request.urlopen(place, timeout=20) as poll:
            packets += poll.read().decode()
    print(f"rooms: {packets}")
    expect('"name":"Tina"' in packets, "Tina is welcomed")


def main(bester, address, web_address, rooms_address):
    tina, gustav = Person(bester, address, "tina"), Person(bester, address, "gustav")
    for person in (tina, gustav):
        expect(person.hears()["header"]["status"] == "good", f"{person.name} is logged in")
    for sender, recipient, text in ((tina, gustav, "Hallo!"), (gustav, tina, "Goeie môre")):
        sender.says("afrikaans", {"to": recipient.name, "text": text}, f"from {sender.name}")
        delivery = recipient.hears()
        expect(delivery["header"]["messageType"] == "receivedMessage", "a delivery")
        expect(delivery["payload"]["data"] == {"from": sender.name, "text": text}, "who wrote and what")
        status = sender.hears()
        expect(status["header"]["status"] == "good" and status["payload"]["delivered"] == 1, "one delivered")
    for person in (tina, gustav):
        person.leaves()
    texto_greets(web_address)
    rooms_welcome(rooms_address)
    print("two people have talked")


if __name__ == "__main__":
    main(*sys.argv[1:5])

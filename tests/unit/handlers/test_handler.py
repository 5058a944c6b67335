"""A handler for the tests of the supervisor. TEST_MODE says how it misbehaves."""
import json
import os
import select
import signal
import socket
import struct
import sys

mode = os.environ.get("TEST_MODE", "normal")


def connect():
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(os.environ["BESTER_SOCKET"])
    return stream


def send(stream, message):
    text = json.dumps(message).encode()
    stream.sendall(struct.pack("<I", len(text)) + text)


def read_exactly(stream, count):
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def receive(stream):
    head = read_exactly(stream, 4)
    return None if head is None else json.loads(read_exactly(stream, struct.unpack("<I", head)[0]))


def hello(**more):
    stream = connect()
    send(stream, dict(kind="hello", protocol=1, handler=os.environ["BESTER_HANDLER"], **more))
    return stream, receive(stream)


def open_channels():
    first, welcome = hello(token=os.environ["BESTER_TOKEN"], events=["clients"])
    print(json.dumps(welcome), flush=True)
    channels = [first]
    if mode == "one_channel":
        return channels
    for shard in range(1, welcome["shards"]):
        stream, answer = hello(key=welcome["key"], shard=shard)
        assert answer["kind"] == "welcome" and answer["shard"] == shard, answer
        channels.append(stream)
    return channels


def serve(channels):
    while channels:
        for stream in select.select(channels, [], [])[0]:
            message = receive(stream)
            kind = message["kind"] if message else "closed"
            if mode == "until_closed" and kind == "drain":
                continue
            if mode == "stubborn" and kind in ("drain", "closed"):
                if kind == "closed":
                    channels.remove(stream)
            elif kind in ("drain", "leave", "closed"):
                sys.exit(0)
            elif kind == "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            elif kind == "exit":
                os._exit(message["status"])
    while True:
        signal.pause()


if mode == "fail":
    sys.exit("this handler is broken")
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "silent":
    silent = connect()
    while True:
        signal.pause()
serve(open_channels())

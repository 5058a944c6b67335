#!/usr/bin/python3
"""The web application behind a pushpin, as pushpin's documentation describes one for WebSocket over HTTP:
`join` subscribes the connection, `ping` is answered, everything else is published to all that joined.

Arguments: the port to listen on, the port of pushpin's control API."""

import http.client
import http.server
import json
import sys

CHANNEL = "news"
SUBSCRIBE = b"c:" + json.dumps({"type": "subscribe", "channel": CHANNEL}).encode()
READY = b"m:ready"


def encode(kind, content=None):
    return kind + b"\r\n" if content is None else b"%s %x\r\n%s\r\n" % (kind, len(content), content)


def decode(body):
    """Yields the events of a request: kind and content."""
    while body:
        line, body = body.split(b"\r\n", 1)
        kind, _, size = line.partition(b" ")
        content = b""
        if size:
            content, body = body[:int(size, 16)], body[int(size, 16) + 2:]
        yield kind, content


def publish(port, text):
    body = json.dumps({"items": [{"channel": CHANNEL, "formats": {"ws-message": {"content": text}}}]})
    control = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    control.request("POST", "/publish/", body)
    if control.getresponse().status != 200:
        raise OSError("pushpin refuses to publish")
    control.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one write

    def do_POST(self):
        answers = []
        for kind, content in decode(self.rfile.read(int(self.headers["Content-Length"]))):
            if kind != b"TEXT":
                answers.append(encode(kind))
            elif content == b"join":
                answers += [encode(b"TEXT", SUBSCRIBE), encode(b"TEXT", READY)]
            elif content == b"ping":
                answers.append(encode(b"TEXT", READY))
            else:
                publish(self.server.control_port, content.decode())
        body = b"".join(answers)
        self.send_response(200)
        self.send_header("Content-Type", "application/websocket-events")
        self.send_header("Sec-WebSocket-Extensions", "grip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    server.control_port = int(sys.argv[2])
    server.serve_forever()

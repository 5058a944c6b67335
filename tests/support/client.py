"""A client of the broker, as proto-docs/client.md has it, that can also misbehave."""
import json
import select
import socket
import ssl
import time

import eventually as waiting
import frames
import websocket_stream

DEFAULT_LIMIT = 10.0


def password_of(user):
    return f"secret of {user}"


class Closed(AssertionError):
    """The broker closed the connection while more was expected."""


class Secure(tuple):
    """("host", port) where TLS is spoken. `files`: a certificate and its key to show, if requested."""

    authority = None
    files = None

    @classmethod
    def at(cls, address, authority, files=None):
        made = cls(address)
        made.authority, made.files = authority, files
        return made

    def wrap(self, connection):
        connection.settimeout(DEFAULT_LIMIT * waiting.slowness)
        context = ssl.create_default_context(cafile=self.authority)
        if self.files:
            context.load_cert_chain(*self.files)
        return SecureSocket(connection, context, self[0])


class SecureSocket:
    """A TLS connection that can say farewell and still read, which ssl.SSLSocket cannot. What it does not do itself,
    its plain socket does."""

    def __init__(self, plain, context, name):
        self.plain = plain
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.unsent = b""
        self.exchange(self.tls.do_handshake)
        self.flush()

    def __getattr__(self, name):
        return getattr(self.plain, name)

    def flush(self):
        """Raises BlockingIOError when the socket takes no more; what is left goes first the next time."""
        self.unsent += self.outgoing.read()
        while self.unsent:
            self.unsent = self.unsent[self.plain.send(self.unsent):]

    def flush_until_readable(self):
        """Whoever is not read may not read either: what the socket does not take must not hold up reading."""
        self.unsent += self.outgoing.read()
        limit = self.plain.gettimeout()
        either = select.poll()
        either.register(self.plain, select.POLLIN | select.POLLOUT)
        while self.unsent:
            states = either.poll(None if limit is None else limit * 1000)
            if not states or states[0][1] & ~select.POLLOUT:
                return   # recv() says what that means
            self.unsent = self.unsent[self.plain.send(self.unsent, socket.MSG_DONTWAIT):]

    def flush_at_once(self):
        """Never waits: what the socket does not take now goes first the next time."""
        self.unsent += self.outgoing.read()
        writable = select.poll()
        writable.register(self.plain, select.POLLOUT)
        while self.unsent and writable.poll(0):
            self.unsent = self.unsent[self.plain.send(self.unsent, socket.MSG_DONTWAIT):]

    def exchange(self, step):
        while True:
            try:
                result = step()
                self.flush_at_once()   # what was read must not wait for a broker that waits for its being read
                return result
            except ssl.SSLWantReadError:
                self.flush_until_readable()
                came = self.plain.recv(1 << 16)
                if came:
                    self.incoming.write(came)
                else:
                    self.incoming.write_eof()

    def recv(self, size):
        try:
            return self.exchange(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def send(self, data):
        self.flush()
        size = self.tls.write(data[:16000])
        try:
            self.flush()
        except BlockingIOError:
            pass   # taken, and sent later
        return size

    def sendall(self, data):
        for i in range(0, len(data), 16000):
            self.tls.write(data[i:i + 16000])
            self.flush()

    def finish_sending(self):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()


class Web(tuple):
    """("host", port) where WebSocket is spoken; `below`: the same as another transport has it, e.g. Secure."""

    below = None

    @classmethod
    def at(cls, address):
        made = cls(address)
        made.below = address
        return made


def connect(address):
    """`address`: ("host", port), Secure, Web, or the path of a UNIX socket."""
    if isinstance(address, Web):
        return websocket_stream.Stream(connect(address.below))
    if isinstance(address, Secure):
        return address.wrap(socket.create_connection(address))
    if isinstance(address, str):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(address)
        return connection
    return socket.create_connection(address)


class Client:
    """One connection. Frames that were read while looking for another one wait in `inbox`."""

    def __init__(self, address, user=None, password=None, log_in=True):
        self.socket = connect(address)
        self.decoder = frames.Decoder()
        self.inbox = []
        self.user = user
        self.next_id = 0
        if log_in and user is not None:
            try:
                self.log_in(user, password)
            except BaseException:
                self.close()  # nobody else can
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- out ----

    def send_bytes(self, data):
        self.socket.settimeout(DEFAULT_LIMIT * waiting.slowness)
        self.socket.sendall(data)

    def send_frame(self, body):
        self.send_bytes(frames.encode(body))

    def send(self, type, data=None, id=None, header=None):
        payload = {"type": type, "data": data}
        if id is not None:
            payload["id"] = id
        self.send_frame({"header": header or {"scope": "client"}, "payload": payload})

    def log_in(self, user, password=None):
        self.send_frame(login_frame(user, password))
        status = self.status("auth_special")
        assert is_good(status), status
        self.user = status["payload"]["user"]

    def log_in_anonymously(self):
        self.send_frame({"payload": {"type": "dummy"}})
        self.user = self.good("auth_special")["payload"]["user"]
        return self.user

    def request(self, type, data=None, limit=DEFAULT_LIMIT):
        """Sends with an id of its own; returns (the deliveries that answer it, the status)."""
        self.next_id += 1
        id = f"request {self.next_id}"
        self.send(type, data, id)
        status = self.status(id, limit)
        replies = [f for f in self.inbox if is_delivery(f) and f["payload"].get("id") == id]
        self.inbox = [f for f in self.inbox if f not in replies]
        return replies, status

    def ask(self, type, data=None, limit=DEFAULT_LIMIT):
        """The data of the one reply to a message that must go well."""
        replies, status = self.request(type, data, limit)
        assert is_good(status) and len(replies) == 1, (replies, status)
        return replies[0]["payload"]["data"]

    # ---- in ----

    def read_frames(self, until):
        """Waits for more bytes; returns the frames that they complete."""
        left = until - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing more came in time; read so far and not asked for: {self.inbox[-5:]}")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return []
        except OSError as error:
            raise Closed(f"the connection was lost: {error}") from error
        if not data:
            raise Closed(f"the broker closed the connection; read so far and not asked for: {self.inbox[-5:]}")
        return [json.loads(body) for body in self.decoder.feed(data)]

    def find(self, wanted, limit=DEFAULT_LIMIT):
        """The first frame for which wanted(frame) is true; those before it stay in the inbox."""
        for i, frame in enumerate(self.inbox):
            if wanted(frame):
                return self.inbox.pop(i)
        until = time.monotonic() + limit * waiting.slowness
        while True:
            found = None
            for frame in self.read_frames(until):
                if found is None and wanted(frame):
                    found = frame
                else:
                    self.inbox.append(frame)
            if found is not None:
                return found

    def receive(self, limit=DEFAULT_LIMIT):
        """The next frame, whatever it is."""
        return self.find(lambda _: True, limit)

    def status(self, id, limit=DEFAULT_LIMIT):
        return self.find(lambda f: is_status(f) and f["payload"].get("id") == id, limit)

    def good(self, id, limit=DEFAULT_LIMIT):
        status = self.status(id, limit)
        assert is_good(status), status
        return status

    def bad(self, id, code, limit=DEFAULT_LIMIT):
        status = self.status(id, limit)
        assert not is_good(status) and code_of(status) == code, status
        assert isinstance(status["header"]["error"]["reason"], str)
        assert isinstance(status["header"]["error"]["temporary"], bool)
        return status

    def delivery(self, type=None, limit=DEFAULT_LIMIT):
        return self.find(lambda f: is_delivery(f) and (type is None or f["payload"]["type"] == type), limit)

    def data(self, type=None, limit=DEFAULT_LIMIT):
        return self.delivery(type, limit)["payload"]["data"]

    def expect_nothing_before_ping(self):
        """Proves that nothing else was sent to this client: what the broker had for it came before
        the answer to a ping."""
        self.next_id += 1
        id = f"ping {self.next_id}"
        self.send("dummy", id=id)
        self.good(id)
        assert self.inbox == [], self.inbox

    def expect_closed(self, limit=DEFAULT_LIMIT):
        """Reads to the end of the connection; returns the frames that still came."""
        until = time.monotonic() + limit * waiting.slowness
        came = self.inbox
        self.inbox = []
        try:
            while True:
                came += self.read_frames(until)
        except Closed:
            return came

    def finish_sending(self):
        if isinstance(self.socket, websocket_stream.Stream):
            return self.socket.below.shutdown(socket.SHUT_WR)
        if not isinstance(self.socket, SecureSocket):
            return self.socket.shutdown(socket.SHUT_WR)
        self.socket.finish_sending()


def login_frame(user, password=None, **payload):
    authentication = {"username": user, "password": password_of(user) if password is None else password}
    return {"header": {"scope": "client", "authentication": authentication}, "payload": {"type": "dummy", **payload}}


def is_status(frame):
    return frame["header"]["messageType"] == "statusReport"


def is_delivery(frame):
    return frame["header"]["messageType"] == "receivedMessage"


def is_good(status):
    return status["header"]["status"] == "good"


def code_of(status):
    return status["header"]["error"]["code"]


def statuses(client, ids):
    """id -> status, each exactly once, for all the ids."""
    found = {}
    while len(found) < len(ids):
        status = client.find(is_status, 20)
        assert status["payload"]["id"] not in found, f"a second status: {status}"
        found[status["payload"]["id"]] = status
    assert set(found) == set(ids)
    return found

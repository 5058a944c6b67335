"""Files beside WebSockets: proto-docs/websocket.md, "Files"."""
import socket
import time

import pytest

import eventually as waiting
import websocket_stream as ws
from eventually import eventually
from raw_websocket import Raw, text

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("files")
    site = top / "site"
    (site / "docs" / "a b").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html><title>hello</title>")
    (site / "app.js").write_text("export const x = 1;\n")
    (site / "picture.PNG").write_bytes(PNG)
    (site / "docs" / "index.html").write_text("docs")
    (site / "docs" / "a b" / "ü.txt").write_text("umlaut")
    (site / "empty.css").write_text("")
    (site / ".secret").write_text("secret")
    (site / "inside").symlink_to("app.js")
    (top / "outside.txt").write_text("outside")
    (site / "link.txt").symlink_to(top / "outside.txt")
    (site / "up.txt").symlink_to("../outside.txt")
    return site


@pytest.fixture(scope="module")
def shared(make_broker, folder):
    listeners = [{"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "files": str(folder),
                  "authentication": ["anonymous"], "paths": {"/json": {"type": "echo"}}}]
    with make_broker(listeners=listeners) as running:
        yield running


def test_files_are_served_with_what_browsers_need(broker):
    raw = Raw(broker)
    status, headers, body = raw.get("/")
    assert status == 200 and body == b"<!doctype html><title>hello</title>"
    assert headers["content-type"] == "text/html; charset=utf-8" and headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache" and headers["connection"] == "keep-alive"
    for target, kind, content in (("/app.js", "text/javascript; charset=utf-8", b"export const x = 1;\n"), ("/picture.PNG", "image/png", PNG),
                                  ("/docs/", "text/html; charset=utf-8", b"docs"), ("/docs/a%20b/%C3%BC.txt", "text/plain; charset=utf-8", b"umlaut"),
                                  ("/empty.css", "text/css; charset=utf-8", b""), ("/inside", "application/octet-stream", b"export const x = 1;\n"),
                                  ("/index.html?x=1", "text/html; charset=utf-8", b"<!doctype html><title>hello</title>")):
        status, headers, body = raw.get(target)
        assert (status, headers["content-type"], body) == (200, kind, content)
        assert raw.get(target, If_None_Match=headers["etag"])[::2] == (304, b"")
        status, head, _ = raw.get(target, "HEAD")
        assert status == 200 and head["content-length"] == str(len(content)) and head["etag"] == headers["etag"]
    status, headers, _ = raw.get("/docs?q=1")
    assert (status, headers["location"]) == (308, "/docs/?q=1")


def test_a_changed_file_has_another_tag(broker, folder):
    raw = Raw(broker)
    changing = folder / "changing.txt"
    changing.write_text("one")
    _, headers, body = raw.get("/changing.txt")
    assert body == b"one"
    changing.write_text("two more")
    status, later, body = raw.get("/changing.txt", If_None_Match=headers["etag"])
    assert (status, body) == (200, b"two more") and later["etag"] != headers["etag"]
    changing.unlink()
    assert raw.get("/changing.txt")[0] == 404


@pytest.mark.parametrize("target", ["/missing", "/.secret", "/docs/.secret", "/link.txt", "/up.txt", "//etc/passwd", "/docs//index.html",
                                    "/index.html/", "/app.js/x", "/docs/%2e/index.html", "/a%2f.secret"])
def test_nothing_else_is_served(broker, target):
    status, _, body = Raw(broker).get(target)
    assert status == 404 and b"secret" not in body and b"outside" not in body and b"root:" not in body


@pytest.mark.parametrize("target", ["/../outside.txt", "/docs/../../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/docs%5c..%5c..%5coutside.txt",
                                    "/%00", "/a\\b", "/%zz"])
def test_paths_that_climb_are_no_paths(broker, target):
    assert Raw(broker).get(target)[0] == 400


def test_requests_may_be_piped(broker):
    raw = Raw(broker)
    raw.send(b"GET /app.js HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + ws.request("/json") + text("after"))
    for _ in range(20):
        head = raw.read_head()
        assert head.startswith("HTTP/1.1 200 ") and raw.read_exactly(20) == b"export const x = 1;\n"
    assert raw.read_head().startswith("HTTP/1.1 101 ")
    assert raw.next() == (0x81, b'"after"')


def test_a_client_that_has_finished_sending_still_gets_its_file(broker):
    raw = Raw(broker)
    raw.send(b"GET /picture.PNG HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.socket.shutdown(socket.SHUT_WR)
    assert raw.read_to_end().endswith(PNG)


def test_a_large_file_waits_for_a_slow_reader_and_no_one_else_does(broker, folder):
    large = folder / "large.bin"
    large.write_bytes(bytes(8 << 20))
    slow = Raw(broker)
    slow.send(b"GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert Raw(broker).get("/app.js")[0] == 200
    received = slow.read_to_end()
    assert len(received.split(b"\r\n\r\n", 1)[1]) == 8 << 20
    large.unlink()


# ---- files that are on their way for long ----

GET_LARGE = b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = 16 << 20  # more than two sockets hold


@pytest.fixture
def large(folder):
    file = folder / "large.bin"
    file.write_bytes(b"0123456789abcdef" * (LARGE // 16))
    yield file
    file.unlink(missing_ok=True)


def slow_reader(broker):
    """One that has asked for the large file, and has read the head of the answer."""
    raw = Raw(broker)
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    raw.send(GET_LARGE)
    assert f"Content-Length: {LARGE}\r\n" in raw.read_head()
    return raw


def listening(folder, **limits):
    return {"listeners": [{"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "files": str(folder), "authentication": ["anonymous"]}],
            "limits": limits}


def test_a_slow_reader_costs_one_piece_of_its_file(broker, large):
    Raw(broker).get("/app.js")
    before = broker.resident_bytes()
    readers = [slow_reader(broker) for _ in range(40)]
    assert Raw(broker).get("/picture.PNG")[::2] == (200, PNG), "others are served"
    assert waiting.slowness > 1 or broker.resident_bytes() - before < 32 << 20, "not forty times the file"
    assert readers[7].read_exactly(LARGE) == large.read_bytes(), "and it gets all when it reads on"


def test_so_many_files_are_on_their_way_and_who_asks_for_more_is_put_off(make_broker, folder, large):
    with make_broker(**listening(folder, files=3)) as broker:
        readers = [slow_reader(broker) for _ in range(3)]
        other = Raw(broker)
        status, headers, _ = other.get("/app.js")
        assert status == 503 and int(headers["retry-after"]) > 0 and headers["connection"] == "keep-alive"
        assert other.get("/app.js", method="HEAD")[0] == 503
        readers[0].close()
        eventually(lambda: other.get("/app.js")[0] == 200, 20, "there is a place again")
        assert readers[1].read_exactly(LARGE) == large.read_bytes()
        assert other.get("/app.js")[0] == 200
        assert broker.reload(limits={"files": 1})["ok"]
        assert other.get("/app.js")[0] == 503


def test_the_kernel_holds_little_of_a_file_that_is_not_read(make_broker, folder, large):
    """Else it would take all of it, and be done with it: for each of thousands of readers."""
    size = 2 << 20
    (folder / "middling.bin").write_bytes(b"0123456789abcdef" * (size // 16))
    with make_broker(**listening(folder, files=1, socket_buffer="16KiB"), threads=1) as broker:
        slow, other = Raw(broker), Raw(broker)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        slow.send(b"GET /middling.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert f"Content-Length: {size}\r\n" in slow.read_head()
        time.sleep(0.3)   # silence under test: nothing more is taken
        assert other.get("/app.js")[0] == 503
        assert len(slow.read_exactly(size)) == size
        eventually(lambda: other.get("/app.js")[0] == 200, 20, "it has been sent")


def test_readers_of_files_take_them_in_bursts(make_broker, folder, large):
    """Programs that limit their rate read nothing for a while, and then much at once."""
    with make_broker(**listening(folder, write_timeout="300ms", file_timeout="2m"), threads=1) as broker:
        raw = slow_reader(broker)
        time.sleep(1.5 * waiting.slowness)
        assert raw.read_exactly(LARGE) == large.read_bytes()
        assert broker.counters()["write_timeouts"] == 0


def test_a_reader_of_a_file_may_pause_for_longer_than_a_vanished_client_stays(make_broker, folder, large):
    """The kernel ends connections on which output waits for the keepalive's time, also when the other end is there."""
    with make_broker(**listening(folder, keepalive_idle="1s", keepalive_timeout="1s", file_timeout="2m"), threads=1) as broker:
        raw = slow_reader(broker)
        time.sleep(6)   # silence under test
        assert raw.read_exactly(LARGE) == large.read_bytes()
        assert raw.get("/app.js")[0] == 200


def test_a_reader_of_a_file_that_takes_nothing_has_a_time_of_its_own(make_broker, folder, large):
    with make_broker(**listening(folder, write_timeout="5m", file_timeout="300ms"), threads=1) as broker:
        slow_reader(broker)
        eventually(lambda: broker.counters()["write_timeouts"] == 1, 20)
        broker.wait_for_log("(limits.file_timeout), closed")


def test_a_slow_but_steady_reader_of_a_file_is_not_cut_off(make_broker, folder, large):
    timeout = 2 * waiting.slowness
    with make_broker(**listening(folder, file_timeout=f"{timeout:g}s"), threads=1) as broker:
        raw = slow_reader(broker)
        until = time.monotonic() + 3 * timeout
        while time.monotonic() < until:
            raw.read_exactly(20_000)
            time.sleep(0.1)
        assert broker.counters()["write_timeouts"] == 0


def test_a_slow_reader_gives_way_to_others_after_a_while(make_broker, folder, large):
    """It takes a little all the time, so that it does not count as a client that reads nothing."""
    with make_broker(**listening(folder, files=1, write_timeout="2s"), threads=1) as broker:
        began = time.monotonic()
        slow, other = slow_reader(broker), Raw(broker)

        def is_served():
            slow.read_exactly(2_000)
            return other.get("/app.js")[0] == 200
        eventually(is_served, 20, "the other gets its file")
        assert time.monotonic() - began >= 2, "and not before the slow one had its time"
        try:
            assert len(slow.read_to_end()) < LARGE // 2
        except ConnectionError:
            pass
        broker.wait_for_log("gives way to another file (limits.files)")


@pytest.mark.parametrize("change", ["shorter", "written anew", "gone", "replaced"])
def test_a_file_that_changes_while_it_is_sent(broker, large, change):
    content = large.read_bytes()
    raw = slow_reader(broker)
    if change == "shorter":
        with large.open("r+b") as file:
            file.truncate(1000)
    elif change == "written anew":
        with large.open("r+b") as file:
            file.write(b"!" * LARGE)
    elif change == "gone":
        large.unlink()
    else:
        other = large.with_name("other.bin")
        other.write_bytes(b"!" * LARGE)
        other.rename(large)
    if change in ("gone", "replaced"):
        assert raw.read_exactly(LARGE) == content, "as it was when it was asked for"
        assert raw.get("/app.js")[0] == 200
    else:
        received = raw.read_to_end()
        assert len(received) < LARGE and content.startswith(received), "no byte of another version, and no more than that"
        broker.wait_for_log("large.bin was changed while it was sent")


def test_a_large_file_is_followed_by_the_next_answer(broker, large):
    raw = Raw(broker)
    raw.send(GET_LARGE + b"HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n" + GET_LARGE + b"GET /app.js HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    content = large.read_bytes()
    for body in (content, b"", content):
        assert f"Content-Length: {LARGE}\r\n" in raw.read_head()
        assert raw.read_exactly(len(body)) == body
    assert raw.read_to_end().endswith(b"\r\n\r\nexport const x = 1;\n")


def test_where_there_are_no_files_a_path_wants_an_upgrade(make_broker):
    with make_broker() as broker:
        assert Raw(broker).get("/")[0] == 426
        assert Raw(broker).get("/x")[0] == 404

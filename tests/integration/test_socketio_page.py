"""The chat's page in a real browser, with npm's unmodified client, served by the real broker. Each page's complaints
(errors, violations of its policy) fail the test, as does any request to elsewhere."""
import json

import pytest

import eventually as waiting
from browser import DESKTOP, PHONE, ROOT, Browser, install_packages
from eventually import eventually
from servers import free_port
from socketio import PATH, WEBSOCKET, binary, clients, listener, make_page  # noqa: F401
from socketio_page import Person, Served
from websocket_clients import port_of

pytestmark = pytest.mark.skipif(waiting.slowness != 1, reason="the page is the same before every build; sanitizers run the rest")
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script> & <b>bold</b>"
PICTURE = ROOT / "examples" / "texto" / "texto-phone.png"


@pytest.fixture(scope="module")
def chromium():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_page(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def served(make_broker, bin_directory, files):
    with Served(make_broker, bin_directory, files) as chat:
        yield chat


@pytest.fixture
def chat(served, shared_log):
    shared_log(served.broker)
    yield served
    served.proxy.refuse(False)


@pytest.fixture
def own(make_broker, bin_directory, files):
    """One that nobody has been at. It is there until the pages are closed, if a test names it before them."""
    with Served(make_broker, bin_directory, files) as chat:
        yield chat


@pytest.fixture
def hasty(make_broker, bin_directory, files):
    """One with a window that is soon over."""
    with Served(make_broker, bin_directory, files, recovery="1s") as chat:
        yield chat


@pytest.fixture
def people(chromium):
    """people(chat, name, viewport, …): somebody new, at a page of theirs."""
    opened = []

    def make(chat, name, viewport=DESKTOP, **more):
        person = Person(chromium.open(viewport, **more), chat, name)
        opened.append(person)
        return person
    yield make
    for person in opened:
        person.check()
        person.page.close()


@pytest.fixture
def node(clients, chat):
    """node(name, room): somebody with the client in Node, whose way is not cut."""
    opened = []

    def make(name, room):
        socket = clients.open(chat.direct_url, WEBSOCKET, query={"name": name})
        opened.append(socket)
        socket.connected()
        socket.next("welcome")
        socket.ask("join room", room)
        return socket
    yield make
    for socket in opened:
        socket.leave()


# ---- people talk ----

def test_a_phone_and_a_desktop_talk_in_a_room(chat, people):
    tina = people(chat, "Tina", PHONE, is_touched=True).arrive("garden")
    gustav = people(chat, "Gustav").arrive("garden")
    eventually(lambda: tina.notes() == ["Gustav came"], 10, "Gustav is seen to come")
    gustav.write("Hallo Tina!")
    tina.expect_texts("Hallo Tina!")
    assert tina.page.texts("#messages .author") == ["Gustav"]
    for number in range(5):
        tina.write(f"an answer, {number}")
    gustav.expect_texts("Hallo Tina!", *(f"an answer, {number}" for number in range(5)))
    tina.expect_states("received", *["sent"] * 5)
    assert tina.page.text("#with-members") == "2 here: Gustav, Tina"
    gustav.page.click("#leave")
    eventually(lambda: tina.notes() == ["Gustav came", "Gustav left"], 10, "and to leave")


def test_who_is_elsewhere_finds_what_is_unread(chat, people, node):
    tina, ann = people(chat, "Tina", PHONE).arrive("hall", "attic"), node("Ann", "hall")
    ann.ask("message", {"room": "hall", "text": "one"})
    ann.ask("message", {"room": "hall", "text": "two"})
    eventually(lambda: tina.page.do("title") == "(2) Rooms", 10, "two unread texts")
    tina.page.press("Escape")
    assert tina.page.text(".contact .unread:not([hidden])") == "2"
    tina.page.click("#contacts li:first-child button")
    tina.expect_texts("one", "two")
    eventually(lambda: tina.page.do("title") == "Rooms", 10, "they are read")


def test_pictures_go_both_ways(chat, people, node):
    tina, ann = people(chat, "Tina").arrive("gallery"), node("Ann", "gallery")
    tina.page.do("setInputFiles", "#file", str(PICTURE))
    heard = ann.argument("image")
    assert heard["type"] == "image/png" and heard["image"] == binary(PICTURE.read_bytes())
    tina.expect_states("sent")
    ann.ask("image", {"room": "gallery", "type": "image/png", "image": binary(PICTURE.read_bytes())})
    tina.page.wait_for(".their-message .picture img")
    width = "document.querySelector('.their-message .picture img').naturalWidth"
    eventually(lambda: tina.page.evaluate(width) > 100, 10, "the picture is shown")


def test_a_large_picture_is_made_small(chat, people, node):
    tina, ann = people(chat, "Tina").arrive("gallery-2"), node("Ann", "gallery-2")
    # Noise, so that nothing makes it small but the page.
    tina.page.evaluate("""new Promise((done) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 2400, height: 1800 });
        const paper = canvas.getContext("2d"), pixels = paper.createImageData(2400, 1800);
        for (let i = 0; i < pixels.data.length; i += 4) pixels.data.set([(i * 7919) % 251, (i * 104729) % 241, i % 239, 255], i);
        paper.putImageData(pixels, 0, 0);
        canvas.toBlob((blob) => {
          const files = new DataTransfer();
          files.items.add(new File([blob], "large.png", { type: "image/png" }));
          document.getElementById("file").files = files.files;
          document.getElementById("file").dispatchEvent(new Event("change"));
          done(null);
        });
      })""")
    heard = ann.argument("image", limit=20)
    assert heard["type"] == "image/jpeg" and len(heard["image"]["_binary"]) < 700_000


def test_who_is_writing_is_shown(chat, people):
    tina, gustav = people(chat, "Tina").arrive("study"), people(chat, "Gustav").arrive("study")
    gustav.page.do("focus", "#text")
    gustav.page.type("I th")
    eventually(lambda: tina.page.text("#typing") == "Gustav is writing…", 10, "Gustav is writing")
    gustav.page.type("ink so")
    gustav.page.press("Enter")
    tina.expect_texts("I think so")
    assert tina.page.text("#typing") == ""


def test_a_whisper_is_for_one(chat, people, node):
    tina, ann = people(chat, "Tina").arrive("balcony"), node("Ann", "balcony")
    eventually(lambda: "Ann" in tina.page.text("#with-members"), 10, "Ann is seen")
    tina.page.click("#members")
    tina.page.click("#members-list button:not([hidden])")
    assert tina.page.text("#with-name") == "Ann"
    assert not tina.page.is_visible("#picture")
    tina.write("psst")
    heard = ann.argument("whisper")
    assert heard["text"] == "psst" and heard["from"]["name"] == "Tina"
    ann.ask("whisper", {"to": heard["from"]["id"], "text": "yes?"})
    tina.expect_texts("psst", "yes?")
    ann.close()
    tina.write("still there?")
    tina.expect_states("sent", "received", "failed")
    assert tina.page.texts(".trouble .why")[-1] == "nobody has this id now"


def test_text_is_text_and_not_markup(chat, people, node):
    tina, ann = people(chat, "Tina").arrive("workshop"), node(MARKUP[:30], "workshop")
    for text in (MARKUP, "  two\n\nlines  ", "👋🏽 Goeie môre é ‮abc", "x" * 4000):
        ann.ask("message", {"room": "workshop", "text": text})
    tina.expect_texts(MARKUP, "  two\n\nlines  ", "👋🏽 Goeie môre é ‮abc", "x" * 4000)
    assert tina.page.text("#messages .author") == MARKUP[:30]
    assert tina.page.count("#messages img") == 0 and tina.page.count("script") == 2 and tina.page.count("b") == 0
    assert tina.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_room_that_cannot_be_called_so(chat, people):
    tina = people(chat, "Tina").arrive()
    tina.page.fill("#add-room", "?!")
    tina.page.press("Enter")
    assert "letters, digits" in tina.page.text("#add-error")
    tina.join("a-new-one")
    assert not tina.page.is_visible("#add-error")


# ---- what is lost, and what is not ----

def test_an_interruption_in_which_nothing_is_missed(chat, people, node):
    tina, ann = people(chat, "Tina").arrive("porch"), node("Ann", "porch")
    ann.ask("message", {"room": "porch", "text": "before"})
    tina.expect_texts("before")
    tina.loses_connection()
    assert tina.page.text("#with-state") == "No connection. Trying again…"
    ann.emit_many("message", [{"room": "porch", "text": f"while away, {number}"} for number in range(50)])
    tina.write("in the tunnel")
    tina.expect_states("received", "waiting")
    tina.is_back()
    eventually(lambda: any("Nothing was missed" in note for note in tina.notes()), 10, lambda: f"it is said: {tina.notes()}")
    eventually(lambda: len(tina.texts()) == 52, 10, "all is there")
    assert [text for text in tina.texts() if text.startswith("while")] == [f"while away, {number}" for number in range(50)]
    assert ann.argument("message")["text"] == "in the tunnel"
    assert "sent" in tina.states()


def test_an_interruption_that_lasts_too_long_is_said(hasty, people, clients):
    tina = people(hasty, "Tina").arrive("porch")
    ann = clients.open(hasty.direct_url, WEBSOCKET, query={"name": "Ann"})
    ann.connected()
    ann.ask("join room", "porch")
    ann.ask("message", {"room": "porch", "text": "before"})
    tina.expect_texts("before")
    tina.loses_connection()
    while ann.argument("presence", limit=20)["is_here"]:
        pass
    ann.ask("message", {"room": "porch", "text": "not for you"})
    tina.is_back()
    eventually(lambda: any("what was said meanwhile is not here" in note for note in tina.notes()), 10, lambda: f"it is said: {tina.notes()}")
    eventually(lambda: tina.page.text("#with-members") == "2 here: Ann, Tina", 10, "she is in the room again")
    ann.ask("message", {"room": "porch", "text": "welcome back"})
    tina.expect_texts("before", "welcome back")
    ann.close()


def test_a_reload_keeps_name_and_rooms(chat, people):
    tina = people(chat, "Tina", PHONE).arrive("larder", "stable")
    before = tina.page.evaluate("performance.timeOrigin")
    tina.page.reload()
    eventually(lambda: tina.page.evaluate("performance.timeOrigin") != before, 10, "loaded anew")
    tina.connected()
    eventually(lambda: sorted(tina.page.texts(".contact .name")) == ["larder", "stable"], 10, "both rooms")
    assert tina.page.text("#own-name") == "Tina"


# ---- the panel ----

def sign_in(page, chat, user="tina", password="secret of tina"):
    page.go(chat.url + "/admin.html")
    page.fill("#user", user)
    page.fill("#password", password)
    page.press("Enter")


def test_the_panel_shows_who_is_online_and_sends_away(chat, people):
    tina = people(chat, "Tina of the terrace").arrive("terrace")
    boss = people(chat, "boss")
    sign_in(boss.page, chat)
    boss.page.wait_for("#online")
    eventually(lambda: ["terrace"] == [rooms for name, rooms in zip(boss.page.texts("td.name"), boss.page.texts("td.rooms")) if name == tina.name],
               10, "Tina is seen")
    tina.join("vault")
    eventually(lambda: "terrace, vault" in boss.page.texts("td.rooms"), 10, "what changes is shown")
    boss.page.click(f"button[aria-label='Send {tina.name} away']")
    boss.page.fill("#reason", "too loud")
    boss.page.press("Enter")
    eventually(lambda: tina.page.text("#state-words") == "You were sent away: too loud", 10, "Tina is told")
    eventually(lambda: tina.name not in boss.page.texts("td.name"), 10, "and gone")
    tina.page.press("Escape")
    tina.page.click("#come-back")
    tina.connected()
    eventually(lambda: tina.name in boss.page.texts("td.name"), 10, "and back")


def test_who_may_not_see_the_panel_is_told_so(chat, people):
    boss = people(chat, "boss", PHONE)
    sign_in(boss.page, chat, "gustav", "secret of gustav")
    eventually(lambda: boss.page.text("#sign-in-error") == "This user may not see the panel.", 10, "told")
    sign_in(boss.page, chat, "tina", "wrong")
    boss.page.wait_for("#sign-in-error")
    assert not boss.page.is_visible("#online")


# ---- what it looks like ----

def test_the_keyboard_is_enough(chat, people, node):
    tina, ann = people(chat, "Tina", PHONE).arrive(), node("Ann", "kitchen")
    focused = "document.activeElement.id || document.activeElement.className"
    tina.page.do("focus", "#rename")
    tina.page.press("Tab")
    assert tina.page.evaluate(focused) == "add-room"
    assert tina.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tina.page.type("kitchen")
    tina.page.press("Enter")
    eventually(lambda: tina.page.evaluate(focused) == "text", 10, "the field has the focus")
    for key in ("one", "Shift+Enter", "two"):
        tina.page.press(key) if "+" in key else tina.page.type(key)
    tina.page.press("Enter")
    assert ann.argument("message")["text"] == "one\ntwo"
    tina.page.press("Enter")  # nothing is written: nothing is sent
    while tina.page.evaluate(focused) != "members":
        tina.page.press("Shift+Tab")
    tina.page.press("Enter")
    tina.page.wait_for("#members-dialog[open]")
    tina.page.press("Escape")
    assert tina.page.attribute("#app", "data-screen") == "talk", "Escape of a dialog is its own"
    tina.page.press("Escape")
    eventually(lambda: tina.page.evaluate(focused) == "contact", 10, "the focus is on the room again")
    tina.page.press("Enter")
    eventually(lambda: tina.page.evaluate(focused) == "text", 10, "and in it")


def test_everything_has_a_name_for_those_who_do_not_see_it(chat, people, node):
    tina, ann = people(chat, "Tina").arrive("library"), node("Ann", "library")
    ann.ask("image", {"room": "library", "type": "image/png", "image": binary(PICTURE.read_bytes())})
    tina.page.wait_for(".picture img")
    nameless = """[...document.querySelectorAll("button, input, textarea, img")].filter((each) =>
        each.offsetParent !== null && !each.textContent.trim() && !each.ariaLabel && !(each.labels?.length) &&
        each.getAttribute("alt") === null).map((each) => each.outerHTML)"""
    assert tina.page.evaluate(nameless) == []
    assert tina.page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("width", [320, 360, 719, 720, 1200])
def test_nothing_is_wider_than_the_page(chat, people, node, width):
    room = "a-room-with-a-name-of-forty-letters-1234"
    tina, ann = people(chat, "T" * 30, {"width": width, "height": 560}).arrive(room), node("A" * 40, room)
    ann.ask("message", {"room": room, "text": "x" * 300})
    ann.ask("image", {"room": room, "type": "image/png", "image": binary(PICTURE.read_bytes())})
    tina.write("y" * 300)
    tina.page.wait_for(".picture img")
    fits = "document.documentElement.scrollWidth <= innerWidth && document.getElementById('scroll').scrollWidth <= document.getElementById('scroll').clientWidth"
    assert tina.page.evaluate(fits)
    tina.page.press("Escape")
    assert tina.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boss = people(chat, "boss", {"width": width, "height": 560})
    sign_in(boss.page, chat)
    boss.page.wait_for("#online")
    assert boss.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_without_the_client_says_what_is_missing(make_broker, bin_directory, chromium, files, tmp_path):
    for each in files.iterdir():
        if each.name != "socket.io.min.js":
            (tmp_path / each.name).write_bytes(each.read_bytes())
    with Served(make_broker, bin_directory, tmp_path) as chat:
        page = chromium.open()
        page.go(chat.url + "/")
        eventually(lambda: "fetch_client.sh" in page.text("#state-words"), 10, "it is said")
        page.close()


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_taken(own, people, clients, pictures, size, scheme):
    chat = own
    viewport = {"phone": PHONE, "desktop": DESKTOP}[size]
    tina = people(chat, "Tina", viewport, scheme=scheme).arrive()

    def take(name, page=tina.page):
        page.screenshot(pictures / f"socketio-{size}-{scheme}-{name}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    take("empty")
    room = "lake"
    gustav, ann = (clients.open(chat.direct_url, WEBSOCKET, query={"name": name}) for name in ("Gustav van der Merwe", "Ann"))
    for each in (gustav, ann):
        each.connected()
        each.ask("join room", room)
    tina.join("kitchen").join(room)
    for socket, text in ((gustav, "Goeie môre! Who comes to the lake on Saturday?"), (ann, "I do, if somebody has room in the boat.")):
        socket.ask("message", {"room": room, "text": text})
    eventually(lambda: len(tina.texts()) == 2, 10, "both")
    tina.write("Take mine. The forecast says 3 to 4 from the south-west.")
    tina.expect_states("received", "received", "sent")
    ann.ask("image", {"room": room, "type": "image/png", "image": binary((ROOT / "examples" / "texto" / "texto-desktop.png").read_bytes())})
    tina.page.wait_for(".picture img")
    gustav.emit("typing", room)
    eventually(lambda: tina.page.text("#typing") != "", 10, "Gustav is writing")
    take("room")
    tina.page.click("#members")
    take("members")
    tina.page.click("#members-close")
    tina.loses_connection()
    tina.write("Are you there? The tunnel is long.")
    tina.page.wait_for(".message[data-state=waiting]")
    take("outage")
    tina.is_back()
    eventually(lambda: any("Nothing was missed" in note for note in tina.notes()), 10, "it is said")
    take("back")
    tina.page.press("Escape")
    tina.page.wait_for("#contacts")
    take("list")
    boss = people(chat, "boss", viewport, scheme=scheme)
    boss.page.go(chat.url + "/admin.html")
    take("panel-sign-in", boss.page)
    sign_in(boss.page, chat)
    boss.page.wait_for("#online")
    eventually(lambda: "Tina" in boss.page.texts("td.name"), 10, "Tina is seen")
    take("panel", boss.page)
    for each in (gustav, ann):
        each.leave()


# ---- pages from elsewhere ----

def test_a_page_of_another_origin(make_broker, bin_directory, chromium, tmp_path):
    """CORS as a real browser keeps it: the page is one listener's, the paths are others'."""
    (tmp_path / "index.html").write_text("<!doctype html><title>elsewhere</title>")
    script = str(install_packages() / "node_modules" / "socket.io-client" / "dist" / "socket.io.min.js")
    pages = f"127.0.0.1:{free_port()}"
    others = [listener("everybody", origins=["*"]), listener("named", origins=[f"http://{pages}"]), listener("own"),
              {**listener("pages"), "address": pages, "files": str(tmp_path), "paths": {"/x": {"type": "chat"}}}]
    handlers = {"socketio": {"command": [str(bin_directory / "socketio-handler")], "types": ["chat", "panel"]}}
    connect = """(address, options) => new Promise((done) => {
        const socket = io(address, { reconnection: false, forceNew: true, ...options });
        const end = (said) => (socket.disconnect(), done(said));
        socket.on("welcome", (told) => end(told.name));
        socket.on("connect_error", (error) => end("refused"));
      })"""
    with make_broker(handlers=handlers, listeners=others) as broker:
        page = chromium.open()
        page.go(f"http://{pages}/")
        page.do("addScriptTag", {"path": script})
        for name in ("everybody", "named", "own"):
            for transports in (["polling"], ["websocket"], ["polling", "websocket"]):
                for credentials in ("true", "false"):
                    options = f'{{"transports": {json.dumps(transports)}, "withCredentials": {credentials}, "query": {{"name": "Tina"}}}}'
                    address = f"http://127.0.0.1:{port_of(broker, name)}"
                    # Browsers take an answer for everybody only where no cookies go along; WebSockets know no such rule.
                    is_kept_out = name == "own" or (name == "everybody" and credentials == "true" and transports[0] == "polling")
                    answer = page.evaluate(f"({connect})({json.dumps(address)}, {options})")
                    assert answer == ("refused" if is_kept_out else "Tina"), (name, transports, credentials)
        page.close()

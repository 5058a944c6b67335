"""Texto's page in a real browser, served by the real broker. Each page's complaints (errors, violations of its policy)
fail the test, as does any request to elsewhere."""

import pytest

import eventually as waiting
from browser import DESKTOP, PHONE, Browser
from eventually import eventually
from texto import Person, Terminal, Texto

pytestmark = pytest.mark.skipif(waiting.slowness != 1, reason="the page is the same before every build; sanitizers run the rest")
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script> & <b>bold</b>"


@pytest.fixture(scope="module")
def chromium():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def lenient(make_broker, bin_directory):
    with Texto(make_broker, bin_directory, strict=False) as texto:
        yield texto


@pytest.fixture
def texto(lenient, shared_log):
    shared_log(lenient.broker)
    yield lenient
    lenient.proxy.refuse(False)


@pytest.fixture
def strict(make_broker, bin_directory):
    with Texto(make_broker, bin_directory, strict=True) as texto:
        yield texto


@pytest.fixture
def people(chromium):
    """people(texto, viewport, scheme, …): somebody new, at a page of theirs."""
    opened = []

    def make(texto, viewport=DESKTOP, **more):
        person = Person(chromium.open(viewport, **more), texto)
        opened.append(person)
        return person
    yield make
    for person in opened:
        person.check()
        person.page.close()


@pytest.fixture
def terminal(texto):
    made = Terminal(texto.direct_url)
    yield made
    made.close()


# ---- people talk ----

def test_a_phone_and_a_desktop_chat(texto, people):
    tina = people(texto, PHONE, is_touched=True).arrive()
    gustav = people(texto).arrive(to=tina.id)
    assert gustav.page.evaluate("location.search") == "", "the invitation is used up"
    gustav.write("Hallo Tina!")
    gustav.expect_states("sent")
    tina.page.wait_for(".contact")
    eventually(lambda: tina.page.do("title") == "(1) Texto", 10, "one unread text")
    tina.open_first()
    tina.expect_texts("Hallo Tina!")
    eventually(lambda: tina.page.do("title") == "Texto", 10, "it is read")
    assert tina.page.is_visible("#stranger")
    for number in range(5):
        tina.write(f"an answer, {number}")
    gustav.expect_texts("Hallo Tina!", *(f"an answer, {number}" for number in range(5)))
    tina.expect_states("received", *["sent"] * 5)
    assert not tina.page.is_visible("#stranger"), "who was answered is known"


def test_a_browser_and_a_terminal_chat(texto, people, terminal):
    tina = people(texto, PHONE).arrive()
    tina.page.fill("#add-id", f"my id: {terminal.id.upper()}")
    tina.page.press("Enter")
    tina.write("Are you there?")
    assert terminal.read() == (tina.id, "Are you there?")
    terminal.write(tina.id, "Always.")
    tina.expect_texts("Are you there?", "Always.")
    tina.expect_states("sent", "received")
    terminal.expect_nothing()


def test_text_is_text_and_not_markup(texto, people, terminal):
    tina = people(texto).arrive(to=terminal.id)
    pictures = tina.page.count("img")
    for text in (MARKUP, "  two\n\nlines  ", "👋🏽 Goeie môre é ‮abc", "\\u0041 \"quotes\" \x1b[31m", "x" * 4000):
        terminal.write(tina.id, text)
    tina.expect_texts(MARKUP, "  two\n\nlines  ", "👋🏽 Goeie môre é ‮abc", "\\u0041 \"quotes\" \x1b[31m", "x" * 4000)
    tina.page.click("#edit")
    tina.page.fill("#dialog-name", MARKUP[:60])
    tina.page.press("Enter")
    eventually(lambda: tina.page.text("#with-name") == MARKUP[:60], 10, "the new name")
    tina.write(MARKUP)
    assert terminal.read() == (tina.id, MARKUP)
    assert tina.page.count("img") == pictures and tina.page.count("script") == 1 and tina.page.count("b") == 0


def test_the_page_forbids_what_an_injection_would_do(texto, chromium):
    """And so proves that violations are seen by these tests."""
    tina = Person(chromium.open(), texto).arrive()
    assert tina.page.take_complaints() == []
    for injected, directive in (("Object.assign(new Image(), {src: 'http://127.0.0.1:1/x'})", "img-src"),
                                ("fetch('http://127.0.0.1:1/x').catch(() => {})", "connect-src"),
                                ("document.body.append(document.createElement('style'))", "style-src-elem"),
                                ("document.createElement('p').innerHTML = '<b>x</b>'", "require-trusted-types-for")):
        try:
            tina.page.evaluate(f"void ({injected}, document.querySelector('style')?.append('p {{}}'))")
        except AssertionError as error:
            assert "Trusted" in str(error)
        eventually(lambda: any(f"policy violated: {directive}" in said for said in tina.page.take_complaints()), 10, f"a violation: {injected}")
    tina.page.close()


def test_what_is_shared_is_the_id_and_a_link(texto, people):
    tina = people(texto).arrive()
    tina.page.permit("clipboard-read", "clipboard-write")
    for button, wanted in (("#copy-id", tina.id), ("#share", f"{texto.url}?to={tina.id}")):
        tina.page.evaluate("navigator.share = undefined")
        tina.page.click(button)
        eventually(lambda: tina.page.evaluate("navigator.clipboard.readText()") == wanted, 10, f"{button} copies {wanted}")


def test_the_keyboard_is_enough(texto, people, terminal):
    tina = people(texto, PHONE).arrive()
    focused = "document.activeElement.id || document.activeElement.className"
    for wanted in ("copy-id", "share", "add-id"):
        tina.page.press("Tab")
        assert tina.page.evaluate(focused) == wanted
        assert tina.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tina.page.type("no id")
    tina.page.press("Enter")
    assert tina.page.is_visible("#add-error")
    tina.page.press("Control+A")
    tina.page.type(terminal.id)
    tina.page.press("Enter")
    assert tina.page.evaluate(focused) == "text"
    for key in ("one", "Shift+Enter", "two"):
        tina.page.press(key) if "+" in key else tina.page.type(key)
    tina.page.press("Enter")
    assert terminal.read()[1] == "one\ntwo"
    tina.page.press("Enter")  # nothing is written: nothing is sent
    terminal.expect_nothing()
    tina.page.press("Escape")
    eventually(lambda: tina.page.evaluate(focused) == "contact", 10, "the focus is on the contact again")
    tina.page.press("Enter")
    assert tina.page.evaluate(focused) == "text"
    while tina.page.evaluate(focused) != "edit":
        tina.page.press("Shift+Tab")
    tina.page.press("Enter")
    assert tina.page.evaluate(focused) == "dialog-name"
    tina.page.type("At the terminal")
    tina.page.press("Enter")
    eventually(lambda: tina.page.text("#with-name") == "At the terminal", 10, "the new name")
    assert tina.page.attribute("#app", "data-screen") == "talk", "Escape and Enter of a dialog are its own"


def test_everything_has_a_name_for_those_who_do_not_see_it(texto, people, terminal):
    tina = people(texto).arrive(to=terminal.id)
    terminal.write(tina.id, "Hallo")
    tina.expect_texts("Hallo")
    nameless = """[...document.querySelectorAll("button, input, textarea, select")].filter((each) =>
        each.offsetParent !== null && !each.textContent.trim() && !each.ariaLabel && !(each.labels?.length)).map((each) => each.outerHTML)"""
    assert tina.page.evaluate(nameless) == []
    assert tina.page.evaluate("document.documentElement.lang") == "en"


# ---- nothing is lost ----

def test_a_reload_keeps_drafts_and_history(texto, people, terminal):
    tina = people(texto, PHONE).arrive(to=terminal.id)
    before = tina.id
    tina.write("kept")
    assert terminal.read() == (before, "kept")
    terminal.write(before, "as well")
    tina.expect_states("sent", "received")
    tina.page.fill("#text", "half a thou")
    tina.page.reload()
    tina.connected()
    tina.expect_texts("kept", "as well")
    tina.expect_states("sent", "received")
    assert tina.page.do("inputValue", "#text") == "half a thou"
    tina.page.press("Escape")
    tina.page.wait_for("#new-id")
    assert tina.page.text(".contact .last") == "Draft: half a thou"
    assert tina.id != before
    tina.page.click("#tell")
    assert terminal.read() == (tina.id, f"My Texto id is now {tina.id}")
    assert not tina.page.is_visible("#new-id")
    terminal.expect_nothing()


def test_what_is_written_while_the_way_is_cut_arrives_once(texto, people, terminal):
    tina = people(texto).arrive(to=terminal.id)
    tina.write("before")
    assert terminal.read()[1] == "before"
    tina.expect_states("sent")  # what is not acknowledged before the cut is sent again
    texto.proxy.refuse()
    tina.loses_connection()
    assert tina.page.is_visible("#with-state")
    # Between two attempts, for which it says "Connecting…".
    eventually(lambda: "No connection" in tina.page.text("#with-state"), 10, "it says that there is no connection")
    written = [f"while away, {number}" for number in range(40)]
    for text in written:
        tina.write(text)
    tina.expect_states("sent", *["waiting"] * 40)
    texto.proxy.refuse(False)
    tina.hurry()
    tina.expect_states(*["sent"] * 41)
    assert [terminal.read()[1] for _ in written] == written, "in order, once"
    terminal.expect_nothing()


def test_what_is_written_while_the_broker_is_dead_survives_and_arrives_once(strict, people):
    tina = people(strict, PHONE).arrive()
    gustav = people(strict).arrive(to=tina.id)
    gustav.write("before")
    tina.page.wait_for(".contact")
    tina.open_first()
    tina.write("an answer")
    gustav.expect_texts("before", "an answer")
    gustav.expect_states("sent", "received")
    strict.kill()
    for person in (tina, gustav):
        person.loses_connection()
    gustav.write("while it was dead")
    gustav.page.fill("#text", "a draft")
    gustav.expect_states("sent", "received", "waiting")
    strict.come_back()
    for person in (tina, gustav):
        person.hurry()
    # Everybody has another id now: the text reached nobody, which a strict server says, and the page keeps it.
    gustav.expect_states("sent", "received", "failed")
    assert gustav.page.texts(".trouble .why")[2] == "Nobody has this id now"
    assert gustav.page.do("inputValue", "#text") == "a draft"
    gustav.page.click("#edit")
    gustav.page.fill("#dialog-id", tina.id)
    gustav.page.fill("#dialog-name", "Tina")
    gustav.page.click("#dialog .main")
    gustav.page.click("#messages li:nth-child(3) .trouble button")
    gustav.expect_states("sent", "received", "sent")
    # To Tina, Gustav is somebody new until she says who he was.
    tina.page.click("#back")
    eventually(lambda: tina.page.count(".contact") == 2, 10, "somebody new")
    tina.open_first()
    tina.expect_texts("while it was dead")
    tina.page.click("#name-stranger")
    tina.page.do("selectOption", "#dialog-same", {"index": 1})
    tina.page.click("#dialog .main")
    tina.expect_texts("before", "an answer", "while it was dead")
    tina.write("welcome back")
    gustav.expect_texts("before", "an answer", "while it was dead", "welcome back")


def test_one_tab_at_a_time_is_connected(texto, people, terminal):
    tina = people(texto).arrive(to=terminal.id)
    tina.write("from the first tab")
    tina.expect_states("sent")
    second = Person(tina.page.open_beside(), texto)
    second.page.go(texto.url)
    second.page.wait_for("#elsewhere[open]")
    second.page.click("#use-here")
    second.connected()
    tina.page.wait_for("#elsewhere[open]")
    assert tina.page.attribute("#state", "data-state") == "stopped"
    second.open_first()
    second.expect_texts("from the first tab")
    second.write("from the second")
    assert [terminal.read()[1] for _ in range(2)] == ["from the first tab", "from the second"]
    terminal.expect_nothing()
    second.check()


# ---- what it looks like ----

@pytest.mark.parametrize("width", [320, 360, 719, 720, 1200])
def test_nothing_is_wider_than_the_page(texto, people, terminal, width):
    tina = people(texto, {"width": width, "height": 560}).arrive(to=terminal.id)
    terminal.write(tina.id, "x" * 300)
    tina.expect_states("received")
    tina.write("y" * 300)
    tina.expect_states("received", "sent")
    fits = "document.documentElement.scrollWidth <= innerWidth && document.getElementById('scroll').scrollWidth <= document.getElementById('scroll').clientWidth"
    assert tina.page.evaluate(fits)
    tina.page.press("Escape")
    assert tina.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_newest_text_is_in_sight_unless_one_reads_above(texto, people, terminal):
    tina = people(texto, {"width": 800, "height": 500}).arrive(to=terminal.id)
    gap = "((s) => s.scrollHeight - s.scrollTop - s.clientHeight)(document.getElementById('scroll'))"
    for number in range(30):
        terminal.write(tina.id, f"text {number}")
    eventually(lambda: len(tina.texts()) == 30 and tina.page.evaluate(gap) < 2, 10, "at the end")
    tina.page.evaluate("document.getElementById('scroll').scrollTop = 50")
    tina.page.wait_for("#to-end", "hidden")
    # Its event comes later than the change.
    tina.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    terminal.write(tina.id, "meanwhile")
    tina.page.wait_for("#to-end")
    assert tina.page.evaluate(gap) > 100
    tina.page.click("#to-end")
    eventually(lambda: tina.page.evaluate(gap) < 2, 10, "at the end again")
    assert not tina.page.is_visible("#to-end")


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_taken(texto, people, pictures, size, scheme):
    viewport = {"phone": PHONE, "desktop": DESKTOP}[size]
    tina = people(texto, viewport, scheme=scheme).arrive()

    def take(name):
        tina.page.screenshot(pictures / f"texto-{size}-{scheme}-{name}.png")
        assert tina.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    take("empty")
    gustav, ann = Terminal(texto.direct_url), Terminal(texto.direct_url)
    for friend, name in ((ann, "Ann"), (gustav, "Gustav van der Merwe")):
        tina.page.press("Escape")
        tina.page.fill("#add-id", friend.id)
        tina.page.press("Enter")
        tina.page.click("#edit")
        tina.page.fill("#dialog-name", name)
        tina.page.press("Enter")
    gustav.write(tina.id, "Goeie môre! Are you coming to the lake on Saturday?")
    tina.expect_states("received")
    tina.write("Yes! With the small boat, if the wind lets us.")
    tina.expect_states("received", "sent")
    gustav.write(tina.id, "It will. The forecast says 3 to 4 from the south-west, and not a cloud until the evening.")
    gustav.write(tina.id, "I bring the bread, fresh from the oven")
    tina.expect_states("received", "sent", "received", "received")
    tina.write("Then I bring\n- cheese\n- tea\n- a second jumper")
    tina.expect_states("received", "sent", "received", "received", "sent")
    ann.write(tina.id, "Did you find the key?")
    eventually(lambda: tina.page.do("title") == "(1) Texto", 10, "a text from Ann")
    take("conversation")
    tina.page.press("Escape")
    tina.page.wait_for("#contacts .unread:not([hidden])")
    take("contacts")
    tina.page.click("#contacts li:nth-child(2) button")
    texto.proxy.refuse()
    tina.loses_connection()
    tina.write("Are you there? I am on the train, the tunnel is long.")
    tina.page.wait_for(".message[data-state=waiting]")
    take("outage")
    for friend in (gustav, ann):
        friend.close()

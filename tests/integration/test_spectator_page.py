"""The spectator panel's page in a real browser, served by the real broker, live from the real feed. Each page's complaints
(errors, violations of its policy, updates of another guild) fail the test, as does any request to elsewhere."""
import os
import signal

import pytest

import eventually as waiting
from browser import DESKTOP, PHONE, Browser
from eventually import eventually
from spectator import ADMINISTRATOR, Panel, token
from spectator_page import Watcher

pytestmark = pytest.mark.skipif(waiting.slowness != 1, reason="the page is the same before every build; sanitizers run the rest")
ALL = token("Tina Botha", roles=ADMINISTRATOR)


@pytest.fixture(scope="module")
def chromium():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def shared_panel(make_broker, bin_directory, tmp_path_factory):
    with Panel(make_broker, bin_directory, tmp_path_factory.mktemp("panel"), guilds=24, members=120, rate=240) as panel:
        yield panel


@pytest.fixture
def panel(shared_panel, shared_log):
    shared_log(shared_panel.broker)
    yield shared_panel
    shared_panel.proxy.refuse(False)


@pytest.fixture
def own_panel(make_broker, bin_directory, tmp_path):
    """make(**settings): one of one's own, to be broken."""
    made = []

    def make(**settings):
        made.append(Panel(make_broker, bin_directory, tmp_path, guilds=6, **settings))
        return made[-1]
    yield make
    for each in made:
        each.__exit__(None, None, None)


@pytest.fixture
def people(chromium):
    """people(panel, viewport, scheme, …): somebody new, at a page of theirs."""
    opened = []

    def make(panel, viewport=DESKTOP, **more):
        watcher = Watcher(chromium.open(viewport, **more), panel)
        opened.append(watcher)
        return watcher
    yield make
    for watcher in opened:
        watcher.check()
        watcher.page.close()


# ---- signing in ----

def test_somebody_new_signs_in_and_watches(panel, people):
    tina = people(panel).arrive()
    assert tina.screen() == "sign-in"
    tina.page.fill("#line", "member_banned name=Ann by=Tina reason=spam")
    tina.page.press("Enter")
    eventually(lambda: tina.page.text("#meaning") == "Tina banned Ann: spam", 10, "the line in words")
    for wrong, words in (("nonsense", "not valid"), (token(lifetime=-60), "has expired")):
        tina.enter(wrong)
        eventually(lambda: words in tina.page.text("#enter-error"), 10, words)
    tina.page.evaluate("history.replaceState(null, '', location.pathname)")
    tina.enter(ALL).signed_in()
    eventually(lambda: tina.page.count("#guilds li") == 24, 10, "all guilds")
    assert tina.page.text("#user") == "Tina Botha"
    tina.look("g3")
    tina.wait_for_entries()
    assert tina.page.do("title").endswith("Spectator") and tina.page.text("#guild-name") in tina.page.do("title")
    # A reload goes on where one was.
    tina.page.reload()
    tina.signed_in().sees("g3").wait_for_entries()


def test_a_token_in_the_address_is_used_and_removed(panel, people):
    tina = people(panel).arrive(f"#token={ALL}&guild=g2").signed_in().sees("g2")
    assert "token" not in tina.page.evaluate("location.href")
    tina.wait_for_entries()
    tina.page.click("#sign-out")
    eventually(lambda: tina.screen() == "sign-in", 10, "signed out")
    assert tina.page.evaluate("sessionStorage.length") == 0
    tina.page.reload()
    tina.page.wait_for("#state[data-state=open]", "attached")
    assert tina.screen() == "sign-in"


def test_what_one_may_not_see_is_said_in_words(panel, people):
    ann = people(panel).arrive(f"#token={token('Ann', guilds={'g1': ['view'], 'g2': ['view', 'log']})}").signed_in()
    eventually(lambda: ann.page.count("#guilds li") == 2, 10, "her guilds")
    ann.look("g1")
    eventually(lambda: ann.page.text("#guild-state") == "Live, changes only", 10, "without the log that is not hers")
    assert not ann.page.do("isChecked", "#with-log")
    assert not ann.page.is_visible("#tab-bans")
    ann.page.click("#with-log")
    eventually(lambda: "log" in "".join(ann.page.texts("#toasts p")), 10, "a word about it")
    eventually(lambda: not ann.page.do("isChecked", "#with-log"), 10, "and off again")
    ann.page.evaluate("location.hash = ''")
    ann.page.go(panel.url + "#guild=g9")
    ann.page.reload()
    ann.signed_in()
    eventually(lambda: "does not allow" in ann.page.text("#guild-state"), 10, "g9 is not hers")


# ---- watching ----

def test_switching_shows_one_guild_at_a_time(panel, people):
    tina = people(panel).arrive(f"#token={ALL}").signed_in()
    for step in range(12):
        guild = f"g{step % 5 + 1}"
        tina.look(guild).wait_for_entries(1)
        shown = set(tina.page.evaluate("[...document.querySelectorAll('#log .entry')].map((each) => each.dataset.guild)"))
        assert shown == {guild}
    # As fast as one can click; what is chosen last is what one sees.
    tina.page.evaluate("for (const id of ['g1', 'g2', 'g3', 'g4', 'g5']) document.querySelector(`[data-guild=${id}]`).click()")
    tina.sees("g5").wait_for_entries(1)


def test_the_log_is_filtered_paused_and_translated(panel, people):
    tina = people(panel).arrive(f"#token={ALL}&guild=g1").signed_in().sees("g1")
    tina.wait_for_entries(5)
    tina.page.do("selectOption", "#kind", "log")
    eventually(lambda: tina.words() and all("#" in each for each in tina.words()), 10, "messages only")
    tina.page.do("selectOption", "#kind", "")
    tina.page.fill("#filter", "no entry says this")
    eventually(lambda: tina.page.is_visible("#no-log") and "filter" in tina.page.text("#no-log"), 10, "nothing fits")
    tina.page.fill("#filter", "")
    tina.wait_for_entries(5)
    tina.page.click("#pause")
    top = tina.newest()
    eventually(lambda: "(" in tina.page.text("#pause"), 20, "what comes meanwhile is counted")
    assert tina.newest() == top
    tina.page.click("#pause")
    eventually(lambda: tina.newest() != top, 10, "it goes on")
    tina.page.do("selectOption", "#language", "de")
    eventually(lambda: any(word in " ".join(tina.words()) for word in (" hat ", " ist ", " jetzt ", " hört ")), 10, "in German")
    tina.page.do("selectOption", "#language", "en")


def test_lists_are_searched_paged_and_kept_up_to_date(panel, people):
    tina = people(panel).arrive(f"#token={ALL}&guild=g4").signed_in().sees("g4").open_tab("members")
    eventually(lambda: len(tina.names()) >= 25, 10, "a page of members")
    before = len(tina.names())
    tina.page.do("press", "#more", "Enter")
    eventually(lambda: len(tina.names()) > before + 20, 10, "another page")
    tina.page.fill("#search", "an")
    eventually(lambda: tina.names() and all("an" in (text + more).lower() for text, more in zip(tina.names(), tina.page.texts("#items .more"))), 10, "who has it in the name or the role")
    tina.page.fill("#search", "nobody is called this")
    tina.page.wait_for("#no-items")
    tina.page.press("Escape")
    eventually(lambda: len(tina.names()) >= 25, 10, "Escape empties the search")
    for kind, mark in (("channels", "#"), ("roles", None), ("emoji", None), ("bans", None)):
        tina.open_tab(kind)
        eventually(lambda: tina.page.count("#items li") >= 1 and tina.page.attribute("#items", "data-kind") == kind, 10, kind)
        assert mark is None or set(tina.page.texts("#items .mark")) == {mark}
    # What happens shows in the list that one looks at.
    tina.open_tab("channels")
    eventually(lambda: tina.page.count("#items .changed") > 0, 30, "a channel that has changed")


# ---- nothing is lost ----

def test_an_expired_token_asks_for_a_new_one_and_goes_on(own_panel, people):
    panel = own_panel(rate=120)
    tina = people(panel).arrive(f"#token={token(lifetime=4)}&guild=g2").signed_in().sees("g2")
    tina.page.do("setDefaultTimeout", 20000)
    tina.page.wait_for("#notice:not([hidden])")
    assert "Updates go on for" in tina.page.attribute("#notice", "data-left")
    tina.wait_for_new_entries()
    tina.page.fill("#new-token", "nonsense")
    tina.page.press("Enter")
    eventually(lambda: "not valid" in tina.page.text("#renew-error"), 10, "in words")
    entries = tina.page.count("#log .entry")
    tina.page.fill("#new-token", token())
    tina.page.press("Enter")
    tina.page.wait_for("#notice", "hidden")
    assert tina.page.count("#log .entry") >= min(entries, 100), "the view is the same one"
    tina.wait_for_new_entries()
    assert tina.screen() == "guild"


def test_after_the_grace_a_new_token_brings_the_view_back(own_panel, people):
    panel = own_panel(rate=120, grace_ms=300)
    tina = people(panel).arrive(f"#token={token(lifetime=4)}&guild=g2").signed_in().sees("g2")
    eventually(lambda: "updates have ended" in tina.page.text("#notice-words"), 20, "the view was dropped")
    assert tina.page.text("#guild-state") == "No updates now"
    tina.page.fill("#new-token", token())
    tina.page.press("Enter")
    tina.page.wait_for("#notice", "hidden")
    eventually(lambda: tina.page.text("#guild-state").startswith("Live"), 10, "live again")
    tina.wait_for_new_entries()


def test_a_lost_connection_comes_back_with_the_view(panel, people):
    tina = people(panel, PHONE).arrive(f"#token={ALL}&guild=g2").signed_in().sees("g2")
    tina.wait_for_entries()
    panel.proxy.refuse()
    tina.loses_connection()
    eventually(lambda: "No connection" in tina.page.text("#state-words"), 10, "in words")
    assert tina.page.text("#guild-state") == "No updates now"
    panel.proxy.refuse(False)
    tina.hurry()
    eventually(lambda: tina.page.text("#guild-state") == "Live, with its log", 10, "live again")
    tina.wait_for_new_entries()


def test_a_gateway_that_dies_is_hardly_noticed(own_panel, people):
    panel = own_panel(rate=120)
    tina = people(panel).arrive(f"#token={token()}&guild=g2").signed_in().sees("g2")
    tina.wait_for_entries()
    pid = panel.broker.pid_of("spectator")
    os.kill(pid, signal.SIGKILL)
    panel.broker.wait_for_other_pid("spectator", pid)
    eventually(lambda: panel.statistics()["watched_groups"] == 2, 10, "watched again")
    tina.wait_for_new_entries()
    assert tina.screen() == "guild"


# ---- keyboard, phone, looks ----

def test_the_keyboard_is_enough(panel, people):
    tina = people(panel).arrive()
    focused = "document.activeElement.id || document.activeElement.className"
    assert tina.page.evaluate(focused) == "token"
    tina.page.evaluate(f"document.getElementById('token').value = '{ALL}'")
    tina.page.press("Enter")
    tina.signed_in()
    eventually(lambda: tina.page.count("#guilds li") == 24, 10, "all guilds")
    tina.page.evaluate("document.activeElement.blur()")
    tina.page.press("/")
    assert tina.page.evaluate(focused) == "guild-search"
    tina.page.type("club")
    eventually(lambda: 0 < tina.page.count("#guilds li") < 24, 10, "fewer")
    tina.page.press("Tab")
    assert tina.page.evaluate(focused) == "guild-button"
    assert tina.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tina.page.press("ArrowDown")
    guild = tina.page.evaluate("document.activeElement.dataset.guild")
    tina.page.press("Enter")
    tina.sees(guild).wait_for_entries(1)
    tina.page.do("focus", "#tab-log")
    tina.page.press("ArrowRight")
    assert tina.page.evaluate(focused) == "tab-members"
    eventually(lambda: len(tina.names()) > 20, 10, "members")
    tina.page.press("ArrowLeft")
    assert tina.page.is_visible("#panel-log")
    tina.page.press("/")
    assert tina.page.evaluate(focused) == "filter"
    tina.page.type("x")
    tina.page.press("Escape")
    assert tina.page.do("inputValue", "#filter") == "" and tina.screen() == "guild"
    tina.page.press("Escape")
    eventually(lambda: tina.screen() == "guilds", 10, "back to all of them")


def test_everything_has_a_name_for_those_who_do_not_see_it(panel, people):
    tina = people(panel).arrive()
    nameless = """[...document.querySelectorAll("button, input, textarea, select")].filter((each) =>
        each.offsetParent !== null && !each.textContent.trim() && !each.ariaLabel && !(each.labels?.length)).map((each) => each.outerHTML)"""
    assert tina.page.evaluate(nameless) == []
    tina.enter(ALL).signed_in().look("g1").open_tab("members")
    eventually(lambda: len(tina.names()) > 20, 10, "members")
    assert tina.page.evaluate(nameless) == []


def test_back_leads_from_a_guild_to_all_on_a_phone(panel, people):
    tina = people(panel, PHONE, is_touched=True).arrive(f"#token={ALL}").signed_in()
    assert tina.screen() == "guilds" and not tina.page.is_visible("#guild-inside")
    tina.look("g2")
    assert not tina.page.is_visible("#guilds") and tina.page.is_visible("#back")
    tina.page.do("goBack")
    eventually(lambda: tina.screen() == "guilds", 10, "the browser's Back")
    tina.look("g3").wait_for_entries(1)
    tina.page.click("#back")
    eventually(lambda: tina.screen() == "guilds", 10, "the page's own")
    assert tina.page.is_visible("#guilds")


@pytest.mark.parametrize("width", [320, 360, 759, 760, 1200])
def test_nothing_is_wider_than_the_page(panel, people, width):
    tina = people(panel, {"width": width, "height": 600}).arrive()
    fits = "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.scroll')].every((each) => each.scrollWidth <= each.clientWidth)"
    assert tina.page.evaluate(fits)
    tina.enter(ALL).signed_in()
    eventually(lambda: tina.page.count("#guilds li") == 24, 10, "all guilds")
    assert tina.page.evaluate(fits)
    tina.look("g1").wait_for_entries(5)
    assert tina.page.evaluate(fits)
    tina.open_tab("members")
    eventually(lambda: len(tina.names()) > 20, 10, "members")
    assert tina.page.evaluate(fits)


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_taken(own_panel, people, pictures, size, scheme):
    panel = own_panel(rate=60, grace_ms=600000)
    tina = people(panel, {"phone": PHONE, "desktop": DESKTOP}[size], scheme=scheme).arrive()

    def take(name):
        tina.page.screenshot(pictures / f"spectator-{size}-{scheme}-{name}.png")

    tina.page.press("Tab")
    tina.page.click("#interpret button")
    eventually(lambda: tina.page.text("#meaning"), 10, "words")
    take("sign-in")
    tina.enter(ALL).signed_in()
    eventually(lambda: tina.page.count("#guilds li") == 6, 10, "all guilds")
    take("guilds")
    tina.look("g3").wait_for_entries(14)
    take("log")
    tina.open_tab("members")
    eventually(lambda: len(tina.names()) > 20, 10, "members")
    take("members")
    tina.open_tab("emoji")
    eventually(lambda: len(tina.names()) > 10, 10, "emoji")
    take("emoji")
    tina.open_tab("roles")
    eventually(lambda: len(tina.names()) > 4, 10, "roles")
    take("roles")
    tina.open_tab("log")
    tina.page.evaluate("document.activeElement.blur()")
    tina.page.do("evaluate", "sessionStorage.setItem('token', '%s')" % token("Tina Botha", lifetime=4))
    tina.page.reload()
    eventually(lambda: tina.page.is_visible("#notice"), 20, "the token has expired")
    tina.wait_for_entries(6)
    take("expired")

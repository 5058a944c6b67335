"""Somebody at the spectator panel's page."""
from eventually import eventually


class Watcher:
    def __init__(self, page, panel):
        self.page = page
        self.panel = panel
        self.has_outages = False

    def arrive(self, fragment=""):
        self.page.go(self.panel.url + fragment)
        self.page.wait_for("#state[data-state=open]", "attached")
        return self

    def enter(self, token):
        """Signs in at the form."""
        self.page.fill("#token", token)
        self.page.click("#enter-button")
        return self

    def signed_in(self):
        eventually(lambda: self.screen() in ("guilds", "guild"), 10, "signed in")
        return self

    def screen(self):
        return self.page.attribute("#app", "data-screen")

    def look(self, guild):
        self.page.click(f"[data-guild={guild}]")
        return self.sees(guild)

    def sees(self, guild):
        """The server's word has come: the view is that guild's."""
        eventually(lambda: self.page.attribute("#guild-inside", "data-guild") == guild, 10, f"the view of {guild}")
        return self

    def open_tab(self, kind):
        self.page.click(f"#tab-{kind}")
        return self

    def words(self):
        return self.page.texts("#log .words")

    def wait_for_entries(self, count=3):
        """So many entries of the log, put into words."""
        return eventually(lambda: len(found := self.words()) >= count and found, 20, f"{count} entries")

    def wait_for_new_entries(self):
        before = self.page.evaluate("document.getElementById('log').firstElementChild")
        top = self.newest()
        eventually(lambda: self.newest() != top, 20, f"something newer than {top}")
        return before

    def newest(self):
        return self.page.evaluate("document.querySelector('#log .entry')?.textContent ?? ''")

    def names(self):
        return self.page.texts("#items .name")

    def loses_connection(self):
        self.has_outages = True
        self.page.wait_for("#state[data-state=waiting]", "attached")

    def hurry(self):
        """The next attempt is made now and not when its pause is over."""
        def is_open():
            self.page.evaluate("document.getElementById('try-now').hidden || document.getElementById('try-now').click()")
            return self.page.attribute("#state", "data-state") == "open"
        eventually(is_open, 15, "connected again")

    def check(self):
        """Nothing complained, nothing asked for anything elsewhere."""
        of_outages = ("WebSocket connection to", "net::ERR_")
        complaints = [said for said in self.page.take_complaints() if not (self.has_outages and any(part in said for part in of_outages))]
        assert complaints == []
        here = (self.panel.url, self.panel.url.replace("http", "ws"))
        assert [url for url in self.page.requests() if not url.startswith(here)] == []

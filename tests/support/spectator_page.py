"""Somebody at the spectator panel's page."""
from browser import Visitor
from eventually import eventually


class Watcher(Visitor):
    def arrive(self, fragment=""):
        self.page.go(self.site.url + fragment)
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

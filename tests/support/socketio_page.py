"""The chat of examples/socketio with its page, and somebody at it."""
from browser import Visitor
from eventually import eventually
from socketio import PATH, Chat


class Served(Chat):
    """The chat and its page on one listener, as examples/socketio/config.jsonc has them."""

    def __init__(self, make_broker, bin_directory, files, recovery="2m"):
        super().__init__(make_broker, bin_directory, start=False)
        listener = self.broker.config["listeners"][0]
        listener["files"] = str(files)
        listener["paths"][PATH]["recovery"] = recovery
        self.broker.write_config()
        self.broker.start()
        self.started()


class Person(Visitor):
    def __init__(self, page, chat, name):
        super().__init__(page, chat)
        self.name = name

    def arrive(self, *rooms):
        self.page.go(self.site.url + "/")
        self.page.wait_for("#name-dialog[open]")
        self.page.fill("#name", self.name)
        self.page.press("Enter")
        self.connected()
        for room in rooms:
            self.join(room)
        return self

    def connected(self):
        self.page.wait_for("#state[data-state=open]", "attached")
        return self

    def join(self, room):
        if self.page.is_visible("#back"):
            self.page.press("Escape")
        self.page.fill("#add-room", room)
        self.page.press("Enter")
        eventually(lambda: self.page.text("#with-name") == room, 10, f"{room} is open")
        return self

    def write(self, text):
        self.page.fill("#text", text)
        self.page.press("Enter")

    def texts(self):
        return self.page.texts("#messages .text")

    def notes(self):
        return self.page.texts("#messages .happened")

    def expect_texts(self, *wanted):
        eventually(lambda: self.texts() == list(wanted), 10, lambda: f"{wanted}, but {self.texts()}")

    def states(self):
        return [self.page.attribute(f"#messages li.message >> nth={n}", "data-state") for n in range(self.page.count("#messages li.message"))]

    def expect_states(self, *wanted):
        eventually(lambda: self.states() == list(wanted), 15, lambda: f"{wanted}, but {self.states()}")

    def loses_connection(self):
        self.site.proxy.refuse()
        super().loses_connection()

    def is_back(self):
        self.site.proxy.refuse(False)
        return self.connected()

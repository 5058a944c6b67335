"""Chromium, and other programs of tests/browser, driven from tests.

The packages that they need (tests/browser/package-lock.json) are installed under build/ once, whoever asks first."""
import fcntl
import json
import os
import pathlib
import selectors
import shutil
import subprocess
import time

import eventually as waiting
from eventually import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "browser"
INSTALLED = ROOT / "build" / "browser-packages"
LIMIT = 15.0
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1200, "height": 800}


def install_packages():
    """Returns the folder with `node_modules`, made by npm from the lock file unless it is there already."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    wanted = (SOURCE / "package-lock.json").read_text()
    stamp = INSTALLED / "installed"
    with open(INSTALLED / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers, other runs
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCE / name, INSTALLED / name)
            done = subprocess.run(["npm", "ci", "--prefix", str(INSTALLED), "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"],
                                  capture_output=True, text=True, timeout=300, cwd=INSTALLED)
            assert done.returncode == 0, f"npm could not install what tests/browser needs:\n{done.stderr[-3000:]}"
            stamp.write_text(wanted)
    return INSTALLED


class NodeProgram:
    """A program of tests/browser that is called by lines of JSON (lines.mjs). Use as a context."""

    def __init__(self, program, *arguments, **environment):
        folder = install_packages()
        self.next_id = 0
        self.buffer = b""
        self.process = subprocess.Popen(["node", str(SOURCE / program), str(folder), *map(str, arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "NODE_NO_WARNINGS": "1", **environment})
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10 * waiting.slowness)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def call(self, name, *values):
        self.next_id += 1
        self.process.stdin.write(json.dumps({"id": self.next_id, "call": name, "with": values}).encode() + b"\n")
        self.process.stdin.flush()
        until = time.monotonic() + 2 * LIMIT * waiting.slowness
        while True:
            answer = json.loads(self.read_line(until))
            if answer["id"] != self.next_id:
                continue  # of a call that was given up
            if "error" in answer:
                raise AssertionError(f"{name}{values}: {answer['error']}")
            return answer["result"]

    def read_line(self, until):
        while b"\n" not in self.buffer:
            if not self.selector.select(max(0, until - time.monotonic())):
                raise AssertionError(f"{self.process.args[1]} does not answer")
            came = os.read(self.process.stdout.fileno(), 1 << 20)
            if not came:
                raise AssertionError(f"{self.process.args[1]} has ended with {self.process.wait()}")
            self.buffer += came
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line


class Browser(NodeProgram):
    """A headless Chromium with a profile of its own."""

    def __init__(self):
        path = shutil.which("chromium")
        assert path, "chromium is not installed; tests/support/install.sh tests does it"
        super().__init__("driver.mjs", path, int(LIMIT * 1000 * waiting.slowness))

    def open(self, viewport=DESKTOP, scheme="light", is_touched=False, **more):
        """A page that shares nothing with others. `scheme`: light or dark."""
        return Page(self, self.call("open", {"viewport": viewport, "colorScheme": scheme, "hasTouch": is_touched, "isMobile": is_touched, **more}))


class Page:
    """A tab. What Playwright's pages can do is done by name; what tests do often has a name of its own."""

    def __init__(self, browser, number):
        self.browser = browser
        self.number = number

    def do(self, method, *values):
        return self.browser.call("page", self.number, method, *values)

    def go(self, url):
        self.do("goto", url)

    def reload(self):
        self.do("reload")

    def click(self, selector):
        self.do("click", selector)

    def fill(self, selector, text):
        self.do("fill", selector, text)

    def press(self, key):
        """A key for whatever has the focus."""
        self.browser.call("keyboard", self.number, "press", key)

    def type(self, text):
        self.browser.call("keyboard", self.number, "type", text)

    def text(self, selector):
        return self.do("textContent", selector)

    def texts(self, selector):
        return self.browser.call("texts", self.number, selector)

    def count(self, selector):
        return len(self.texts(selector))

    def attribute(self, selector, name):
        return self.do("getAttribute", selector, name)

    def is_visible(self, selector):
        return self.do("isVisible", selector)

    def evaluate(self, expression):
        return self.do("evaluate", expression)

    def wait_for(self, selector, state="visible"):
        self.do("waitForSelector", selector, {"state": state})

    def until(self, condition, what):
        return eventually(condition, LIMIT, what)

    def permit(self, *permissions):
        self.browser.call("permit", self.number, permissions)

    def take_complaints(self):
        """Errors and warnings on the console, uncaught exceptions, violations of the page's policy, since the last time."""
        return self.browser.call("complaints", self.number)

    def requests(self):
        """The addresses of all that it asked for, WebSockets too."""
        return self.browser.call("requests", self.number)

    def screenshot(self, path):
        """Without the mouse on anything."""
        self.browser.call("mouse", self.number, "move", 0, 0)
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.do("screenshot", {"path": str(path), "animations": "disabled", "caret": "hide"})

    def open_beside(self):
        return Page(self.browser, self.browser.call("open_beside", self.number))

    def close(self):
        """With the tabs beside it."""
        self.browser.call("close", self.number)


class Visitor:
    """Somebody at the page of an example, which is reached at `site.url`."""

    def __init__(self, page, site):
        self.page = page
        self.site = site
        self.has_outages = False

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
        here = (self.site.url, self.site.url.replace("http", "ws"), f"blob:{self.site.url}")
        assert [url for url in self.page.requests() if not url.startswith(here)] == []

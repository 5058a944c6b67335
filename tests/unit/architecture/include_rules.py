"""Which folder may include which: the arrows of the house, and the rules for headers.

    include_rules.py ROOT     prints every breach as file:line, exits with 1 if there is one
"""
import pathlib
import re
import sys

BELOW = {
    "wire": set(),
    "log": set(),
    "workers": {"log"},
    "json": {"wire"},
    "coroutines": set(),
    "files": set(),
    "exchange": {"log", "wire"},
    "storage": {"files", "log", "wire", "workers"},
    "tls": {"files", "wire"},
    "web": {"wire"},
    "access": {"json", "wire"},
    "socketio": {"wire"},
    "clients": {"access", "exchange", "files", "json", "log", "socketio", "tls", "web", "wire", "workers"},
    "handlers": {"coroutines", "exchange", "json", "log", "wire"},
    "peering": {"coroutines", "exchange", "files", "json", "log", "tls", "wire"},
    "config": {"access", "clients", "coroutines", "files", "handlers", "peering", "exchange", "json", "log", "socketio", "storage", "tls", "web", "wire", "workers"},
    "admin": {"access", "clients", "coroutines", "files", "handlers", "peering", "exchange", "json", "log", "socketio", "storage", "tls", "web", "wire", "workers"},
    "cli": {"access", "admin", "config", "clients", "coroutines", "files", "handlers", "peering", "exchange", "json", "log", "socketio", "storage", "tls", "web", "wire", "workers"},
}
# The parts of a folder that has any, and which of its other parts each may include. What stands beside them is for
# all, and includes none, or those named for "".
PARTS = {
    "clients": {
        "": {"connection", "engine", "http", "listener", "login", "session", "websocket"},
        "listener": set(),
        "login": set(),
        "connection": {"listener"},
        "session": {"connection", "listener", "login"},
        "websocket": {"connection", "listener", "login", "session"},
        "engine": {"connection", "listener", "login", "session", "websocket"},
        "http": {"connection", "engine", "listener", "login", "session", "websocket"},
    },
    "peering": {
        "flows": set(),
        "link": set(),
        "routing": set(),
        "shard": {"flows", "link", "routing"},
        "network": {"flows", "link", "routing", "shard"},
    },
}
# Pure code: bytes in, values out. Whoever needs one of these there is building in the wrong folder.
NOT_IN_WIRE = re.compile(r"asio|spdlog/|nlohmann/|sys/socket|sys/epoll|unistd\.h|thread$|mutex$|chrono$|iostream$|fstream$")
# Costly to compile, so in no header that others include; <asio.hpp> and its parts are the shards' own.
NOT_IN_HEADERS = re.compile(r"spdlog/|nlohmann/json\.hpp|simdjson|boost/|CLI/")
NOT_IN_SDK_HEADERS = re.compile(r"asio|spdlog/|simdjson|sodium")
# A line goes through broker/log, which bounds each call site: nobody writes to the log past it.
NOT_BESIDE_LOG = re.compile(r"spdlog/")
LOGS_ITSELF = {"log/log.cpp", "cli/logging.cpp"}
# nlohmann's destructor takes memory: where there is none, it ends the process. So what others send is read into
# json/value.hpp, what a broker answers is made with json/make.hpp, and the library's own values are for commands.
TREE = re.compile(r"nlohmann/json\.hpp")
USES_TREE = re.compile(r"^(cli/(?!broker|control_one_shots|account_logins|client_).*|admin/control_client\.cpp|json/parse\.cpp|config/schema\.cpp)$")
# An operation that a coroutine awaits with Asio 1.22 ends the process if there is no memory to begin it.
AWAITS = re.compile(r"asio/(co_spawn|use_awaitable|experimental/awaitable_operators)\.hpp")
LONGEST_FILE = 500
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in {".hpp", ".cpp", ".h"})


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match[1] == '"', match[2]


def part_of(parent, folder):
    """The part that a file in the folder `parent` belongs to; empty: none."""
    return "" if parent == folder else parent


def part_of_name(name):
    """The part that a header `folder/part/file.hpp` belongs to; empty: none."""
    return name.split("/")[1] if name.count("/") == 2 else ""


def is_within(parts, part, target):
    return target == part or target == "" or target in parts.get(part, set())


def breaches_of(path, folder, is_header, rules):
    for number, is_ours, name in includes(path):
        target = name.split("/")[0]
        if target in rules and target != folder and target not in rules[folder]:
            yield f"{path}:{number}: {folder} may not include {name}"
        elif is_ours and target not in rules and "/" in name and target != "bester" and folder != "cli":
            yield f"{path}:{number}: {name} is in no folder of the house"
        if target == folder and not is_within(PARTS.get(folder, {}), part_of(path.parent.name, folder), part_of_name(name)):
            yield f"{path}:{number}: this part of {folder} may not include {name}"
        if folder == "wire" and NOT_IN_WIRE.search(name):
            yield f"{path}:{number}: wire is pure code, without <{name}>"
        if folder in rules and NOT_BESIDE_LOG.search(name) and f"{folder}/{path.name}" not in LOGS_ITSELF:
            yield f"{path}:{number}: only broker/log includes <{name}>, for the sake of its bounds"
        if is_header and NOT_IN_HEADERS.search(name):
            yield f"{path}:{number}: <{name}> is too costly for a header"
        elif folder in rules and folder != "wire" and TREE.search(name) and not USES_TREE.match(f"{folder}/{path.name}"):
            yield f"{path}:{number}: <{name}> ends the process where there is no memory to destroy its values"
        elif folder in rules and folder != "coroutines" and AWAITS.search(name):
            yield f"{path}:{number}: <{name}> ends the process where there is no memory to wait; coroutines/ has the same"


def breaches(root, rules=BELOW):
    found = []
    broker = root / "broker"
    for folder in sorted(p for p in broker.iterdir() if p.is_dir()):
        if folder.name not in rules:
            found.append(f"{folder}: a folder without a place among the arrows")
            continue
        known_parts = PARTS.get(folder.name, {})
        for path in sources(folder):
            if path.parent != folder and (path.parent.parent != folder or path.parent.name not in known_parts):
                found.append(f"{path}: in no known part of {folder.name}")
                continue
            found += breaches_of(path, folder.name, path.suffix != ".cpp", rules)
    for path in sources(root / "handler-sdk"):
        if "include" in path.parts:
            found += [f"{path}:{number}: <{name}> in a public header of the SDK"
                      for number, _, name in includes(path) if NOT_IN_SDK_HEADERS.search(name) or name.split("/")[0] in rules]
    for top in ("broker", "handler-sdk", "examples", "tests"):
        for path in sources(root / top):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LONGEST_FILE and "node_modules" not in path.parts:
                found.append(f"{path}: {lines} lines, {LONGEST_FILE} are the most")
    return found


if __name__ == "__main__":
    problems = breaches(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "all includes point downward")
    sys.exit(1 if problems else 0)

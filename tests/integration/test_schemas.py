"""The protocol pages and their schemas say the same: every example of the pages is a whole frame that
its schema takes, and what the pages forbid is refused."""
import json
import pathlib
import re

import jsonschema
import pytest

pytestmark = pytest.mark.one_thread

DOCS = pathlib.Path(__file__).resolve().parents[2] / "proto-docs"
FROM_HANDLER = {"hello", "answer", "push", "query", "draining", "pong", "ready"}


def schema(name):
    return json.loads((DOCS / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


SCHEMAS = {name: schema(name) for name in (
    "client-to-broker", "broker-to-client", "handler-to-broker", "broker-to-handler", "one-shot-to-broker",
    "link-hello", "link-goodbye", "link-advert")}


def accepts(name, frame):
    return jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(frame)


def check(name, frame):
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMAS[name]).iter_errors(frame))
    assert error is None, f"{name}: {error.message} at {error.json_path} in {frame}"


def without_ellipses(text):
    """The pages write … for what does not matter to the reader; fill in something of its kind."""
    text = re.sub(r",\s*…", "", text)  # and more fields
    text = text.replace("[…]", "[]").replace('"…"', '"x"')
    text = text.replace('"code":…', '"code":"x"').replace('"reason":…', '"reason":"x"')
    return text


def frames_of(text):
    """The JSON objects that follow one another in a text."""
    decoder = json.JSONDecoder()
    text = text.strip()
    while text:
        frame, end = decoder.raw_decode(text)
        yield frame
        text = text[end:].strip()


def diagram_frames(page):
    """Frames drawn between two lines of life: their pieces stand under one another."""
    for drawing in re.findall(r"^```\n(handler .*?)^```", page, re.M | re.S):
        text = re.sub(r"-+>|<-+|--+|^\s*\|?|\|$|\| connect.*|snapshot, message.*", "", drawing, flags=re.M)
        for frame in re.findall(r"\{[^{}]*\}", re.sub(r"\s*\|?\n\s*\|?\s*", "", text)):
            yield json.loads(without_ellipses(frame))


def page_frames(name):
    page = (DOCS / name).read_text(encoding="utf-8")
    for block in re.findall(r"^```json\n(.*?)^```", page, re.M | re.S):
        yield from frames_of(without_ellipses(block))
    for inline in re.findall(r"`(\{\"(?:kind|header)\"[^`]*\})`", page):
        yield json.loads(without_ellipses(inline))
    yield from diagram_frames(page)


def schema_of(frame):
    for field, name in (("protocol", "link-hello"), ("known", "link-advert"), ("links", "link-advert"), ("code", "link-goodbye")):
        if field in frame and "kind" not in frame:
            return name
    if "kind" in frame:
        return "handler-to-broker" if frame["kind"] in FROM_HANDLER else "broker-to-handler"
    if "status" in frame.get("header", {}) and "messageType" not in frame["header"]:
        return "one-shot-to-broker"
    return "broker-to-client" if "messageType" in frame.get("header", {}) else "client-to-broker"


EXAMPLES = [(page, frame) for page in ("client.md", "handler.md", "peering.md") for frame in page_frames(page)]


def test_the_schemas_are_schemas():
    for each in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(each)


@pytest.mark.parametrize("page,frame", EXAMPLES, ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:50])
def test_every_example_of_the_pages_is_valid(page, frame):
    if frame.get("kind") == "welcome":
        # Drawn with some of its fields only; the others stand in the table below it.
        frame = {"server": "home", "handler": "chat", "shards": 2, "instance": "chat#0", "protocol": 1, "window": 1024,
                 "limits": {"message_size": 1, "recipients": 1}, "config": None, **frame}
    check(schema_of(frame), frame)


def test_examples_of_every_kind_were_found():
    kinds = {frame.get("kind") for _, frame in EXAMPLES}
    assert kinds >= FROM_HANDLER | {"welcome", "message", "report", "refused", "result", "snapshot", "event", "ping", "drain", "error"}
    message_types = [frame["header"].get("messageType") for page, frame in EXAMPLES if page == "client.md"]
    assert {None, "receivedMessage", "statusReport", "notice"} <= set(message_types)
    assert set(SCHEMAS) <= {schema_of(frame) for _, frame in EXAMPLES}


HELLO = '{"protocol":1,"server":"b","incarnation":"0123456789abcdef","heartbeat_ms":100,"frame_limit":4096,%s}'
PUSH = '{"kind":"push","commands":[%s]}'


@pytest.mark.parametrize("name,text", [
    ("client-to-broker", '{"payload":{"type":"x"}}'),
    ("client-to-broker", '{"payload":{"type":"x","id":null,"data":[1],"more":1},"header":{"scope":"client","more":2}}'),
    ("client-to-broker", '{"header":{"authentication":{"token":"t"}},"payload":{"type":"dummy"}}'),
    ("client-to-broker", '{"payload":{"type":"builtin","data":{"command":{"type":"password","old":"a","new":"b"}}}}'),
    ("broker-to-client", '{"header":{"messageType":"receivedMessage"},"payload":{"type":"x","data":null,"id":"1"}}'),
    ("broker-to-client", '{"header":{"messageType":"statusReport","status":"bad","error":{"code":"busy","reason":"r",'
                         '"temporary":true}},"payload":{"id":"close_special"}}'),
    ("handler-to-broker", PUSH % '{"command":"join","group":"news","sessions":["s"]},{"command":"leave","group":"news"}'),
    ("handler-to-broker", PUSH % '{"command":"sendServers","servers":["*"],"type":"x"}'),
    ("handler-to-broker", PUSH % '{"command":"disconnect","users":["a"],"reason":"r","report":7}'),
    ("handler-to-broker", '{"kind":"answer","id":1,"commands":[{"command":"reply","data":1},{"command":"sendHandler","handler":"h"}]}'),
    ("handler-to-broker", '{"kind":"query","id":1,"query":"listClients","after":"tina","limit":10}'),
    ("broker-to-handler", '{"kind":"message","id":1,"type":"x","time":1,"deadline":1,"request":true,"data":null,'
                          '"from":{"handler":"ticker","server":"home"}}'),
    ("broker-to-handler", '{"kind":"refused","index":0,"code":"x","reason":"r","report":"tag"}'),
    ("broker-to-handler", '{"kind":"result","id":1,"clients":[{"user":"tina","sessions":2}],"more":false}'),
    ("broker-to-handler", '{"kind":"event","sequence":1,"event":"peer_up","peer":"other"}'),
    ("broker-to-handler", '{"kind":"event","sequence":1,"event":"group","group":"hall","sessions":0}'),
    ("broker-to-handler", '{"kind":"snapshot","groups":[{"group":"hall","sessions":2}],"clients":[],"more":false}'),
    ("one-shot-to-broker", '{"header":{"status":"0","command":{"type":"sendHandler","data":"other"}},"data":1}'),
    ("link-hello", HELLO % '"features":["more"],"more":1'),
    ("link-advert", '{"known":[]}'),
    ("link-advert", '{"server":"b","incarnation":"0123456789abcdef","version":1,"links":[]}'),
    ("link-goodbye", '{"code":"of_its_own","reason":"","temporary":true,"more":1}'),
])
def test_what_the_pages_allow_is_taken(name, text):
    check(name, json.loads(text))


@pytest.mark.parametrize("name,text", [
    ("client-to-broker", "{}"),
    ("client-to-broker", "[]"),
    ("client-to-broker", '{"payload":{}}'),
    ("client-to-broker", '{"payload":{"type":""}}'),
    ("client-to-broker", '{"payload":{"type":1}}'),
    ("client-to-broker", '{"payload":{"type":"%s"}}' % ("x" * 65)),
    ("client-to-broker", r'{"payload":{"type":"a\nb"}}'),
    ("client-to-broker", '{"payload":{"type":"x","id":1}}'),
    ("client-to-broker", '{"payload":{"type":"x","id":"%s"}}' % ("x" * 129)),
    ("client-to-broker", '{"header":{"authentication":{"username":"tina"}},"payload":{"type":"dummy"}}'),
    ("client-to-broker", '{"payload":{"type":"builtin","data":{"command":{"type":"dance"}}}}'),
    ("broker-to-client", '{"header":{"messageType":"statusReport","status":"bad"},"payload":{"id":"1"}}'),
    ("broker-to-client", '{"header":{"messageType":"statusReport","status":"good","error":{"code":"x","reason":"r",'
                         '"temporary":false}},"payload":{"id":"1"}}'),
    ("broker-to-client", '{"header":{"messageType":"statusReport","status":"good"},"payload":{}}'),
    ("broker-to-client", '{"header":{"messageType":"receivedMessage"},"payload":{"type":"x"}}'),
    ("broker-to-client", '{"header":{"messageType":"other"},"payload":{"id":"1"}}'),
    ("handler-to-broker", '{"kind":"other"}'),
    ("handler-to-broker", '{"kind":"answer"}'),
    ("handler-to-broker", '{"kind":"answer","id":9007199254740992}'),
    ("handler-to-broker", '{"kind":"answer","id":1,"error":{"code":"Not A Code"}}'),
    ("handler-to-broker", '{"kind":"hello","protocol":2,"handler":"chat"}'),
    ("handler-to-broker", '{"kind":"hello","protocol":1,"handler":"chat","key":"k"}'),
    ("handler-to-broker", PUSH % '{"command":"reply","data":1}'),
    ("handler-to-broker", PUSH % '{"command":"dance"}'),
    ("handler-to-broker", PUSH % '{"command":"sendClients","type":"x"}'),
    ("handler-to-broker", PUSH % '{"command":"sendClients","users":["a"]}'),
    ("handler-to-broker", PUSH % '{"command":"sendClients","users":"a","type":"x"}'),
    ("handler-to-broker", PUSH % '{"command":"sendGroup","type":"x"}'),
    ("handler-to-broker", PUSH % '{"command":"join","group":"no spaces"}'),
    ("handler-to-broker", PUSH % '{"command":"sendHandler","type":"x"}'),
    ("handler-to-broker", PUSH % '{"command":"sendServers","type":"x"}'),
    ("handler-to-broker", PUSH % '{"command":"disconnect"}'),
    ("handler-to-broker", '{"kind":"push","after":{"first":1}}'),
    ("handler-to-broker", '{"kind":"query","id":1,"query":"isClient"}'),
    ("broker-to-handler", '{"kind":"message","id":1,"type":"x","time":1,"deadline":1,"from":{"user":"a"},"data":1}'),
    ("broker-to-handler", '{"kind":"event","event":"connected","session":"s","user":"u"}'),
    ("broker-to-handler", '{"kind":"event","sequence":1,"event":"group","group":"hall"}'),
    ("broker-to-handler", '{"kind":"welcome","shard":0}'),
    ("broker-to-handler", '{"kind":"refused","index":0,"code":"x"}'),
    ("one-shot-to-broker", '{"header":{}}'),
    ("link-hello", "{}"),
    ("link-hello", HELLO % '"expects":"no spaces"'),
    ("link-hello", HELLO % '"features":"routing"'),
    ("link-hello", (HELLO % '"more":1').replace("100", "99")),
    ("link-hello", (HELLO % '"more":1').replace("4096", "4095")),
    ("link-hello", (HELLO % '"more":1').replace("abcdef", "abcde")),
    ("link-goodbye", '{"code":"Not A Code","reason":"r","temporary":false}'),
    ("link-goodbye", '{"code":"x","reason":"r"}'),
    ("link-advert", '{"known":[["b","0123456789abcdef"]]}'),
    ("link-advert", '{"known":[["b","0123456789abcdef",0]]}'),
    ("link-advert", '{"server":"b","incarnation":"0123456789abcdef","version":1}'),
    ("link-advert", '{"server":"b","incarnation":"0123456789ABCDEF","version":1,"links":[]}'),
    ("link-advert", '{"server":"b","incarnation":"0123456789abcdef","version":1,"links":[{"peer":"a","cost_us":0}]}'),
    ("link-advert", '{"server":"b","incarnation":"0123456789abcdef","version":1,"links":[],"addresses":["b"]}'),
    ("one-shot-to-broker", '{"header":{"status":"0","command":{"type":"sendClients","data":"tina"}}}'),
])
def test_what_the_pages_forbid_is_refused(name, text):
    assert not accepts(name, json.loads(text))

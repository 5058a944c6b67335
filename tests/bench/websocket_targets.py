"""Targets that are reached over WebSocket: bester, nats-server, and pushpin with a web application behind it."""

import base64
import http.client
import pathlib
import sys

from targets import Bester, Nats, Target, descendants, find_program, free_port

PUSHPIN_CONFIG = """\
[global]
include={{libdir}}/internal.conf
rundir={run}
ipc_prefix=bench-
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:{port}
logdir={run}
log_level=1
client_maxconn=20000
[proxy]
routesfile=routes
updates_check=off
zurl_out_specs=ipc://{run}/bench-zurl-in
zurl_out_stream_specs=ipc://{run}/bench-zurl-in-stream
zurl_in_specs=ipc://{run}/bench-zurl-out
[handler]
push_in_spec=ipc://{run}/push
push_in_sub_specs=ipc://{run}/subscribe
push_in_http_addr=127.0.0.1
push_in_http_port={control}
command_spec=ipc://{run}/command
message_rate=100000000
message_hwm=1000000
"""


class BesterWebsocket(Bester):
    """The same broker with the same handlers, reached through its WebSocket listener."""

    protocol = "bester-ws"

    def start(self):
        self.websocket_port = free_port()
        super().start()
        self.port = self.websocket_port

    def config(self):
        config = super().config()
        config["listeners"].append({
            "name": "web", "transport": "websocket", "address": f"127.0.0.1:{self.websocket_port}",
            "authentication": ["anonymous"], "paths": {"/ws": {}}})
        return config


class NatsWebsocket(Nats):
    """The load comes through the WebSocket listener; the responder is at the TCP port, as bester's handler is not
    at the WebSocket listener either."""

    protocol = "nats-ws"

    def start(self):
        websocket_port = free_port()
        config = self.directory / "nats.conf"
        config.write_text(f'websocket {{ listen: "127.0.0.1:{websocket_port}", no_tls: true }}\n')
        self.arguments = ("--config", config)
        super().start()
        self.wait_for(lambda: self.accepts(websocket_port), "nats-server's WebSocket listener")
        self.port = websocket_port


class Pushpin(Target):
    """All its processes are measured together; the web application behind it is the counterpart of a handler."""

    protocol = "pushpin"

    def start(self):
        self.port, control, application = free_port(), free_port(), free_port()
        (self.directory / "routes").write_text(f"* 127.0.0.1:{application},over_http\n")
        config = self.directory / "pushpin.conf"
        config.write_text(PUSHPIN_CONFIG.format(run=self.directory, port=self.port, control=control))
        script = pathlib.Path(__file__).parent / "targets/pushpin_backend.py"
        self.launch_helper([sys.executable, script, application, control])
        self.launch_target([find_program("pushpin"), f"--config={config}"])
        for port in (application, control, self.port):
            self.wait_for(lambda port=port: self.accepts(port), "pushpin and the application behind it")
        # Its processes find each other a little later than they listen.
        self.wait_for(self.upgrades, "an upgrade through pushpin")
        self.also_pids = descendants(self.pid)

    def upgrades(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            client.request("GET", "/", headers={
                "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode()})
            return client.getresponse().status == 101
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()


WEBSOCKET_TARGETS = {"bester-ws": BesterWebsocket, "nats-ws": NatsWebsocket, "pushpin": Pushpin}

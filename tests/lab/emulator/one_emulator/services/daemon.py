"""One daemon for all: python3 daemon.py <service>; what differs between the services is data."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .. import release
from ..paths import real
from ..stopping import StopSignal
from .small_yaml import YamlProblem, parse


class Service:
    def __init__(self, conf, host, port, needs=()):
        self.conf, self.host, self.port, self.needs = conf, host, port, needs


def services():
    """Configuration file, keys of address and port, and the port where the file names none."""
    gate_host = (":server", ":bind") if release.current().gate_bind == ":server" else (":host",)
    gate_port = (":server", ":port") if release.current().gate_bind == ":server" else (":port",)
    return {
        "fireedge": Service("/etc/one/fireedge-server.conf", ("host",), (("port",), 2616), needs=("one_xmlrpc",)),
        "gate": Service("/etc/one/onegate-server.conf", gate_host, (gate_port, 5030), needs=(":one_xmlrpc",)),
        "flow": Service("/etc/one/oneflow-server.conf", (":host",), ((":port",), 2474), needs=(":one_xmlrpc",)),
        "sunstone": Service("/etc/one/sunstone-server.conf", (":host",), ((":port",), 9869), needs=(":one_xmlrpc",)),
        "novnc": Service("/etc/one/sunstone-server.conf", (":host",), ((":vnc_proxy_port",), 29876)),
    }


class ConfigurationProblem(Exception):
    """The service cannot run with what its file says."""


def load(service):
    try:
        with open(real(service.conf), encoding="utf-8") as file:
            conf = parse(file.read())
    except OSError as problem:
        raise ConfigurationProblem(f"cannot read {service.conf}: {problem.strerror}") from problem
    except (YamlProblem, UnicodeDecodeError) as problem:
        raise ConfigurationProblem(f"error parsing {service.conf}: {problem}") from problem
    if not isinstance(conf, dict):
        raise ConfigurationProblem(f"error parsing {service.conf}: it is no mapping")
    for key in service.needs:
        if not conf.get(key):
            raise ConfigurationProblem(f"{service.conf}: {key} is missing")
    return conf


def _lookup(conf, path):
    for key in path:
        conf = conf.get(key) if isinstance(conf, dict) else None
    return conf


def address(service, conf):
    host = _lookup(conf, service.host) or "127.0.0.1"
    path, default = service.port
    port = _lookup(conf, path)
    port = default if port is None else port
    if not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigurationProblem(f"{service.conf}: {port} is no port")
    return str(host), port


class Handler(BaseHTTPRequestHandler):
    name = ""

    def do_GET(self):
        body = json.dumps({"service": self.name, "version": release.number(), "emulated": True}).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(name):
    try:
        stop = StopSignal()
        service = services()[name]
        host, port = address(service, load(service))
        server = ThreadingHTTPServer((host, port), type("Named", (Handler,), {"name": name}))
    except (ConfigurationProblem, OSError) as problem:
        sys.stderr.write(f"emulated {name}: {problem}\n")
        return 1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"emulated {name} listening on {host}:{port}", flush=True)
    stop.wait()
    server.shutdown()
    return 0

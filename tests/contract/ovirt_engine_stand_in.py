# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of the REST API of oVirt's engine: it keeps what it is sent, and knows as much of its rules as tests need.
It is no engine: it shows which calls are made, in which order, and that a second run changes nothing.

A collection that it does not know is a 404, a name that is taken a 409, a body that is no XML of the right kind a 400,
and a request without its token a 401. States change with time: each look brings an entry nearer to its last one.
"""

from __future__ import annotations

import copy
import http.server
import json
import re
import ssl
import threading
import uuid
import xml.etree.ElementTree as ET
from typing import Any

# Collection, and the element of one entry.
KINDS = {
    "datacenters": "data_center",
    "clusters": "cluster",
    "hosts": "host",
    "networks": "network",
    "storagedomains": "storage_domain",
    "macpools": "mac_pool",
    "schedulingpolicies": "scheduling_policy",
    "schedulingpolicyunits": "scheduling_policy_unit",
    "filters": "filter",
    "weights": "weight",
    "balances": "balance",
    "fenceagents": "agent",
    "vnicprofiles": "vnic_profile",
    "disks": "disk",
    "domains": "domain",
    "users": "user",
    "permissions": "permission",
    "roles": "role",
    "networkattachments": "network_attachment",
    "events": "event",
    "attachedstoragedomains": "storage_domain",
    "affinitylabels": "affinity_label",
    "externalhostproviders": "external_host_provider",
    "openstackimageproviders": "openstack_image_provider",
    "openstacknetworkproviders": "openstack_network_provider",
    "openstackvolumeproviders": "openstack_volume_provider",
    "files": "file",
    "vms": "vm",
    "templates": "template",
    "glustervolumes": "gluster_volume",
}
# State of a new entry, in the end; some come to it by others.
STATES = {
    "data_center": ["uninitialized"],
    "host": ["installing", "initializing", "up"],
    "storage_domain": ["unattached"],
    "disk": ["locked", "ok"],
}
# What an engine answers of a new entry beside what it was sent; the official modules rely on it.
DEFAULTS = {
    "cluster": """<d>
        <ksm><enabled>true</enabled><merge_across_nodes>true</merge_across_nodes></ksm>
        <fencing_policy><enabled>true</enabled>
            <skip_if_sd_active><enabled>false</enabled></skip_if_sd_active>
            <skip_if_connectivity_broken><enabled>false</enabled><threshold>50</threshold></skip_if_connectivity_broken>
        </fencing_policy>
        <error_handling><on_error>migrate</on_error></error_handling>
        <migration><auto_converge>inherit</auto_converge><compressed>inherit</compressed><encrypted>inherit</encrypted>
            <bandwidth><assignment_method>auto</assignment_method></bandwidth></migration>
        <memory_policy><over_commit><percent>100</percent></over_commit></memory_policy>
        <required_rng_sources><required_rng_source>urandom</required_rng_source></required_rng_sources>
        <mac_pool id="00000000-0000-0000-0000-000000000000"/>
        <version><major>4</major><minor>7</minor></version>
    </d>""",
    "host": """<d>
        <power_management><enabled>false</enabled><kdump_detection>true</kdump_detection></power_management>
        <spm><priority>5</priority></spm><os><custom_kernel_cmdline>quiet</custom_kernel_cmdline></os>
        <vgpu_placement>consolidated</vgpu_placement>
    </d>""",
}
# Entries that have no name of their own, or share it with others.
UNNAMED = {"vnic_profile", "event", "filter", "weight", "balance", "permission", "agent", "network_attachment"}


def link(element: ET.Element, path: str, *relations: str) -> None:
    for relation in relations:
        ET.SubElement(element, "link", {"rel": relation, "href": f"{path}/{relation}"})


class Fault(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Engine:
    """What the stand-in knows. entries: by path of the collection, then by id."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, ET.Element]] = {}
        self.states: dict[str, list[str]] = {}
        self.requests: list[str] = []
        self.refuse: dict[str, str] = {}  # by 'METHOD collection': the engine's words
        self.said_of: dict[str, str] = {}  # by name of a host that is added: what an event will complain of
        self.final_state = {kind: states[-1] for kind, states in STATES.items()}
        self.lock = threading.Lock()

    @property
    def changes(self) -> list[str]:
        return [one for one in self.requests if not one.startswith(("GET", "LOGIN", "LOGOUT"))]

    def add(self, collection: str, element: ET.Element) -> ET.Element:
        kind = element.tag
        identity = element.get("id") or str(uuid.uuid4())
        element.set("id", identity)
        path = f"/ovirt-engine/api/{collection}/{identity}"
        element.set("href", path)
        if kind in STATES:
            self.states[identity] = [*STATES[kind][:-1], self.final_state[kind]]
        for child in ET.fromstring(DEFAULTS.get(kind, "<d/>")):
            if element.find(child.tag) is None:
                element.append(child)
        link(element, path, *(one for one in KINDS if one != collection))
        self.entries.setdefault(collection, {})[identity] = element
        return element

    def seed(self, collection: str, kind: str, name: str, **values: str) -> str:
        """An entry that was there before; a value 'x' of 'scheduling_policy_id' is a reference to another one."""
        element = ET.Element(kind)
        ET.SubElement(element, "name").text = name
        for key, value in values.items():
            if key.endswith("_id"):
                ET.SubElement(element, key[:-3], {"id": value})
            else:
                ET.SubElement(element, key).text = value
        return str(self.add(collection, element).get("id"))

    def shown(self, element: ET.Element) -> ET.Element:
        """With the state that it has now: each look brings it nearer to its last. Passwords are never told."""
        states = self.states.get(str(element.get("id")))
        if states:
            status = element.find("status")
            if status is None:
                status = ET.SubElement(element, "status")
            status.text = states[0] if len(states) == 1 else states.pop(0)
        told = copy.deepcopy(element)
        for parent in [*told.iter()]:
            for secret in [child for child in parent if child.tag in ("password", "root_password")]:
                parent.remove(secret)
        return told

    def id_of(self, collection: str, name: str) -> str:
        found = self.named(collection, name)
        assert found is not None
        return str(found.get("id"))

    def named(self, collection: str, name: str) -> ET.Element | None:
        return next((one for one in self.entries.get(collection, {}).values() if one.findtext("name") == name), None)

    # -- requests --------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], body: str) -> tuple[int, ET.Element | None]:
        path = path.rstrip("/")
        if path == "/ovirt-engine/api":
            return 200, self._root()
        parts = path.removeprefix("/ovirt-engine/api/").split("/")
        if parts[-1] not in KINDS and len(parts) % 2 == 1:
            return self._action(parts, body)
        if len(parts) % 2:
            return self._collection(method, "/".join(parts), query, body)
        return self._entry(method, "/".join(parts[:-1]), parts[-1], body)

    def _root(self) -> ET.Element:
        api = ET.Element("api")
        version = ET.SubElement(ET.SubElement(api, "product_info"), "version")
        for name, value in {"major": "4", "minor": "5", "build": "7", "full_version": "4.5.7"}.items():
            ET.SubElement(version, name).text = value
        link(api, "/ovirt-engine/api", *KINDS)
        return api

    def _collection(self, method: str, collection: str, query: dict[str, str], body: str) -> tuple[int, ET.Element]:
        name = collection.split("/")[-1]
        if name not in KINDS:
            raise Fault(404, f"there is no collection {name}")
        kind = KINDS[name]
        entries = self.entries.setdefault(collection, {})
        if method == "GET":
            found = [*entries.values(), *self._networks_of(collection)]
            for key, value in re.findall(r"(\w+)=\"?([^\" ]+)\"?", query.get("search", "")):
                found = [one for one in found if one.findtext(key) in (value, None)]
            whole = ET.Element(f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s")
            whole.extend(self.shown(one) for one in found[: int(query.get("max", 1000))])
            return 200, whole
        if method != "POST":
            raise Fault(405, f"{method} is not for collections")
        self._refused(f"POST {name}")
        element = self._parsed(kind, body)
        if len(collection.split("/")) > 1 and name in ("storagedomains", "networks"):
            return 201, self._attached(collection, name, element)
        taken = element.findtext("name")
        if kind not in UNNAMED and taken and self.named(collection, taken) is not None:
            raise Fault(409, f"Cannot add {kind}. The name {taken} is already in use.")
        self._resolve(element)
        self.add(collection, element)
        if taken in self.said_of:
            words = {"description": self.said_of[taken], "severity": "error", "host_id": str(element.get("id"))}
            self.seed("events", "event", taken, **words)
        return 201, self.shown(element)

    def _networks_of(self, collection: str) -> list[ET.Element]:
        """Networks of a data centre, as the whole engine has them too."""
        parts = collection.split("/")
        if parts[0] != "datacenters" or parts[-1] != "networks":
            return []
        whole = [(one, one.find("data_center")) for one in self.entries.get("networks", {}).values()]
        return [one for one, center in whole if center is not None and center.get("id") == parts[1]]

    def _attached(self, collection: str, name: str, element: ET.Element) -> ET.Element:
        known = self.entries.get(name, {}).get(str(element.get("id"))) if element.get("id") else None
        if known is None:
            known = self.named(name, element.findtext("name") or "")
        if known is None:
            raise Fault(404, f"there is no such entry of {name} to attach")
        self.entries.setdefault(collection, {})[str(known.get("id"))] = known
        if name == "storagedomains":
            self.states[str(known.get("id"))] = ["locked", "active"]
        return known

    def _entry(self, method: str, collection: str, identity: str, body: str) -> tuple[int, ET.Element | None]:
        entries = self.entries.get(collection, {})
        if identity not in entries:
            raise Fault(404, f"there is no {identity} in {collection}")
        element = entries[identity]
        name = collection.split("/")[-1]
        if method == "GET":
            return 200, self.shown(element)
        self._refused(f"{method} {name}")
        if method == "DELETE":
            del entries[identity]
            return 200, ET.Element("action")
        if method != "PUT":
            raise Fault(405, f"{method} is not for entries")
        new = self._parsed(element.tag, body)
        self._resolve(new)
        for child in new:
            for old in element.findall(child.tag):
                element.remove(old)
            element.append(child)
        return 200, self.shown(element)

    def _action(self, parts: list[str], body: str) -> tuple[int, ET.Element]:
        collection, identity, action = "/".join(parts[:-2]), parts[-2], parts[-1]
        if identity not in self.entries.get(collection, {}):
            raise Fault(404, f"there is no {identity} in {collection}")
        after = {"activate": ["up"], "deactivate": ["maintenance"], "install": ["installing", "up"], "refresh": ["up"]}
        if action not in after:
            raise Fault(404, f"there is no action {action}")
        self._parsed("action", body)
        self.states[identity] = list(after[action])
        return 200, ET.Element("action")

    def _refused(self, what: str) -> None:
        if what in self.refuse:
            raise Fault(409, self.refuse[what])

    def _parsed(self, kind: str, body: str) -> ET.Element:
        try:
            element = ET.fromstring(body)
        except ET.ParseError as error:
            raise Fault(400, f"the body is no XML: {error}") from error
        if element.tag != kind:
            raise Fault(400, f"the body is a {element.tag}; a {kind} was expected")
        return element

    def _resolve(self, element: ET.Element) -> None:
        """Whom an entry names: the engine answers with id and address."""
        for collection in ("datacenters", "clusters", "networks", "schedulingpolicies"):
            named = element.find(KINDS[collection])
            if named is None:
                continue
            entries = self.entries.get(collection, {})
            found = entries.get(named.get("id") or "") if named.get("id") else None
            if found is None:
                found = self.named(collection, named.findtext("name") or "")
            if found is None:
                raise Fault(404, f"Entity not found: {named.findtext('name')}")
            for key in ("id", "href"):
                named.set(key, str(found.get(key)))


class StandIn(http.server.ThreadingHTTPServer):
    """An engine behind a port, with one user."""

    def __init__(
        self, user: str, password: str, engine: Engine | None = None, address: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        super().__init__(address, Handler)
        self.user, self.password = user, password
        self.logins: set[str] = set()
        self.tokens: list[str] = []  # of all logins
        self.engine = engine or Engine()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def accepts(self, user: str, password: str) -> bool:
        return (user, password) == (self.user, self.password)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Each connection in its own thread, so that a client that says nothing holds up no other."""
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ovirt-engine/api"


class Handler(http.server.BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        pass

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _handle(self) -> None:
        from urllib.parse import parse_qs, urlsplit

        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        engine = self.server.engine
        given = {key: values[-1] for key, values in parse_qs(body).items()}
        if parts.path == "/ovirt-engine/sso/oauth/token":
            engine.requests.append("LOGIN")
            if not self.server.accepts(given.get("username", ""), given.get("password", "")):
                answer = {"error": "access_denied", "error_code": "access_denied"}
                return self._send(401, json.dumps(answer).encode(), "application/json")
            token = uuid.uuid4().hex
            self.server.logins.add(token)
            self.server.tokens.append(token)
            return self._send(200, json.dumps({"access_token": token}).encode(), "application/json")
        if parts.path == "/ovirt-engine/services/health":
            return self._send(200, b"DB Up!Welcome to Health Status!", "text/plain")
        if parts.path == "/ovirt-engine/services/sso-logout":
            engine.requests.append("LOGOUT")
            self.server.logins.discard(given.get("token", ""))
            return self._send(200, b"{}", "application/json")
        with engine.lock:
            engine.requests.append(f"{self.command} {parts.path.removeprefix('/ovirt-engine/api')}")
            try:
                if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.server.logins:
                    raise Fault(401, "no token")
                status, element = engine.answer(self.command, parts.path, query, body)
            except Fault as fault:
                status, element = fault.status, ET.Element("fault")
                ET.SubElement(element, "reason").text = "Operation Failed"
                ET.SubElement(element, "detail").text = f"[{fault.detail}]"
            content = b"" if element is None else ET.tostring(element)
        return self._send(status, content, "application/xml; charset=utf-8")

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815

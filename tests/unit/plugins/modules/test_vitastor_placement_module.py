# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Racks in the placement tree, on a small etcd that answers transactions as the real one does by HTTP."""

from __future__ import annotations

import base64
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Iterator

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_placement import endpoints, vitastor_placement
from ansible_collections.kvmcloud.stack.plugins.modules import vitastor_placement as module

KEY = "/vitastor/config/node_placement"
RACK = {"nodes": {"r1": {"level": "rack"}}, "parent": "r1"}


class SmallEtcd(HTTPServer):
    """Revisions are texts and a key that is not there has no kvs, as grpc-gateway writes them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.values: dict[str, tuple[str, int]] = {}
        self.revision, self.others = 1, 0  # others: how many writers come first

    def put(self, key: str, value: str) -> None:
        self.revision += 1
        self.values[key] = (value, self.revision)

    def holds(self, one: dict[str, Any]) -> bool:
        revision = self.values.get(one["key"], ("", 0))[1]
        return revision == 0 if one["target"] == "VERSION" else revision < int(one["mod_revision"])

    def transaction(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("compare") and self.others:
            self.others -= 1
            self.put(request["compare"][0]["key"], base64.b64encode(b'{"s9": {"level": "host"}}').decode())
        if not all(self.holds(one) for one in request.get("compare", [])):
            return {"header": {}, "responses": []}
        responses = []
        for one in request["success"]:
            if "request_put" in one:
                self.put(one["request_put"]["key"], one["request_put"]["value"])
                responses.append({"response_put": {}})
                continue
            found = self.values.get(one["request_range"]["key"])
            kvs = {"kvs": [{"value": found[0], "mod_revision": str(found[1])}]} if found else {}
            responses.append({"response_range": {"header": {}, **kvs}})
        return {"header": {}, "succeeded": True, "responses": responses}

    @property
    def tree(self) -> Any:
        found = self.values.get(base64.b64encode(KEY.encode()).decode())
        return found and json.loads(base64.b64decode(found[0]))


class Handler(BaseHTTPRequestHandler):
    server: SmallEtcd

    def do_POST(self) -> None:
        assert self.path == "/v3/kv/txn"
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(self.server.transaction(request)).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture
def etcd() -> Iterator[SmallEtcd]:
    server = SmallEtcd()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def placed(etcd: SmallEtcd, tmp_path: Path, capsys: Any) -> Any:
    config = tmp_path / "vitastor.conf"
    config.write_text(json.dumps({"etcd_address": ["127.0.0.1:1", f"127.0.0.1:{etcd.server_port}"]}))

    def run(check: bool = False, **given: Any) -> dict[str, Any]:
        return run_module(capsys, module, check=check, **{"config_path": str(config), **RACK, **given})

    return run


def test_a_server_stands_in_its_rack(etcd: SmallEtcd, placed: Any) -> None:
    """The first member of etcd does not answer; the next does."""
    assert placed(check=True)["changed"] and etcd.tree is None
    assert placed()["changed"] and not placed()["changed"]
    here = os.uname().nodename
    assert etcd.tree == {"r1": {"level": "rack"}, here: {"level": "host", "parent": "r1"}}
    placed(nodes={"r2": {"level": "rack"}}, parent="r2")
    assert etcd.tree[here]["parent"] == "r2" and "r1" in etcd.tree, "what others may be in stays"


def test_what_others_wrote_meanwhile_is_kept(etcd: SmallEtcd, placed: Any) -> None:
    etcd.others = 2
    placed()
    assert etcd.tree.keys() == {"s9", "r1", os.uname().nodename}
    etcd.others = 1000
    with pytest.raises(ModuleFailed, match="changed by others again and again"):
        placed(parent="r3")


@pytest.mark.parametrize(
    "config, sentence",
    [
        ('{"etcd_address": "127.0.0.1:1"}', "etcd of Vitastor does not answer: http://127.0.0.1:1/v3/kv/txn"),
        ("{}", "no etcd_address is configured"),
        ("no JSON", "cannot be read"),
    ],
)
def test_an_etcd_that_cannot_be_asked(tmp_path: Path, placed: Any, config: str, sentence: str) -> None:
    (tmp_path / "other.conf").write_text(config)
    with pytest.raises(ModuleFailed, match=sentence):
        placed(config_path=str(tmp_path / "other.conf"))


def test_addresses_as_vitastor_takes_them() -> None:
    given = json.dumps({"etcd_address": "http://192.0.2.1:2379/v3, 192.0.2.2:2379"})
    assert endpoints(given) == ["http://192.0.2.1:2379/v3/kv/txn", "http://192.0.2.2:2379/v3/kv/txn"]


# ---- from the inventory ----------------------------------------------------------------------------------------------


def at(**places: Any) -> dict[str, Any]:
    return {host: {"vitastor_cluster_location": place} for host, place in places.items()}


def test_the_tree_of_an_inventory() -> None:
    hostvars = at(a={"room": "n", "rack": "r1"}, b={"room": "n", "rack": "r2"}, c={"room": "s", "rack": "r3"})
    found = vitastor_placement(["a", "b", "c"], hostvars, ["room", "rack"])
    assert found["levels"] == {"room": 98, "rack": 99}, "100 is the host"
    assert found["nodes"]["r3"] == {"level": "rack", "parent": "s"} and found["nodes"]["n"] == {"level": "room"}
    assert found["parents"] == {"a": "r1", "b": "r2", "c": "r3"}


@pytest.mark.parametrize(
    "hostvars, sentence",
    [
        (at(a={"rack": "r1", "room": "n"}, b={}), "b has a vitastor_cluster_location of nothing"),
        (at(a={"rack": "r1"}, b={"rack": "r1", "room": "n"}), "a has a vitastor_cluster_location of rack"),
        (at(a={"rack": "r1", "room": "n"}, b={"rack": "r1", "room": "s"}), "r1, the rack of b, is the name of"),
        (at(a={"rack": "x", "room": "x"}, b={"rack": "r1", "room": "s"}), "x, the rack of a, is the name of"),
        (at(a={"rack": 7, "room": "n"}, b={"rack": "r1", "room": "n"}), "7, the rack of a, is the name of an OSD"),
    ],
)
def test_places_that_are_none(hostvars: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        vitastor_placement(["a", "b"], hostvars, ["room", "rack"])

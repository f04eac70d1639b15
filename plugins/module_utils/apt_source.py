# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One signed apt repository as files: the deb822 source, its key, its credentials and its pins."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import ManagedFile

HEADER = "# Managed by kvmcloud.stack.apt_signed_source; local changes are overwritten.\n"


class SourceError(ValueError):
    """The wanted source cannot be written; the text is the sentence for the user."""


class Paths(NamedTuple):
    """Where apt looks for the parts of the source `name`."""

    source: str
    key: str
    auth: str
    preferences: str


def paths_of(name: str, etc: str = "/etc/apt") -> Paths:
    if not re.match(r"^[A-Za-z0-9][A-Za-z0-9_-]*$", name):
        # apt silently ignores files with other characters in their names
        raise SourceError(f"name is {name!r}; wanted letters, digits, '-' and '_' only.")
    return Paths(
        f"{etc}/sources.list.d/{name}.sources",
        f"{etc}/keyrings/{name}.asc",
        f"{etc}/auth.conf.d/{name}.conf",
        f"{etc}/preferences.d/{name}.pref",
    )


def check_source(params: dict[str, Any]) -> None:
    """Refuse what apt would misread, before anything is written."""
    for option in ("uris", "suites", "components", "architectures"):
        for value in params[option] or []:
            if not value or re.search(r"\s", value):
                raise SourceError(f"{option} has the entry {value!r}; wanted one word without spaces per entry.")
    if not params["uris"] or not params["suites"]:
        raise SourceError("uris and suites are needed with state=present.")
    for uri in params["uris"]:
        scheme = urlsplit(uri).scheme
        if scheme not in ("http", "https", "file"):
            raise SourceError(f"uris has {uri!r}; wanted an address that begins with https://, http:// or file:/.")
        if "@" in urlsplit(uri).netloc:
            raise SourceError(
                "uris has an address with credentials in it; sources are readable by everybody. "
                "Give them as username and password."
            )
        if params["username"] and scheme != "https":
            raise SourceError(f"username is given, but {uri} is not https: the password would travel in clear.")
    flat = [suite for suite in params["suites"] if suite.endswith("/")]
    if flat and params["components"]:
        raise SourceError(f"suites has the flat repository {flat[0]!r}, which has no components; leave components out.")
    if not params["components"] and len(flat) != len(params["suites"]):
        raise SourceError("components is empty; only flat repositories (suites that end with '/') have none.")
    for option in ("username", "password"):
        if params[option] and re.search(r"\s", params[option]):
            raise SourceError(f"{option} contains white space, which apt's auth.conf cannot carry.")
    for pin in params["pins"] or []:
        if any("\n" in str(value) for value in pin.values()):
            raise SourceError("pins has an entry with a line break in it.")


def render_source(params: dict[str, Any], key_path: str) -> str:
    lines = [
        "Types: deb",
        "URIs: " + " ".join(params["uris"]),
        "Suites: " + " ".join(params["suites"]),
    ]
    if params["components"]:
        lines.append("Components: " + " ".join(params["components"]))
    if params["architectures"]:
        lines.append("Architectures: " + " ".join(params["architectures"]))
    lines.append("Signed-By: " + key_path)
    return HEADER + "\n".join(lines) + "\n"


def render_auth(params: dict[str, Any]) -> str | None:
    if not params["username"]:
        return None
    machines = []
    for uri in params["uris"]:
        address = urlsplit(uri)
        machine = address.netloc + address.path.rstrip("/")
        machines.append(f"machine {machine} login {params['username']} password {params['password']}")
    return HEADER + "\n".join(machines) + "\n"


def render_pins(pins: list[dict[str, Any]] | None) -> str | None:
    if not pins:
        return None
    stanzas = [f"Package: {pin['package']}\nPin: {pin['pin']}\nPin-Priority: {pin['priority']}\n" for pin in pins]
    return HEADER + "\n".join(stanzas)


def wanted_files(params: dict[str, Any], paths: Paths, key: bytes | None) -> list[ManagedFile]:
    """All files of the source; in the order in which they may be moved into place: what is referred to comes first."""
    if params["state"] == "absent":
        absent = [paths.source, paths.auth, paths.preferences, paths.key]
        return [ManagedFile(path, None) for path in absent]
    auth = render_auth(params)
    pins = render_pins(params["pins"])
    return [
        ManagedFile(paths.key, key, 0o644, 0, 0),
        ManagedFile(paths.auth, None if auth is None else auth.encode(), 0o600, 0, 0, secret=True),
        ManagedFile(paths.preferences, None if pins is None else pins.encode(), 0o644, 0, 0),
        ManagedFile(paths.source, render_source(params, paths.key).encode(), 0o644, 0, 0),
    ]


def release_files(uris: list[str], suites: list[str]) -> list[list[str]]:
    """Names of the signed indices under /var/lib/apt/lists; one of each pair exists after an update."""
    result = []
    for uri in uris:
        for suite in suites:
            place = suite if suite.endswith("/") else f"dists/{suite}/"
            address = uri.rstrip("/") + "/" + place
            result.append([list_name(address + "InRelease"), list_name(address + "Release")])
    return result


def list_name(address: str) -> str:
    """apt's own rule: the address without its scheme, odd characters as %xx, slashes as underscores."""
    parts = urlsplit(address)
    plain = parts.netloc.rpartition("@")[2] + parts.path
    quoted = re.sub(r'[\\|{}\[\]<>"^~_=!@#$%&*\x00-\x20\x7f]', lambda match: f"%{ord(match.group(0)):02x}", plain)
    return quoted.replace("/", "_")


def update_command(source: str, auth_directory: str, timeout: int) -> list[str]:
    """apt-get update of this one source, where a download that fails is an error and not a remark."""
    options = {
        "Dir::Etc::sourcelist": source,
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::netrcparts": auth_directory,
        "APT::Get::List-Cleanup": "0",
        "APT::Update::Error-Mode": "any",
        "Acquire::http::Timeout": str(timeout),
        "Acquire::https::Timeout": str(timeout),
        "Acquire::Retries": "1",
    }
    return ["apt-get", "update", "-q", *(f"-o{name}={value}" for name, value in options.items())]


LOCKED = re.compile(r"Could not get lock|Unable to lock directory")
FAILED = re.compile(r"^(?:E:|W: (?:Failed to fetch|GPG error|Some index files failed|The repository))", re.MULTILINE)


def update_failure(returncode: int, output: str) -> str | None:
    """apt's own sentences if the update failed (older releases of apt end with 0 even then), else None."""
    if returncode == 0 and not FAILED.search(output):
        return None
    said = [line.strip() for line in output.splitlines() if re.match(r"^(E|W|Err):", line)]
    return " ".join(said) or output.strip() or f"apt-get ended with {returncode}"


def names_a_repository(text: str) -> bool:
    """Whether a source file, in either of its formats, has an entry that is not commented out."""
    return bool(re.search(r"^\s*(deb\s|Types:.*\bdeb\b)", text, re.MULTILINE))


def other_sources_of(uris: list[str], suites: list[str], files: dict[str, str]) -> list[str]:
    """Source files beside ours that name the same repository: apt refuses to work with two different Signed-By."""
    found = []
    for path, text in sorted(files.items()):
        active = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        words = {word.rstrip("/") for line in active for word in line.split()}
        if any(uri.rstrip("/") in words for uri in uris) and any(suite.rstrip("/") in words for suite in suites):
            found.append(path)
    return found

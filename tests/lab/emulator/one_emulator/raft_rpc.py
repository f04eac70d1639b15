"""What the servers of a zone say to one another over XML-RPC, and which calls a follower passes on to its leader."""

import http.client
import os
from dataclasses import dataclass
from urllib.parse import urlsplit
from xmlrpc.client import Fault, dumps, loads

from . import errors
from .paths import real

ONE_AUTH = "/var/lib/one/.one/one_auth"
RAFT_CALLS = ("one.zone.voterequest", "one.zone.replicate")
# Answered by whoever is asked; a follower may be a heartbeat behind.
LOCAL = (".info", ".raftstatus", ".voterequest", ".replicate")


@dataclass
class Answer:
    granted: bool
    term: int = -1
    text: str = ""
    reached: bool = True


class Refusal(errors.OneError):
    """A refusal to another server carries this one's term where others carry an object."""


def refusal(text, term):
    return Refusal(errors.ACTION, text, term)


def is_local(method):
    return method.endswith(LOCAL) or method.startswith("one.system.")


def session():
    """The credentials of the moment: oned reads its auth file anew for each call."""
    with open(real(os.environ.get("ONE_AUTH") or ONE_AUTH), encoding="utf-8") as file:
        return file.readline().strip()


def vote(endpoint, timeout, *arguments):
    return _ask(endpoint, timeout, "one.zone.voterequest", arguments)


def replicate(endpoint, timeout, *arguments):
    return _ask(endpoint, timeout, "one.zone.replicate", arguments)


def _ask(endpoint, timeout, method, arguments):
    try:
        values = loads(post(endpoint, timeout, dumps((session(), *arguments), method)))[0][0]
    except (OSError, http.client.HTTPException, Fault, ValueError) as problem:
        return Answer(False, text=f"{endpoint}: {problem}", reached=False)
    if values[0]:
        return Answer(True, values[1])
    # refused by the user table of the other server: it has another database, or another password
    is_raft = len(values) > 3 and values[3] != -1
    return Answer(False, values[3] if is_raft else -1, values[1], reached=is_raft)


def post(endpoint, timeout, body):
    """The body of the answer to an XML-RPC call."""
    place = urlsplit(endpoint)
    connection = http.client.HTTPConnection(place.hostname, place.port or 80, timeout=timeout)
    try:
        connection.request("POST", place.path, body.encode("utf-8", "surrogateescape"), {"Content-Type": "text/xml"})
        return connection.getresponse().read().decode("utf-8", "surrogateescape")
    finally:
        connection.close()


def forward(raft, method, arguments):
    """A call that a follower does not answer itself: the leader's answer as it came."""
    from .raft import CANDIDATE

    if raft.state == CANDIDATE:
        raise errors.OneError(errors.INTERNAL, "Cannot process request, oned cluster in election mode")
    endpoint = raft.leader_endpoint()
    if endpoint is None:
        raise errors.OneError(errors.INTERNAL, "Cannot process request, no leader found")
    try:
        return post(endpoint, 30, dumps(tuple(arguments), method, encoding="utf-8", allow_none=True))
    except (OSError, http.client.HTTPException) as problem:
        raise errors.OneError(errors.INTERNAL, f"{endpoint}: {problem}") from problem

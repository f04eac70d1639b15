"""Who calls, whom, and what goes wrong on the way - in the words of OpenNebula's own client."""

import os
import socket

from .. import release
from ..paths import real
from . import xmlrpc

DEFAULT_ENDPOINT = "http://localhost:2633/RPC2"
DEFAULT_TIMEOUT = 30.0
CENTRAL_AUTH = "/var/lib/one/.one/one_auth"


class CliError(Exception):
    """A command that fails: what it says on standard error, and its exit code (-1 of Ruby is 255)."""

    def __init__(self, text, rc=255):
        super().__init__(text)
        self.text, self.rc = text, rc


class Client:
    def __init__(self, options):
        self.endpoint = options.get("endpoint") or os.environ.get("ONE_XMLRPC") or DEFAULT_ENDPOINT
        self.session = self._session(options)
        self.timeout = float(os.environ.get("ONE_XMLRPC_TIMEOUT") or DEFAULT_TIMEOUT)
        protocol, _, rest = self.endpoint.partition("://")
        if protocol not in ("http", "https") or not rest:
            raise CliError("Wrong protocol specified. Only http or https allowed!")
        if protocol == "https":
            raise CliError("the emulator has no https endpoint", rc=1)
        place, _, path = rest.partition("/")
        self.path = "/" + path
        host, _, port = place.partition(":")
        self.host, self.port = host, int(port or 80)

    # -- credentials --------------------------------------------------------------------------------------------

    def _session(self, options):
        if options.get("user") is not None:
            return f"{options['user']}:{options.get('password') or ''}"
        return _read_auth(self._auth_file()).partition("\n")[0]

    @staticmethod
    def _auth_file():
        """$ONE_AUTH if it exists, then $HOME/.one/one_auth, then oneadmin's own; a missing $ONE_AUTH is ignored."""
        home = os.environ.get("HOME")
        named = os.environ.get("ONE_AUTH")
        if named and os.path.isfile(named):
            return named
        if home is None and release.current().needs_home:
            raise CliError("no implicit conversion of nil into String")
        candidates = ([f"{home}/.one/one_auth"] if home else []) + [real(CENTRAL_AUTH)]
        for candidate in candidates:
            if os.path.isfile(candidate):
                return candidate
        raise CliError("ONE_AUTH file not present")

    # -- calls --------------------------------------------------------------------------------------------------

    def call(self, method, *arguments):
        """The value of a successful call."""
        body = xmlrpc.request(method, (self.session, *arguments)).encode("utf-8", "surrogateescape")
        try:
            answer = xmlrpc.values(self._post(body).decode("utf-8", "surrogateescape"))
        except xmlrpc.Fault as problem:
            raise CliError(str(problem)) from problem
        if not answer[0]:
            raise CliError(answer[1])
        return answer[1]

    def _post(self, body):
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: text/xml; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        with self._connect() as channel:
            try:
                channel.sendall(head.encode() + body)
                answer = b"".join(iter(lambda: channel.recv(65536), b""))
            except TimeoutError as problem:
                raise CliError("Net::ReadTimeout with #<Socket:(closed)>") from problem
            except OSError as problem:
                raise CliError(problem.strerror or str(problem)) from problem
        header, _, content = answer.partition(b"\r\n\r\n")
        status = header.partition(b"\r\n")[0].decode("latin-1").partition(" ")[2]
        if not status.startswith("200"):
            raise CliError(f"HTTP-Error: {status}" if status else "end of file reached")
        return content

    def _connect(self):
        place = f"{self.host}:{self.port}"
        try:
            addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as problem:
            raise CliError(f"Failed to open TCP connection to {place} (getaddrinfo: {problem.strerror})") from problem
        addresses.sort(key=lambda found: found[0] != socket.AF_INET)
        for family, kind, protocol, _, address in addresses:
            channel = socket.socket(family, kind, protocol)
            channel.settimeout(self.timeout)
            try:
                channel.connect(address)
                return channel
            except OSError as problem:
                channel.close()
                reason = f"{problem.strerror} - connect(2) for {addresses[0][4][0]}:{self.port}"
        raise CliError(f"Failed to open TCP connection to {place} ({reason})")


def _read_auth(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except PermissionError as problem:
        raise CliError(f"Permission denied @ rb_sysopen - {path}") from problem

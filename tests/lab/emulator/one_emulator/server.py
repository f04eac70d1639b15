"""The XML-RPC endpoint: POST /RPC2, one thread per connection, one call at a time."""

import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from xmlrpc.client import Fault, dumps, loads

from . import errors, raft_rpc
from .log import write
from .raft import LEADER, SOLO

# xmlrpc-c refuses calls of more bytes (MESSAGE_SIZE in oned.conf)
LONGEST_CALL = 1 << 30


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address, cloud):
        self.cloud = cloud
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != "/RPC2":
            self._answer(404, b"<HTML><HEAD><TITLE>Error 404</TITLE></HEAD></HTML>", "text/html")
            return
        if length > LONGEST_CALL:
            self._answer(413, b"", "text/html")
            return
        try:
            arguments, method = loads(self.rfile.read(length), use_builtin_types=True)
        except Exception as problem:  # noqa: BLE001 - whatever a client may send
            body = dumps(Fault(-503, f"Call is not valid XML: {problem}"), allow_none=False)
        else:
            body = call(self.server.cloud, method, arguments)
        self._answer(200, body.encode("utf-8", "surrogateescape"), "text/xml; charset=utf-8")

    def do_GET(self):
        self._answer(405, b"", "text/html")

    def _answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def call(cloud, method, arguments):
    """Answer one API call as oned does: (true, value, 0) or (false, text, code, object, -1)."""
    answered = system_version(cloud) if method == "one.system.version" else cloud.method(method)
    if answered is None:
        return dumps(Fault(-506, f"Method '{method}' not defined"))
    leads = cloud.raft.state in (SOLO, LEADER)
    try:
        user = cloud.pools["user"].authenticate(str(arguments[0]) if arguments else "")
        if method.startswith("one.zone") and raft_rpc.is_local(method):
            # how the servers stand is told and settled also while a change waits for a majority
            return _values(True, answered(user, *arguments[1:]), 0)
        if not raft_rpc.is_local(method):
            if not leads:
                return raft_rpc.forward(cloud.raft, method, arguments)
            if cloud.raft.reconciling:
                raise errors.OneError(errors.INTERNAL, "Cannot process request, oned cluster is replicating log")
        with cloud.guard:
            value = answered(user, *arguments[1:])
            if leads:
                cloud.hooks.called(method, arguments, (True, value, 0), cloud.object_of(method, value))
            return _values(True, value, 0)
    except errors.OneError as problem:
        write("ReM", "E", f"[{method}] {problem.text}")
        failure = (False, f"[{method}] {problem.text}", problem.code, problem.object_id, -1)
        if leads and not raft_rpc.is_local(method):
            with cloud.guard:
                cloud.hooks.called(method, arguments, failure, "")
        return _values(*failure)
    except (TypeError, ValueError, IndexError) as problem:
        # wrong number or kind of parameters: oned answers with a fault as well
        write("ReM", "E", f"[{method}] {type(problem).__name__}: {problem}")
        return dumps(Fault(-500, f"Parameter list is not valid: {problem}"))


def system_version(cloud):
    return lambda _user: cloud.release.number


def _values(*values):
    return dumps((list(values),), methodresponse=True, encoding="utf-8")


def serve(server):
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="xmlrpc", daemon=True).start()

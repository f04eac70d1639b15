"""The daemon: options, configuration, lock file, drivers, database, port - and the ways in which a start goes wrong."""

import contextlib
import os
import resource
import signal
import socket
import sys
import time

from . import oned_conf
from .cloud import ONE_AUTH, Cloud
from .database import DatabaseProblem, connect
from .drivers import DriverProblem, Drivers
from .log import write
from .oned_conf import Configuration
from .paths import real
from .raft_hooks import dump_configuration
from .release import current, version_text
from .server import Server, serve
from .stopping import StopSignal
from .template import SyntaxProblem, Template, parse

LOCK_FILE = "/var/lock/one/one"
PID_FILE = "/run/one/oned.pid"
MONITORD_CONF = "/etc/one/monitord.conf"
BAD_START = 255
USAGE = "Usage: oned [-h] [-v] [-f] [-i]\n"
HELP = """
SYNOPSIS
  Starts the emulated OpenNebula daemon

OPTIONS
  -v, --version\tprint the version and exit
  -h, --help\tprint this help and exit
  -f, --foreground\tstay in the foreground
  -i, --init-db\tset the database up and exit
"""


def main(argv):
    options = set()
    for argument in argv[1:]:
        if argument in ("-v", "--version"):
            sys.stdout.write(version_text())
            return 0
        if argument in ("-h", "--help"):
            sys.stdout.write(USAGE + HELP)
            return 0
        if argument in ("-f", "--foreground"):
            options.add("foreground")
        elif argument in ("-i", "--init-db"):
            options.add("init-db")
        else:
            kind = "unrecognized option" if argument.startswith("--") else "invalid option --"
            shown = argument if argument.startswith("--") else argument.lstrip("-")[:1]
            sys.stderr.write(f"/usr/bin/oned: {kind} '{shown}'\n{USAGE}")
            return BAD_START
    return Daemon(current()).run("foreground" in options, "init-db" in options)


class Daemon:
    def __init__(self, release):
        self.release = release

    def run(self, foreground, init_db):
        try:
            self.conf = oned_conf.load(self.release)
        except oned_conf.ConfProblem as problem:
            sys.stdout.write(str(problem))
            sys.stdout.flush()
            sys.stderr.write("Could not load nebula configuration file.\n")
            return BAD_START
        if not self._take_lock():
            sys.stderr.write(f"Error: Cannot start oned, opening lock file {LOCK_FILE}\n")
            return BAD_START
        try:
            if not foreground and os.fork():
                os._exit(0)
            return self._serve(init_db)
        finally:
            _remove(LOCK_FILE)
            _remove(PID_FILE)

    @staticmethod
    def _take_lock():
        try:
            os.close(os.open(real(LOCK_FILE), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        except OSError:
            return False
        return True

    def _serve(self, init_db):
        os.umask(0o027)
        with open(real("/var/log/one/oned.log"), "w", encoding="ascii"):
            pass  # oned begins a new log; logrotate keeps the former ones
        write("ONE", "I", f"Starting the emulator of OpenNebula {self.release.number} ...")
        self.stopping = StopSignal()
        drivers = Drivers(self.conf, self.release)
        try:
            database = connect(self.conf, self.release)
            write("ONE", "I", f"oned is using version {self.release.number} for db_versioning")
            monitord = self._monitord_conf()
            self._check_is_seeded(database)
            dump_configuration(self.conf)
            cloud = Cloud(self.conf, monitord or Configuration(Template()), database, self.release)
            if not self._bootstrap(cloud, database):
                return self._bad_start()
            if init_db:
                return 0
            drivers.start()
            if monitord is None:
                write("DrM", "E", "Unable to start driver 'monitord': Driver initialization failed")
                write("InM", "E", "Error starting Information Manager: Driver initialization failed")
                return self._bad_start()
            server = self._open_port(cloud)
            if server is None:
                return self._bad_start()
            return self._until_stopped(cloud, server)
        except DatabaseProblem as problem:
            write("ONE", "E", str(problem))
            sys.stderr.write(f"{problem}\n")
            return BAD_START
        except DriverProblem as problem:
            return self._hang() if problem.hangs else BAD_START
        finally:
            drivers.stop()

    def _check_is_seeded(self, database):
        """A server of a zone gets its database from the others; it does not begin one."""
        if int(self.conf.vector("FEDERATION").get("SERVER_ID") or -1) != -1 and database.is_new():
            raise DatabaseProblem("Database has to be bootstraped to start oned in HA")

    # -- steps of a start ---------------------------------------------------------------------------------------

    def _bootstrap(self, cloud, database):
        """oneadmin's password comes from one_auth once, at the first start; without the file no start succeeds."""
        try:
            with open(real(os.environ.get("ONE_AUTH") or ONE_AUTH), encoding="utf-8") as file:
                name, colon, password = file.readline().strip().partition(":")
        except OSError:
            # the driver of the marketplaces is the first that misses it
            write("DrM", "E", "Unable to start driver 'market_exe': Driver initialization failed")
            write("MKP", "E", "Driver initialization failed")
            return False
        if not database.is_new():
            return True
        if not (colon and name and password):
            write("ONE", "E", "Wrong format must be <username>:<password>")
            return False
        cloud.bootstrap(password)
        if name != "oneadmin":
            oneadmin = cloud.pools["user"].get(0)
            oneadmin.name = name
            cloud.pools["user"].save(oneadmin)
        return True

    @staticmethod
    def _monitord_conf():
        """The configuration of the monitor daemon, or None if that daemon would not start with it."""
        try:
            with open(real(MONITORD_CONF), encoding="utf-8", errors="surrogateescape") as file:
                return Configuration(parse(file.read()))
        except (OSError, SyntaxProblem):
            return None

    def _open_port(self, cloud):
        address, port = self.conf.get("LISTEN_ADDRESS", "0.0.0.0"), self.conf.get("PORT", "2633")
        write("ReM", "I", "Starting Request Manager...")
        try:
            number = int(port)
        except ValueError:
            write("ReM", "E", "Cannot open server socket: Servname not supported for ai_socktype")
            return None
        try:
            return Server((address, number), cloud)
        except (OSError, OverflowError) as problem:
            write("ReM", "E", f"Cannot open server socket: {getattr(problem, 'strerror', None) or problem}")
            return None

    def _until_stopped(self, cloud, server):
        serve(server)
        cloud.raft.start()
        with open(real(PID_FILE), "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        _notify("READY=1")
        write("ReM", "I", f"XML-RPC server listening on port {server.server_address[1]}.")
        self.stopping.wait()
        _notify("STOPPING=1")
        write("ONE", "I", "Stopping OpenNebula emulator...")
        cloud.raft.stop()
        server.shutdown()
        server.server_close()
        write("ONE", "I", "All modules finalized, exiting.")
        return 0

    # -- starts that fail ---------------------------------------------------------------------------------------

    def _bad_start(self):
        """6.10 ends such a start with a segmentation fault, 7.4 in good order."""
        if not self.release.crashes_on_bad_start:
            return BAD_START
        _remove(LOCK_FILE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.SIGSEGV)
        return BAD_START

    @staticmethod
    def _hang():
        """oned neither opens its port nor ends: SIGTERM is ignored, only SIGKILL helps."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            time.sleep(3600)


def _remove(path):
    with contextlib.suppress(OSError):
        os.unlink(real(path))


def _notify(state):
    """Tell systemd; the unit is of Type=notify."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.send(state.encode())

"""Hooks that run: on the state of a host and on API calls, as oneadmin; and the log of what ran.

Hooks on virtual machines and images are kept but never run: the emulator has neither.
"""

import base64
import shlex
import subprocess
import threading
import time

from . import errors
from .log import write
from .paths import real
from .template import cdata
from .xmltree import parse, pretty

HOOKS_DIRECTORY = "/var/lib/one/remotes/hooks"
LINE = 60  # characters of base64 per line, as Ruby breaks them
ANY = -1


class HookLog:
    """The executions since oned started; oned itself keeps them in its database. Answers one.hooklog.info."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.records = {}
        self.kept = int(cloud.conf.vector("HOOK_LOG_CONF").get("LOG_RETENTION", "20"))

    def add(self, hook_id, record):
        records = self.records.setdefault(hook_id, [])
        record["EXECUTION_ID"] = records[-1]["EXECUTION_ID"] + 1 if records else 0
        records.append(record)
        del records[: -self.kept]

    def find(self, hook_id, execution_id):
        for record in self.records.get(hook_id, []):
            if record["EXECUTION_ID"] == execution_id:
                return record
        raise errors.not_possible("Invalid HookLog body. Arguments not found.")

    def xml(self, hook_id):
        return "".join(_record_xml(hook_id, record) for record in self.records.get(hook_id, []))

    def call_info(self, user, since, until, hook_id, outcome):
        """outcome: -1 failures, 1 successes, 0 both. The newest of the last hook comes first."""
        found = []
        for one in sorted(self.records, reverse=True):
            for record in reversed(self.records[one]):
                in_time = record["TIMESTAMP"] >= since and (until == ANY or record["TIMESTAMP"] <= until)
                of_kind = outcome == 0 or (outcome == 1) == (record["CODE"] == 0)
                if in_time and of_kind and hook_id in (ANY, one):
                    found.append(_record_xml(one, record))
        return f"<HOOKLOG>{''.join(found)}</HOOKLOG>"


def _record_xml(hook_id, record):
    return (
        f"<HOOK_EXECUTION_RECORD><HOOK_ID>{hook_id}</HOOK_ID><EXECUTION_ID>{record['EXECUTION_ID']}</EXECUTION_ID>"
        f"<TIMESTAMP>{record['TIMESTAMP']}</TIMESTAMP><ARGUMENTS>{record['ARGUMENTS']}</ARGUMENTS><EXECUTION_RESULT>"
        f"<COMMAND>{record['COMMAND']}</COMMAND><STDOUT>{_encoded(record['STDOUT'])}</STDOUT>"
        f"<STDERR>{_encoded(record['STDERR'])}</STDERR><CODE>{record['CODE']}</CODE></EXECUTION_RESULT>"
        f"{'<RETRY>yes</RETRY>' if record['RETRY'] else ''}</HOOK_EXECUTION_RECORD>"
    )


def _encoded(output):
    text = base64.b64encode(output).decode()
    return "".join(text[i : i + LINE] + "\n" for i in range(0, len(text), LINE))


class Hooks:
    def __init__(self, cloud):
        self.cloud = cloud

    def state_changed(self, resource, state, xml):
        for hook in list(self.cloud.pools["hook"].objects.values()):
            template = hook.template
            if hook.data["type"] == "state" and (template.get("RESOURCE"), template.get("STATE")) == (resource, state):
                self._start(hook, _filled(hook, "$TEMPLATE", xml))

    def called(self, method, arguments, values, object_xml):
        for hook in list(self.cloud.pools["hook"].objects.values()):
            if hook.data["type"] == "api" and hook.template.get("CALL") == method:
                self._start(hook, _filled(hook, "$API", call_info(arguments, values, object_xml)))

    def again(self, hook, record):
        self._start(hook, record["ARGUMENTS"], retry=True)

    def _start(self, hook, arguments, retry=False):
        threading.Thread(target=self._run, args=(hook, arguments, retry), daemon=True).start()

    def _run(self, hook, arguments, retry):
        command = hook.template.get("COMMAND")
        path = command if command.startswith("/") else f"{HOOKS_DIRECTORY}/{command}"
        on_stdin = hook.template.get("ARGUMENTS_STDIN").upper() == "YES"
        program = real(path) if path.startswith(HOOKS_DIRECTORY) else path
        record = {"TIMESTAMP": int(time.time()), "ARGUMENTS": arguments, "RETRY": retry}
        try:
            done = subprocess.run(
                [program] + ([] if on_stdin else shlex.split(arguments)),
                input=arguments.encode() if on_stdin else b"",
                capture_output=True,
                check=False,
                timeout=300,
            )
            record.update(CODE=done.returncode, STDOUT=done.stdout, STDERR=done.stderr)
        except FileNotFoundError:
            record.update(CODE=255, STDOUT=b"", STDERR=f"Internal error No such file or directory - {path}".encode())
        except (OSError, subprocess.TimeoutExpired) as problem:
            record.update(CODE=255, STDOUT=b"", STDERR=f"Internal error {problem}".encode())
        record["COMMAND"] = path if on_stdin else f"{path} {arguments}"
        write("HKM", "I" if record["CODE"] == 0 else "E", f"Hook {hook.name} ({hook.id}) ended with {record['CODE']}")
        with self.cloud.guard:
            self.cloud.hook_log.add(hook.id, record)


def _filled(hook, placeholder, document):
    return hook.template.get("ARGUMENTS").replace(placeholder, base64.b64encode(document.encode()).decode())


def call_info(arguments, values, object_xml):
    """What a hook is told of a call: its parameters without the password, its answer, and the object it was about."""
    given = [("IN", "****" if position == 0 else argument) for position, argument in enumerate(arguments)]
    parameters = []
    for direction in ([*given], [("OUT", value) for value in values]):
        for position, (kind, value) in enumerate(direction, 1):
            parameters.append(
                f"<PARAMETER><POSITION>{position}</POSITION><TYPE>{kind}</TYPE>{_value(value)}</PARAMETER>"
            )
    text = (
        f"<CALL_INFO><RESULT>{int(bool(values[0]))}</RESULT><PARAMETERS>{''.join(parameters)}</PARAMETERS>"
        f"<EXTRA>{object_xml}</EXTRA></CALL_INFO>"
    )
    return pretty(parse(text)).rstrip("\n")


def _value(value):
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return cdata("VALUE", text) if "<" in text or "&" in text else f"<VALUE>{text}</VALUE>"

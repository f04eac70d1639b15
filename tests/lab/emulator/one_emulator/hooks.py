"""State hooks of hosts, which run on a change of state as oneadmin, and the record of what ran.

API hooks and hooks on virtual machines are kept but never run: the emulator has no virtual machines.
"""

import base64
import shlex
import subprocess
import threading
import time

from .log import write
from .paths import real

HOOKS_DIRECTORY = "/var/lib/one/remotes/hooks"


class HookLog:
    """The executions of hooks since oned started; oned itself keeps them in its database."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.records = {}
        self.kept = cloud.conf.vector("HOOK_LOG_CONF").get("LOG_RETENTION", "20")

    def add(self, hook_id, record):
        records = self.records.setdefault(hook_id, [])
        record["EXECUTION_ID"] = records[-1]["EXECUTION_ID"] + 1 if records else 0
        records.append(record)
        del records[: -int(self.kept)]

    def xml(self, hook_id):
        return "".join(_record_xml(hook_id, record) for record in self.records.get(hook_id, []))


def _record_xml(hook_id, record):
    def encoded(text):
        return base64.encodebytes(text).decode() if text else ""

    return (
        f"<HOOK_EXECUTION_RECORD><HOOK_ID>{hook_id}</HOOK_ID><EXECUTION_ID>{record['EXECUTION_ID']}</EXECUTION_ID>"
        f"<TIMESTAMP>{record['TIMESTAMP']}</TIMESTAMP><ARGUMENTS>{record['ARGUMENTS']}</ARGUMENTS><EXECUTION_RESULT>"
        f"<COMMAND>{record['COMMAND']}</COMMAND><STDOUT>{encoded(record['STDOUT'])}</STDOUT>"
        f"<STDERR>{encoded(record['STDERR'])}</STDERR><CODE>{record['CODE']}</CODE>"
        "</EXECUTION_RESULT></HOOK_EXECUTION_RECORD>"
    )


class StateHooks:
    def __init__(self, cloud):
        self.cloud = cloud

    def fire(self, resource, state, xml):
        for hook in list(self.cloud.pools["hook"].objects.values()):
            template = hook.template
            if hook.data["type"] == "state" and (template.get("RESOURCE"), template.get("STATE")) == (resource, state):
                threading.Thread(target=self._run, args=(hook, xml), daemon=True).start()

    def _run(self, hook, xml):
        document = base64.b64encode(xml.encode()).decode()
        arguments = hook.template.get("ARGUMENTS").replace("$TEMPLATE", document)
        command = hook.template.get("COMMAND")
        path = command if command.startswith("/") else f"{HOOKS_DIRECTORY}/{command}"
        on_stdin = hook.template.get("ARGUMENTS_STDIN").upper() == "YES"
        argv = [real(path)] + ([] if on_stdin else shlex.split(arguments))
        record = {"TIMESTAMP": int(time.time()), "ARGUMENTS": arguments}
        try:
            done = subprocess.run(
                argv, input=arguments.encode() if on_stdin else b"", capture_output=True, check=False, timeout=300
            )
            record.update(CODE=done.returncode, STDOUT=done.stdout, STDERR=done.stderr)
        except (OSError, subprocess.TimeoutExpired) as problem:
            record.update(CODE=255, STDOUT=b"", STDERR=f"Internal error {problem}".encode())
        record["COMMAND"] = path if on_stdin else f"{path} {arguments}"
        write("HKM", "I" if record["CODE"] == 0 else "E", f"Hook {hook.name} ({hook.id}) ended with {record['CODE']}")
        with self.cloud.guard:
            self.cloud.hook_log.add(hook.id, record)

"""Verbs of onehook that are not those of everything: the log of executions."""

import base64
import time

from ..xmltree import parse, pretty
from .client import CliError
from .show_text import header, rows
from .verbs import show

ANY = -1


def log(call):
    options = call.options
    hook_id = options.get("hook-id")
    if hook_id is not None and not hook_id.isdigit():
        raise CliError(f"invalid argument: --hook-id {hook_id}")
    outcome = 1 if options.get("success") else -1 if options.get("error") else 0
    since, until = _moment(options.get("since"), 0), _moment(options.get("until"), ANY)
    number = int(hook_id) if hook_id is not None else ANY
    found = parse(call.client.call("one.hooklog.info", since, until, number, outcome))
    if options.get("xml"):
        call.out(pretty(found))
    elif found.children:
        call.out(_table(found.children, with_hook=True))


def _moment(text, default):
    """A time such as 01/31 12:00, of this year."""
    if text is None:
        return default
    try:
        return int(time.mktime(time.strptime(f"{time.localtime().tm_year}/{text}", "%Y/%m/%d %H:%M")))
    except ValueError as problem:
        raise CliError(f"invalid argument: {text}") from problem


def _table(records, with_hook):
    cells = [[r.value("HOOK_ID"), r.value("EXECUTION_ID"), _stamp(r), _code(r), _outcome(r)] for r in records]
    width = max(len(outcome) for *_, outcome in cells)
    lines = [f"{' HOOK ' if with_hook else ''}{'ID':>5} {'TIMESTAMP':>15} {'RC':>5} EXECUTION"]
    for hook, execution, stamp, code, outcome in cells:
        first = f"{hook:>5} " if with_hook else ""
        lines.append(f"{first}{execution:>5} {stamp:>15} {code:>5} {outcome:>{width}}")
    return "\n".join(lines) + "\n"


def _stamp(record, form="%m/%d %H:%M"):
    return time.strftime(form, time.localtime(int(record.value("TIMESTAMP"))))


def _code(record):
    return record.value("EXECUTION_RESULT/CODE")


def _outcome(record):
    return "SUCCESS" if _code(record) == "0" else "ERROR"


def retry(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    call.rpc("retry", oid, int(call.arguments[1]))


def show_hook(call):
    """`show`, and as text also what ran: all executions, or with -e one of them."""
    show(call)
    if call.options.get("xml") or call.options.get("json"):
        return
    hook = call.resource.info(call.client, call.resource.identifier(call.client, call.arguments[0]))
    records = hook.find("HOOKLOG").children
    if call.options.get("execution") is not None:
        chosen = [r for r in records if r.value("EXECUTION_ID") == call.options["execution"]]
        if chosen:
            call.printed[-1] = call.printed[-1].partition(header("HOOK TEMPLATE"))[0] + _record(chosen[0])
    elif records:
        call.out(f"EXECUTION LOG\n{_table(records, with_hook=False)}\n")


def _record(record):
    decoded = {key: _decoded(record.value(f"EXECUTION_RESULT/{key}")) for key in ("STDOUT", "STDERR")}
    pairs = [
        ("EXECUTION ID", record.value("EXECUTION_ID")),
        ("TIMESTAMP", _stamp(record, "%m/%d %H:%M:%S")),
        ("COMMAND", record.value("EXECUTION_RESULT/COMMAND")),
    ]
    return (
        header("HOOK EXECUTION RECORD")
        + rows(18, pairs)
        + f"{'ARGUMENTS':<18}: {_decoded(record.value('ARGUMENTS'))} \n"
        + rows(18, [("EXIT CODE", _code(record))])
        + f"\n{header('EXECUTION STDOUT')}{decoded['STDOUT']}\n\n{header('EXECUTION STDERR')}{decoded['STDERR']}\n\n"
    )


def _decoded(text):
    """Plain arguments are shown as they are."""
    try:
        return base64.b64decode(text.replace("\n", ""), validate=True).decode()
    except ValueError:
        return text

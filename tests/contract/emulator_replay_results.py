"""Runs all replays of a release once and counts what matched; the report in docs/emulator.md is made from the counts.

python tests/contract/emulator_replay_results.py          prints the report
python tests/contract/emulator_replay_results.py --write  puts it into docs/emulator.md
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from emulator_replay import RELEASES, SESSIONS, Machine, records
from emulator_replay_masks import excluded, mask
from emulator_replay_starts import COMMANDS_EXCLUDED, EXCLUSIONS, Starts, cases, wanted

DOCS = Path(__file__).resolve().parents[2] / "docs/emulator.md"
HOOK_SECONDS = 2.0
BEGIN, END = "<!-- replay report: begin -->", "<!-- replay report: end -->"


@dataclass
class Outcome:
    """The replay of one record: what it is called, what was wanted and what came."""

    name: str
    command: str
    verb: str
    matched: bool
    difference: str = ""


@dataclass
class Results:
    release: str
    outcomes: list = field(default_factory=list)
    excluded: list = field(default_factory=list)  # (name, reason)

    @property
    def mismatches(self):
        return [outcome for outcome in self.outcomes if not outcome.matched]

    def per_command(self):
        total, matched = Counter(), Counter()
        for outcome in self.outcomes:
            total[outcome.command] += 1
            matched[outcome.command] += outcome.matched
        return {command: (matched[command], total[command]) for command in sorted(total)}


def differences(record, answer):
    """What is wrong with an answer, or an empty string."""
    found = []
    if record.rc != answer.rc:
        found.append(f"exit code {answer.rc} instead of {record.rc}")
    for stream in ("stdout", "stderr"):
        captured, given = mask(getattr(record, stream)), mask(getattr(answer, stream))
        if captured != given:
            found.append(f"{stream} is {given!r} instead of {captured!r}")
    return "; ".join(found)


def _replay_session(release, sources):
    """Outcomes and exclusions of the records that were captured on one machine."""
    outcomes, left_out = [], []
    with tempfile.TemporaryDirectory(prefix="emulator-replay-") as directory:
        machine = Machine(release, Path(directory))
        machine.prepare()
        if sources != ("down",) and not machine.start():
            raise RuntimeError(f"the emulated oned {release} does not start: {machine.process.communicate()}")
        try:
            for source in sources:
                for record in records(release, source):
                    reason = excluded(record)
                    if reason:
                        left_out.append((record.name, reason))
                        continue
                    if waits_for_hosts(record):
                        machine.settle()
                    if waits_for_hooks(record):
                        time.sleep(HOOK_SECONDS)
                    difference = differences(record, machine.run(record))
                    outcomes.append(Outcome(record.name, record.command, record.verb, not difference, difference))
        finally:
            machine.stop()
    return outcomes, left_out


def waits_for_hosts(record):
    """Records captured after the hosts were probed: seconds lay between a creation or an enabling and them."""
    return record.command == "onehost" and (record.verb in ("list", "sync") or _shows_second_failure(record))


def _shows_second_failure(record):
    return (record.release, record.name) == ("6.10.0", "host#37")


def waits_for_hooks(record):
    """Records captured seconds after a call or a retry that makes hooks run, which they do beside it."""
    return record.source == "hook2" and record.number in (5, 17, 20)


def _replay_starts(release):
    outcomes, left_out = [], []
    with tempfile.TemporaryDirectory(prefix="emulator-starts-") as directory:
        starts = Starts(release, Path(directory))
        for number, case in enumerate(cases(release)):
            name, key = f"{case['case']}#{number}", (release, number)
            if key in EXCLUSIONS:
                left_out.append((name, EXCLUSIONS[key]))
                continue
            got, want = starts.try_case(case), wanted(case)
            if key in COMMANDS_EXCLUDED:
                left_out.append((f"{name}, its commands", COMMANDS_EXCLUDED[key]))
                got.commands = want.commands
            outcomes.append(
                Outcome(name, "oned", "start", got == want, "" if got == want else f"{got} instead of {want}")
            )
    return outcomes, left_out


@cache
def results(release):
    with ThreadPoolExecutor(max_workers=2) as workers:
        parts = [workers.submit(_replay_session, release, sources) for sources in SESSIONS]
        parts.append(workers.submit(_replay_starts, release))
        found = Results(release)
        for part in parts:
            outcomes, left_out = part.result()
            found.outcomes += outcomes
            found.excluded += left_out
    return found


def report():
    """The section of docs/emulator.md."""
    lines = ["Matched/total per command:", "", "| command | " + " | ".join(RELEASES) + " |", "|---|---|---|"]
    counted = {release: results(release).per_command() for release in RELEASES}
    for command in sorted({name for counts in counted.values() for name in counts}):
        cells = ["/".join(map(str, counted[release].get(command, (0, 0)))) for release in RELEASES]
        lines.append(f"| `{command}` | " + " | ".join(cells) + " |")
    lines += ["", "Mismatches:", ""]
    wrong = [
        f"- {release} {o.name}: `{o.command} {o.verb}`" for release in RELEASES for o in results(release).mismatches
    ]
    lines += wrong or ["none beyond the masks and the exclusions."]
    lines += ["", "Excluded records, by reason:", "", "| reason | " + " | ".join(RELEASES) + " |", "|---|---|---|"]
    reasons = {release: Counter(reason for _, reason in results(release).excluded) for release in RELEASES}
    for reason in sorted({reason for counts in reasons.values() for reason in counts}):
        lines.append(f"| {reason} | " + " | ".join(str(reasons[release][reason]) for release in RELEASES) + " |")
    return "\n".join(lines) + "\n"


def written_report():
    """What docs/emulator.md says now."""
    text = DOCS.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip() + "\n"


def main(arguments):
    made = report()
    if arguments == ["--write"]:
        text = DOCS.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    else:
        sys.stdout.write(made)
    for release in RELEASES:
        for outcome in results(release).mismatches:
            sys.stderr.write(f"{release} {outcome.name}: {outcome.difference}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

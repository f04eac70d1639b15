"""The emulated OpenNebula answers as the captured one did."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from emulator_replay import BY_TIER, CONTRACT, Answer, records  # noqa: E402
from emulator_replay_masks import excluded  # noqa: E402
from emulator_replay_results import differences, report, results, written_report  # noqa: E402

pytestmark = [
    pytest.mark.skipif(
        not CONTRACT.is_dir(),
        reason="the captures of the real programs are not beside this checkout (../shared/contract)",
    ),
    # the replays run once and are shared by the tests of one process
    pytest.mark.xdist_group("emulator_replay"),
]

# What the collection's modules call.
CALLED = {
    "onedatastore": "create update delete rename chmod chown chgrp enable disable list show",
    "onehook": "create update delete rename lock unlock list show",
    "onehost": "create update delete rename enable disable offline sync list show",
    "onecluster": "create update delete rename addhost delhost adddatastore deldatastore addvnet delvnet list show",
    "onevnet": "create update delete rename chmod chown chgrp lock unlock addar updatear rmar list show",
    "onesecgroup": "create update delete rename chmod chown chgrp list show",
    "oneuser": "create update delete passwd chauth chgrp addgroup delgroup enable disable list show",
}


@pytest.mark.parametrize("release", BY_TIER)
@pytest.mark.parametrize("command", CALLED)
def test_verbs_that_modules_call_are_answered_as_captured(release, command):
    wrong = [o for o in results(release).mismatches if o.command == command and o.verb in CALLED[command].split()]
    assert not wrong, "\n".join(f"{o.name}: {o.difference}" for o in wrong)


@pytest.mark.parametrize("release", BY_TIER)
def test_starts_of_oned_go_as_captured(release):
    wrong = [o for o in results(release).mismatches if o.command == "oned"]
    assert not wrong, "\n".join(f"{o.name}: {o.difference}" for o in wrong)


@pytest.mark.parametrize("release", BY_TIER)
def test_every_command_that_is_replayed_has_replayed_records(release, capsys):
    counts = results(release).per_command()
    with capsys.disabled():
        shown = ", ".join(f"{command} {matched}/{total}" for command, (matched, total) in counts.items())
        print(f"\nemulated OpenNebula {release}: {shown}")
    assert all(counts[command][1] >= 10 for command in CALLED)


@pytest.mark.full
def test_the_documentation_names_the_present_mismatches_and_exclusions():
    assert written_report() == report(), (
        "docs/emulator.md is stale: run `python tests/contract/emulator_replay_results.py --write`"
    )


# A replay that cannot fail proves nothing: each of these answers differs from the captured one in what matters.
@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (Answer(0, "", ""), Answer(255, "", "")),
        (Answer(0, "<NAME>a</NAME>", ""), Answer(0, "<NAME>b</NAME>", "")),
        (Answer(0, "<STATE>2</STATE>", ""), Answer(0, "<STATE>3</STATE>", "")),
        (Answer(0, "<ALLOW_ORPHANS><![CDATA[YES]]>", ""), Answer(0, "<ALLOW_ORPHANS><![CDATA[NO]]>", "")),
        (Answer(255, "", "line 3, columns 4:5"), Answer(255, "", "line 4, columns 4:5")),
        (Answer(255, "", "Parse error: line 3, columns 4:5"), Answer(255, "", "Parse error: line 3, columns 4:6")),
        (Answer(0, "<AR>[IP4]<MAC><![CDATA[02:00:00:00:00:10]]></MAC></AR>", ""),
         Answer(0, "<AR>[IP4]<MAC><![CDATA[02:00:00:00:00:11]]></MAC></AR>", "")),
        (Answer(0, " 101 sys_ssh         - -   0", ""), Answer(0, " 101 sys_ssh      252G 28% 0", "")),
        (Answer(255, "", "Failed to update the following hosts:\n* a\n"),
         Answer(255, "", "Failed to update the following hosts:\n* b\n")),
    ],
)  # fmt: skip
def test_masks_leave_what_matters(wanted, given):
    record = next(iter(records("7.4.0", "datastore")))
    record = replace(record, rc=wanted.rc, stdout=wanted.stdout, stderr=wanted.stderr)
    assert differences(record, given)
    assert not differences(record, wanted)


@pytest.mark.parametrize("release", BY_TIER)
def test_no_exclusion_hides_a_call_of_a_module(release):
    """But for two, which need a datastore that holds an image."""
    hidden = [
        record.name
        for source in (
            "datastore",
            "cluster",
            "host",
            "hook",
            "hook2",
            "vnet",
            "vnet2",
            "secgroup",
            "zone_user",
            "json",
            "auth",
        )
        for record in records(release, source)
        if record.command in CALLED
        and record.verb in CALLED[record.command].split()
        and excluded(record)
        and ({"-x"} & set(record.argv) or record.verb not in ("list", "show"))
    ]
    assert hidden == (["datastore#150", "datastore#156"] if release == "6.10.0" else [])

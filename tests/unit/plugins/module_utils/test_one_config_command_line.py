# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of drivers and lists in one value."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.command_line import (
    CommandLineEdit,
    edit_command_line,
    edit_members,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import Refused

VITASTOR = CommandLineEdit("-l", entries={"deploy": "deploy.vitastor"})
STORPOOL = CommandLineEdit("-l", entries={"deploy": "deploy-tweaks", "save": "tmsave"})

# line, edit, present, line after
DONE = [
    ("-t 15 -r 0 kvm -p", VITASTOR, True, "-t 15 -r 0 kvm -p -l deploy=deploy.vitastor"),
    ("-t 15 -l save=x kvm", VITASTOR, True, "-t 15 -l save=x,deploy=deploy.vitastor kvm"),
    ("-l deploy=deploy.vitastor kvm", VITASTOR, True, "-l deploy=deploy.vitastor kvm"),
    ("-l DEPLOY=deploy.vitastor kvm", VITASTOR, True, "-l DEPLOY=deploy.vitastor kvm"),
    ("-l deploy=deploy.vitastor kvm", VITASTOR, False, "kvm"),
    ("-t 15 -l deploy=deploy.vitastor -p", VITASTOR, False, "-t 15 -p"),
    ("-t 15 -l deploy=deploy-tweaks -p", VITASTOR, False, "-t 15 -l deploy=deploy-tweaks -p"),
    ("-l deploy=deploy-tweaks,save=tmsave,x", STORPOOL, False, "-l x"),
    ("kvm", VITASTOR, False, "kvm"),
    ("", VITASTOR, True, "-l deploy=deploy.vitastor"),
    ("-d migrate", CommandLineEdit("-d", entries={"migrate": None}), True, "-d migrate"),
    ("-t 15 -d dummy,ssh", CommandLineEdit("-d", members=["ssh", "x", "x"]), True, "-t 15 -d dummy,ssh,x"),
    ("-t 15 -d dummy,ssh -s b", CommandLineEdit("-d", members=["dummy"]), False, "-t 15 -d ssh -s b"),
    ("-d x -s b", CommandLineEdit("-d", members=["x"]), False, "-s b"),
    ("-d xy", CommandLineEdit("-d", members=["x"]), False, "-d xy"),
    ("-t 15 kvm", CommandLineEdit("-t", value="30"), True, "-t 30 kvm"),
    ("-t 15 kvm", CommandLineEdit("-t", value="30"), False, "-t 15 kvm"),
    ("kvm", CommandLineEdit("-d", members=[]), True, "kvm"),
    ("-d a kvm", CommandLineEdit("-d", members=[]), True, "-d a kvm"),
    ("-l a=b kvm", CommandLineEdit("-l", entries={}), False, "-l a=b kvm"),
    ("-t 15 kvm", CommandLineEdit("-t", value="15"), False, "kvm"),
    ("-p 2101 -b 127.0.0.1", CommandLineEdit("--bind", value="x"), True, "-p 2101 -b 127.0.0.1 --bind x"),
]


@pytest.mark.parametrize("line, edit, present, after", DONE)
def test_edit(line, edit, present, after):
    assert edit_command_line(line, edit, present) == after
    assert edit_command_line(after, edit, present) == after


REFUSED = [
    ("-l deploy=deploy-tweaks", VITASTOR, "-l already has 'deploy=deploy-tweaks', wanted 'deploy=deploy.vitastor'"),
    # the driver would take the last of the two
    ("-l deploy=a,deploy=deploy.vitastor", VITASTOR, "already has 'deploy=a,deploy=deploy.vitastor'"),
    ("-l deploy", VITASTOR, "already has 'deploy'"),
    ("-d a -d b", CommandLineEdit("-d", members=["x"]), "has -d 2 times, the driver takes the last"),
    ("-t 15 -d", CommandLineEdit("-d", members=["x"]), "has -d without an argument"),
    ("-d -p", CommandLineEdit("-d", members=["x"]), "has -d without an argument"),
    ("-dlvm", CommandLineEdit("-d", members=["x"]), "has '-dlvm'; write -d and its argument as two words"),
    ("--local deploy=x", VITASTOR, "has the long option '--local'"),
    ("-d a", CommandLineEdit("-d", members=["x y"]), "'x y' cannot stand in a command line"),
    ("-t 15", CommandLineEdit("-t", value=""), "'' cannot stand in a command line"),
    ("-l a", CommandLineEdit("-l", entries={"a,b": "c"}), "'a,b' cannot stand in a command line"),
]


@pytest.mark.parametrize("line, edit, says", REFUSED)
def test_refusal(line, edit, says):
    with pytest.raises(Refused, match=says):
        edit_command_line(line, edit, present=True)


@pytest.mark.parametrize(
    "text, members, separator, present, after",
    [
        ("a,b", ["b", "c"], ",", True, "a,b,c"),
        ("migrate, delete,\n    backup", ["exec"], ",", True, "migrate, delete,\n    backup, exec"),
        ("", ["a", "b"], ",", True, "a,b"),
        ("a, b, c", ["a"], ",", False, "b, c"),
        ("a", ["a"], ",", False, ""),
        ("kvm-qcow2 kvm-ssh", ["kvm-x"], " ", True, "kvm-qcow2 kvm-ssh kvm-x"),
        ("kvm-qcow2 ", ["kvm-x"], " ", True, "kvm-qcow2 kvm-x"),
        ("kvm-x kvm-xy", ["kvm-x"], " ", False, "kvm-xy"),
        ("a  b", ["b"], " ", False, "a"),
        (" a b", ["c"], " ", False, " a b"),
    ],
)
def test_members(text, members, separator, present, after):
    assert edit_members(text, members, separator, present) == after


@pytest.mark.parametrize("member, separator", [("a,b", ","), ("a b", " "), ("", ","), (" ", ",")])
def test_what_is_no_member_is_refused(member, separator):
    with pytest.raises(Refused, match="cannot be a member"):
        edit_members("x", [member], separator, present=True)

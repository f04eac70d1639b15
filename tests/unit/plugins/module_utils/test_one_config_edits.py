# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of oned.conf, as tables: the file, the edit, the file after it, or the sentence that refuses it."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import format_of, plan_edits

DB = 'DB = [ BACKEND = "sqlite",\n       TIMEOUT = 2500 ]\n'
KVM = 'VM_MAD = [\n    NAME      = "kvm",\n    ARGUMENTS = "-t 15 -r 0 kvm -p"\n]\n'
LXC = 'VM_MAD = [\n    NAME      = "lxc"\n]\n'
FEATURES = 'FEATURES = [\n    ACPI = "yes", # power\n#   PAE = "no",\n    APIC = "no"  # off\n]\n'
INHERIT = (
    'INHERIT_DATASTORE_ATTR  = "CEPH_HOST"\nINHERIT_DATASTORE_ATTR  = "CEPH_KEY" # two\n\nINHERIT_VNET_ATTR = "X"\n'
)

# id, file, edit, file after
DONE = [
    ("scalar set, quoting kept", "PORT = 2633 # why\n", {"attribute": "PORT", "value": 9}, "PORT = 9 # why\n"),
    ("scalar set in quotes", 'A = "x"\n', {"attribute": "A", "value": 9}, 'A = "9"\n'),
    ("names have no case", "port = 1\n", {"attribute": "PORT", "value": "2"}, "port = 2\n"),
    ("unquoted to quoted where needed", "A = x\n", {"attribute": "A", "value": "x y"}, 'A = "x y"\n'),
    ("empty gets a value", "A =\nB = 1\n", {"attribute": "A", "value": "x"}, 'A = "x"\nB = 1\n'),
    ("scalar emptied", "A = x\n", {"attribute": "A", "value": ""}, 'A = ""\n'),
    ("quoted number equals the number", 'A = "5"\n', {"attribute": "A", "value": 5}, 'A = "5"\n'),
    ("oned skips '#' after '='", "A = # x\n", {"attribute": "A", "value": "y"}, "A = y\n"),
    ("scalar added at the end", "A = 1\n", {"attribute": "B", "value": "x"}, 'A = 1\nB = "x"\n'),
    ("no newline at the end stays so", "A = 1", {"attribute": "B", "value": 2}, "A = 1\nB = 2"),
    (
        "scalar added below its example",
        "# HOSTNAME = fe\n\nPORT = 1\n",
        {"attribute": "HOSTNAME", "value": "fe1"},
        '# HOSTNAME = fe\nHOSTNAME = "fe1"\n\nPORT = 1\n',
    ),
    (
        "an example inside of a vector is none",
        FEATURES,
        {"attribute": "PAE", "value": "x"},
        FEATURES + 'PAE = "x"\n',
    ),
    (
        "scalar removed with its comment",
        "A = 1\nB = 2 # b\nC = 3\n",
        {"attribute": "B", "state": "absent"},
        "A = 1\nC = 3\n",
    ),
    ("scalar that is not there", "A = 1\n", {"attribute": "B", "state": "absent"}, "A = 1\n"),
    (
        "vector merged",
        DB,
        {"attribute": "DB", "values": {"backend": "mysql", "PASSWD": 'p"w #1'}},
        'DB = [ BACKEND = "mysql",\n       TIMEOUT = 2500,\n       PASSWD  = "p\\"w #1" ]\n',
    ),
    (
        "vector replaced",
        DB,
        {"attribute": "DB", "values": {"BACKEND": "mysql", "USER": "one"}, "merge": False},
        'DB = [ BACKEND = "mysql",\n       USER    = "one" ]\n',
    ),
    (
        "a NAME in another case is the same to oned",
        KVM.replace('"kvm"', '"KVM"'),
        {"attribute": "VM_MAD", "where": {"name": "kvm"}, "values": {"ARGUMENTS": "-p"}},
        KVM.replace('"kvm"', '"KVM"').replace("-t 15 -r 0 kvm -p", "-p"),
    ),
    ("one key set", DB, {"attribute": "DB", "key": "TIMEOUT", "value": 1}, DB.replace("2500", "1")),
    ("one key removed", DB, {"attribute": "DB", "key": "BACKEND", "state": "absent"}, "DB = [ TIMEOUT = 2500 ]\n"),
    ("last key removed", DB, {"attribute": "DB", "key": "TIMEOUT", "state": "absent"}, 'DB = [ BACKEND = "sqlite" ]\n'),
    ("only key removed", "A = 1\nV = [ K = 1 ]\n", {"attribute": "V", "key": "K", "state": "absent"}, "A = 1\n"),
    ("key of an empty vector", "V = [ ]\n", {"attribute": "V", "values": {"K": "1"}}, 'V = [ K = "1" ]\n'),
    (
        "key added behind comments",
        FEATURES,
        {"attribute": "FEATURES", "values": {"GUEST_AGENT": "yes"}},
        FEATURES.replace('"no"  # off', '"no",  # off\n    GUEST_AGENT = "yes"'),
    ),
    (
        "key removed, comments of others stay",
        FEATURES,
        {"attribute": "FEATURES", "key": "ACPI", "state": "absent"},
        'FEATURES = [\n#   PAE = "no",\n    APIC = "no"  # off\n]\n',
    ),
    (
        "vector selected",
        KVM + LXC,
        {"attribute": "VM_MAD", "where": {"name": "lxc"}, "values": {"TYPE": "xml"}},
        KVM + 'VM_MAD = [\n    NAME      = "lxc",\n    TYPE = "xml"\n]\n',
    ),
    (
        "vector added after the last of its name",
        KVM + "\nA = 1\n",
        {"attribute": "VM_MAD", "where": {"NAME": "x"}, "values": {"TYPE": "xml"}},
        KVM + '\nVM_MAD = [\n    NAME = "x",\n    TYPE = "xml"\n]\n\nA = 1\n',
    ),
    (
        "vector removed",
        KVM + "\n" + LXC + "\nA = 1\n",
        {"attribute": "VM_MAD", "where": {"NAME": "lxc"}, "state": "absent"},
        KVM + "\nA = 1\n",
    ),
    ("vector of another name stays", KVM, {"attribute": "VM_MAD", "where": {"NAME": "x"}, "state": "absent"}, KVM),
    (
        "repeated attribute added in line with the others",
        INHERIT,
        {"attribute": "INHERIT_DATASTORE_ATTR", "item": "POOL"},
        INHERIT.replace("# two\n", '# two\nINHERIT_DATASTORE_ATTR  = "POOL"\n'),
    ),
    (
        "repeated attribute removed",
        INHERIT,
        {"attribute": "INHERIT_DATASTORE_ATTR", "item": "CEPH_KEY", "state": "absent"},
        'INHERIT_DATASTORE_ATTR  = "CEPH_HOST"\n\nINHERIT_VNET_ATTR = "X"\n',
    ),
    (
        "script of a driver action",
        KVM,
        {
            "attribute": "VM_MAD",
            "where": {"NAME": "kvm"},
            "key": "ARGUMENTS",
            "command_line": {"option": "-l", "entries": {"deploy": "mine"}},
        },
        KVM.replace("kvm -p", "kvm -p -l deploy=mine"),
    ),
    ("members of a list with blanks", 'A = "a, b"\n', {"attribute": "A", "members": ["b", "c"]}, 'A = "a, b, c"\n'),
    ("first member removed", 'A = "a, b"\n', {"attribute": "A", "members": ["a"], "state": "absent"}, 'A = "b"\n'),
    ("words", 'A = "a b"\n', {"attribute": "A", "members": ["c"], "separator": " "}, 'A = "a b c"\n'),
]


def plan(text, *edits):
    return plan_edits("/etc/one/oned.conf", text, list(edits))


@pytest.mark.parametrize("text, edit, after", [row[1:] for row in DONE], ids=[row[0] for row in DONE])
def test_edit(text, edit, after):
    planned = plan(text, edit)
    assert planned.after == after
    assert bool(planned.changes) == (text != after)
    assert plan(after, edit).changes == []


TWICE = "A = 1\nA = 2\n"
SAME_NAME = 'TM_MAD_CONF = [ NAME = "ssh" ]\nTM_MAD_CONF = [ NAME = "ssh" ]\n'

# id, file, edits, what the sentence says
REFUSED = [
    (
        "scalar twice: oned takes the first",
        TWICE,
        [{"attribute": "A", "value": "2"}],
        r"edit 1 \(A\): A is set 2 times \(lines 1, 2\)",
    ),
    ("removal of one of several", TWICE, [{"attribute": "A", "state": "absent"}], "say which with item"),
    (
        "two entries of one NAME: oned takes the first",
        SAME_NAME,
        [{"attribute": "TM_MAD_CONF", "where": {"NAME": "ssh"}, "values": {"SHARED": "YES"}}],
        r"2 attributes match TM_MAD_CONF\[NAME=ssh\] \(lines 1, 2\), and oned takes the first",
    ),
    ("several without where", KVM + LXC, [{"attribute": "VM_MAD", "values": {"A": "1"}}], "there are 2 VM_MAD"),
    ("key twice", "V = [ K = 1, K = 2 ]\n", [{"attribute": "V", "key": "K", "value": "2"}], "V has the key K 2 times"),
    ("scalar where a vector is", DB, [{"attribute": "DB", "value": "x"}], r"DB is a vector attribute \(line 1\)"),
    ("vector where a scalar is", "A = 1\n", [{"attribute": "A", "values": {"K": "1"}}], "A is a single value"),
    (
        "action with another script",
        KVM.replace(" -p", " -l deploy=deploy-tweaks,save=s"),
        [{"attribute": "VM_MAD", "key": "ARGUMENTS", "command_line": {"option": "-l", "entries": {"DEPLOY": "mine"}}}],
        "-l already has 'deploy=deploy-tweaks', wanted 'DEPLOY=mine'",
    ),
    (
        "command line that is not there",
        LXC,
        [{"attribute": "VM_MAD", "key": "ARGUMENTS", "command_line": {"option": "-l", "entries": {"deploy": "mine"}}}],
        "there is no VM_MAD/ARGUMENTS whose command line",
    ),
    (
        "edits that contradict each other",
        "A = 1\n",
        [{"attribute": "A", "value": "2"}, {"attribute": "B", "value": "2"}, {"attribute": "a", "value": "3"}],
        r"edit 1 \(A\) does not hold after all edits: it contradicts edit 3 \(a\)",
    ),
    (
        "item both added and removed",
        INHERIT,
        [{"attribute": "A", "item": "x"}, {"attribute": "A", "item": "x", "state": "absent"}],
        "contradicts edit 2",
    ),
    ("YAML's yes", "A = 1\n", [{"attribute": "A", "value": True}], "True is not a text; quote it"),
    ("a list as value", "A = 1\n", [{"attribute": "A", "value": [1]}], "a list where a text is expected"),
    ("two subjects", "A = 1\n", [{"attribute": "A", "value": 1, "item": "x"}], "an edit is about one thing"),
    ("no subject", "A = 1\n", [{"attribute": "A"}], "says nothing about what shall be there"),
    (
        "removal with values",
        DB,
        [{"attribute": "DB", "values": {"A": "1"}, "state": "absent"}],
        "name the attribute, the key or the item",
    ),
    (
        "where against values",
        KVM,
        [{"attribute": "VM_MAD", "where": {"NAME": "a"}, "values": {"name": "b"}}],
        "would change NAME",
    ),
    (
        "one NAME twice, in different case: oned takes the first",
        KVM + KVM.replace('"kvm"', '"Kvm"'),
        [{"attribute": "VM_MAD", "where": {"NAME": "kvm"}, "values": {"ARGUMENTS": "-p"}}],
        r"2 attributes match VM_MAD\[NAME=kvm\] \(lines 1, 5\)",
    ),
    ("one key twice", DB, [{"attribute": "DB", "values": {"A": "1", "a": "2"}}], "values has a key twice"),
    ("no name", "A = 1\n", [{"attribute": "A B", "value": 1}], "'A B' is not a name"),
    ("backslash at the end", "A = 1\n", [{"attribute": "A", "value": "x y\\"}], "ends with a backslash"),
    (
        "syntax",
        "A = [ B = 1 C = 2 ]\n",
        [{"attribute": "B", "value": 1}],
        r"^/etc/one/oned.conf: line 1, column 13: a comma is missing",
    ),
    ("truncated to nothing", "", [{"attribute": "A", "value": 1}], "holds no attribute at all, it looks truncated"),
    (
        "truncated inside of a vector",
        KVM[:40],
        [{"attribute": "A", "value": 1}],
        "line 2, column .*runs over several|its ']' is missing",
    ),
    (
        "CRLF",
        "# c\r\nA = 1\r\n",
        [{"attribute": "A", "value": 1}],
        "line 2 ends with a carriage return, which oned takes as part of",
    ),
    ("binary", "A = 1\0\n", [{"attribute": "A", "value": 1}], "NUL bytes"),
]


@pytest.mark.parametrize("text, edits, says", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refusal(text, edits, says):
    with pytest.raises(Refused, match=says):
        plan(text, *edits)


def test_a_twice_given_scalar_with_the_wanted_value_is_no_conflict():
    assert not plan("A = 1\nA = 1\n", {"attribute": "A", "value": 1}).changed


def test_removing_an_entry_of_another_owner_leaves_it():
    """Each add-on removes exactly its own: an action that another one overrides stays."""
    text = KVM.replace(" -p", " -l deploy=theirs")
    edit = {"attribute": "VM_MAD", "key": "ARGUMENTS", "command_line": {"option": "-l", "entries": {"deploy": "mine"}}}
    assert not plan(text, {**edit, "state": "absent"}).changed


def test_many_edits_of_one_value_add_up():
    text = 'DATASTORE_MAD = [ ARGUMENTS = "-t 15 -d a -s b" ]\n'
    both = [
        {"attribute": "DATASTORE_MAD", "key": "ARGUMENTS", "command_line": {"option": option, "members": ["x"]}}
        for option in ("-d", "-s")
    ]
    assert plan(text, *both).after == 'DATASTORE_MAD = [ ARGUMENTS = "-t 15 -d a,x -s b,x" ]\n'


def test_a_value_that_looks_quoted_and_is_not_is_warned_about():
    """oned starts with `RAW = "unclosed`: it takes the quote as part of the value."""
    (warning,) = plan('A = 1\nRAW = "unclosed\n', {"attribute": "A", "value": 1}).warnings
    assert warning.startswith("line 2: the value of RAW begins with a quote that does not end it")


def test_a_new_file_may_be_empty():
    planned = plan_edits("/etc/one/oned.conf", "", [{"attribute": "V", "values": {"A": "1"}}], new=True)
    assert planned.after == 'V = [\n    A = "1"\n]\n'


def test_bytes_that_are_not_utf8_survive():
    text = b"# caf\xe9\nA = 1\n".decode("utf-8", "surrogateescape")
    after = plan(text, {"attribute": "A", "value": "\u00fc"}).after
    assert after.encode("utf-8", "surrogateescape") == b"# caf\xe9\nA = \xc3\xbc\n"


@pytest.mark.parametrize(
    "path, file_format",
    [
        ("/etc/one/oned.conf", "opennebula"),
        ("/etc/one/monitord.conf", "opennebula"),
        ("/etc/one/sched.conf", "opennebula"),
        ("/etc/one/schedulers/rank.conf", "opennebula"),
        ("/etc/one/vmm_exec/vmm_exec_kvm.conf", "opennebula"),
        ("/etc/one/vmm_exec/vmm_execrc", "shell"),
        ("/var/lib/one/remotes/etc/vmm/kvm/kvmrc", "shell"),
        ("/var/lib/one/remotes/addon-storpoolrc", "shell"),
        ("/etc/one/onegate-server.conf", "yaml"),
        ("/etc/one/oneflow-server.conf", "yaml"),
        ("/etc/one/fireedge-server.conf", "yaml"),
        ("/etc/one/fireedge/sunstone/sunstone-server.conf", "yaml"),
        ("/etc/one/auth/ldap_auth.conf", "yaml"),
    ],
)
def test_the_name_tells_the_format(path, file_format):
    assert format_of(path) == file_format


def test_a_name_that_tells_nothing_is_refused():
    with pytest.raises(Refused, match="set format to opennebula, shell or yaml"):
        format_of("/etc/one/defaults")

"""Which release is emulated, and what differs between the two (each entry is a measured difference).

Without dataclasses, here and in what a command imports: that import is half of a command's start.
"""

import os
from types import SimpleNamespace

from .paths import real

RELEASE_FILE = "/usr/lib/one/emulator/RELEASE"


class Release(SimpleNamespace):
    @property
    def is_six(self):
        return self.number.startswith("6.")


RELEASES = {
    "6.10.0": Release(
        number="6.10.0",
        default_tm="ssh",  # driver of the datastores system, default and files
        allocate_prefix=False,  # "Error allocating a new host. NAME is already taken ..."
        checks_host_names=False,
        vnet_replace_needs_vn_mad=False,
        vnet_shows_template_id=False,
        ar_shows_index_and_sharing=False,
        newer_tm_keys=False,  # PERSISTENT_SNAPSHOTS, DS_LIVE_MIGRATE, DS_MIGRATE_SNAP
        endpoint_grpc=False,
        vlan_rules=False,  # groups list them
        fireedge_views=False,  # a new group gets views of FireEdge instead of Sunstone
        crashes_on_bad_start=True,  # SIGSEGV instead of an orderly rc 255
        hangs_on_duplicate_vm_mad=True,
        needs_home=False,  # the command line cannot live without $HOME
        one_line_conf_error=False,
        gate_bind=":host",  # form of the bind address in onegate-server.conf
        schedulers=False,  # rank.conf and SCHED_MAD instead of the unit opennebula-scheduler
    ),
    "7.4.0": Release(
        number="7.4.0",
        default_tm="local",
        allocate_prefix=True,
        checks_host_names=True,
        vnet_replace_needs_vn_mad=True,
        vnet_shows_template_id=True,
        ar_shows_index_and_sharing=True,
        newer_tm_keys=True,
        endpoint_grpc=True,
        vlan_rules=True,
        fireedge_views=True,
        crashes_on_bad_start=False,
        hangs_on_duplicate_vm_mad=False,
        needs_home=True,
        one_line_conf_error=True,
        gate_bind=":server",
        schedulers=True,
    ),
}


def number():
    chosen = os.environ.get("ONE_EMULATOR_RELEASE")
    if chosen:
        return chosen
    with open(real(RELEASE_FILE), encoding="ascii") as file:
        return file.read().strip()


def current():
    return RELEASES[number()]


def version_text():
    """What --version says. The number stays where parsers look for it; the word "emulated" follows it."""
    return f"OpenNebula {number()} (emulated)\nThis is an emulator for tests, not OpenNebula.\n"

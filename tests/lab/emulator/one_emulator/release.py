"""Which release is emulated, and what differs between the two (each entry is a measured difference)."""

import os
from dataclasses import dataclass

from .paths import real

RELEASE_FILE = "/usr/lib/one/emulator/RELEASE"


@dataclass(frozen=True)
class Release:
    number: str
    default_tm: str  # driver of the datastores system, default and files
    allocate_prefix: bool  # "Error allocating a new host. NAME is already taken ..."
    checks_host_names: bool
    vnet_replace_needs_vn_mad: bool
    vnet_shows_template_id: bool
    ar_shows_index_and_sharing: bool
    newer_tm_keys: bool  # PERSISTENT_SNAPSHOTS, DS_LIVE_MIGRATE, DS_MIGRATE_SNAP
    endpoint_grpc: bool
    vlan_rules: bool  # groups list them
    fireedge_views: bool  # a new group gets views of FireEdge instead of Sunstone
    crashes_on_bad_start: bool  # SIGSEGV instead of an orderly rc 255
    hangs_on_duplicate_vm_mad: bool
    needs_home: bool  # the command line cannot live without $HOME
    one_line_conf_error: bool
    gate_bind: str  # form of the bind address in onegate-server.conf
    schedulers: bool  # rank.conf and SCHED_MAD instead of the unit opennebula-scheduler

    @property
    def is_six(self):
        return self.number.startswith("6.")


RELEASES = {
    "6.10.0": Release(
        number="6.10.0",
        default_tm="ssh",
        allocate_prefix=False,
        checks_host_names=False,
        vnet_replace_needs_vn_mad=False,
        vnet_shows_template_id=False,
        ar_shows_index_and_sharing=False,
        newer_tm_keys=False,
        endpoint_grpc=False,
        vlan_rules=False,
        fireedge_views=False,
        crashes_on_bad_start=True,
        hangs_on_duplicate_vm_mad=True,
        needs_home=False,
        one_line_conf_error=False,
        gate_bind=":host",
        schedulers=False,
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

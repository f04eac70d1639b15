"""What the emulator packages hold: names, paths, units and users of OpenNebula's own packages; contents ours."""

import maintainer_scripts as scripts
import raft_files
from deb import File, Package
from units import TMPFILES, units_of

LIBRARY = "/usr/lib/one/emulator"
CONF_MODE = 0o640

TM_DRIVERS = {
    "6.10.0": "dummy lvm shared fs_lvm fs_lvm_ssh qcow2 ssh ceph dev vcenter iscsi_libvirt",
    "7.4.0": "dummy lvm shared fs_lvm fs_lvm_ssh qcow2 ssh local ceph dev iscsi_libvirt netapp purefa",
}
DATASTORE_DRIVERS = {
    "6.10.0": "dummy fs lvm ceph dev iscsi_libvirt vcenter restic rsync",
    "7.4.0": "dummy fs lvm ceph dev iscsi_libvirt restic rsync netapp purefa virtiofs interactive",
}
TM_ACTIONS = (
    "clone", "context", "cp", "cpds", "delete", "failmigrate", "ln", "mkimage", "mkswap", "monitor", "mv", "mvds",
    "postmigrate", "premigrate", "prebackup", "postbackup", "resize", "snap_create", "snap_create_live",
    "snap_delete", "snap_revert",
)  # fmt: skip
DATASTORE_ACTIONS = (
    "clone", "cp", "export", "mkfs", "monitor", "rm", "snap_delete", "snap_flatten", "snap_revert", "stat",
)  # fmt: skip
VMM_ACTIONS = (
    "attach_disk", "attach_nic", "cancel", "deploy", "detach_disk", "detach_nic", "migrate", "migrate_local",
    "reboot", "reset", "restore", "save", "shutdown", "snapshot_create", "snapshot_delete", "snapshot_revert",
)  # fmt: skip
VN_DRIVERS = (
    "802.1Q", "bridge", "dummy", "elastic", "fw", "nodeport", "ovswitch", "ovswitch_vxlan", "vxlan",
)  # fmt: skip
MADS = (
    "one_auth_mad", "one_datastore", "one_hm", "one_im_ssh", "one_ipam", "one_market", "one_tm", "one_vmm_exec",
    "one_vmm_sh", "onemonitord", "one_sched",
)  # fmt: skip
HOOKS = ("ft/host_error.rb", "raft/vip.sh", "raft/follower_cleanup")

DRIVER_SCRIPT = """#!/bin/sh
# A driver script of the emulator: it stands where OpenNebula has one and does nothing but say so.
echo "emulated driver script $(basename "$0"): there are no virtual machines here" >&2
exit 1
"""
MAD = """#!/bin/sh
# A driver process of the emulator: it answers INIT and then waits until oned ends.
read -r message
echo "INIT SUCCESS - -"
while read -r message; do :; done
"""
KVMRC = "/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
DOWNLOADER = "/var/lib/one/remotes/datastore/downloader.sh"
NETWORK_CONF = """# OpenNebulaNetwork.conf - how the network drivers set up bridges (emulated)
:bridge_conf: {}
:ip_bridge_conf: {}
:ip_link_conf: {}
:ovs_bridge_conf: {}
:validate_vlan_id: false
:keep_empty_bridge: false
:datastore_location: /var/lib/one/datastores
:start_vlan: 0
"""
SERVER_UNITS = ["opennebula.service"]
COMMAND = """#!/usr/bin/python3 -IS
import sys

sys.path.insert(0, "{library}")
from one_emulator.cli.main import main

sys.exit(main("{name}", sys.argv[1:]))
"""
# oned and the services may use python3-pymysql, so they see the distribution's packages
DAEMON = """#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "{library}")
from one_emulator.{module} import main

sys.exit(main({argument}))
"""


def daemon(module, argument):
    return File(DAEMON.format(library=LIBRARY, module=module, argument=argument), 0o755)


def conf(sources, names):
    return {f"/etc/one/{name}": File(sources[f"/etc/one/{name}"], CONF_MODE, conffile=True) for name in names}


def _remotes(release, sources):
    files = {
        "/var/lib/one/remotes/VERSION": File(f"{release}\n"),
        KVMRC: File(sources[KVMRC], conffile=True),
        DOWNLOADER: File(sources[DOWNLOADER], 0o755),
        "/var/lib/one/remotes/etc/vnm/OpenNebulaNetwork.conf": File(NETWORK_CONF, conffile=True),
    }
    paths = [f"tm/{driver}/{action}" for driver in TM_DRIVERS[release].split() for action in TM_ACTIONS]
    datastore_drivers = DATASTORE_DRIVERS[release].split()
    paths += [f"datastore/{driver}/{action}" for driver in datastore_drivers for action in DATASTORE_ACTIONS]
    paths += [f"vmm/{kind}/{action}" for kind in ("kvm", "lxc") for action in VMM_ACTIONS]
    paths += [f"vnm/{driver}/{action}" for driver in VN_DRIVERS for action in ("pre", "post", "clean")]
    paths += [f"im/{kind}.d/monitord-client.rb" for kind in ("kvm", "qemu", "lxc")]
    paths += [f"hooks/{hook}" for hook in HOOKS]
    files.update({f"/var/lib/one/remotes/{path}": File(DRIVER_SCRIPT, 0o755) for path in paths})
    files["/var/lib/one/remotes/hooks/raft/vip.sh"] = File(raft_files.VIP, 0o755)
    return files


def packages(release, library, sources, commands):
    """All packages of a release. `library`: the emulator's own files, `sources`: configuration by path."""
    is_six = release.startswith("6.")
    common = Package(
        "opennebula-common",
        "user, directories and the emulator itself",
        depends="python3 (>= 3.9), openssh-client, adduser, passwd",
        files={
            **{f"{LIBRARY}/{path}": File(text) for path, text in library.items()},
            f"{LIBRARY}/RELEASE": File(f"{release}\n"),
            "/usr/share/one/ssh_config": File(sources["/usr/share/one/ssh_config"]),
            "/usr/lib/tmpfiles.d/opennebula-common.conf": File(TMPFILES),
        },
        directories={"/var/lib/one": 0o750, "/var/lib/one/datastores": 0o750, "/var/log/one": 0o750},
        scripts={"postinst": scripts.COMMON_POSTINST, "prerm": scripts.COMMON_PRERM},
    )
    tools = Package(
        "opennebula-tools",
        "command line",
        depends="opennebula-common (= {version})",
        files={f"/usr/bin/{name}": File(COMMAND.format(library=LIBRARY, name=name), 0o755) for name in commands},
    )
    front_end_conf = ["oned.conf", "monitord.conf", "vmm_exec/vmm_exec_kvm.conf", "vmm_exec/vmm_execrc"]
    front_end_conf += ["sched.conf"] if is_six else ["schedulers/rank.conf", "schedulers/one_drs.conf"]
    server = Package(
        "opennebula",
        "front-end daemon",
        depends="opennebula-common (= {version}), opennebula-tools (= {version}), openssh-client, sudo",
        recommends="python3-pymysql",
        files={
            "/usr/bin/oned": daemon("oned", "sys.argv"),
            "/usr/share/one/pre_cleanup": File(scripts.PRE_CLEANUP, 0o755),
            "/usr/share/one/follower_cleanup": File(raft_files.FOLLOWER_CLEANUP, 0o755),
            "/etc/sudoers.d/opennebula-server": File(raft_files.SUDOERS, 0o440, conffile=True),
            "/etc/logrotate.d/opennebula": File(sources["/etc/logrotate.d/opennebula"], conffile=True),
            **conf(sources, front_end_conf),
            **{f"/usr/lib/one/mads/{name}": File(MAD, 0o755) for name in MADS},
            **_remotes(release, sources),
            **units_of("opennebula", is_six),
        },
        directories={f"/var/lib/one/datastores/{oid}": 0o750 for oid in (0, 1, 2)},
        scripts={
            "postinst": scripts.SERVER_POSTINST,
            "prerm": scripts.prerm(["opennebula.service"]),
            "postrm": scripts.POSTRM,
        },
    )
    sides = [
        ("opennebula-fireedge", "fireedge", "web interface", ["fireedge-server.conf"]),
        ("opennebula-gate", "gate", "what virtual machines may ask", ["onegate-server.conf"]),
        ("opennebula-flow", "flow", "services of several virtual machines", ["oneflow-server.conf"]),
    ]
    if is_six:
        sides.append(("opennebula-sunstone", "sunstone", "classic web interface", ["sunstone-server.conf"]))
    side_packages = [_side(name, service, text, conf(sources, files), is_six) for name, service, text, files in sides]
    node = Package(
        "opennebula-node-kvm",
        "KVM node",
        depends=(
            "opennebula-common (= {version}), libvirt-daemon-system, libvirt-clients, qemu-system-x86 | qemu-kvm, "
            "qemu-utils, openssh-client"
        ),
        files={"/usr/share/one/qemu.conf.block": File(scripts.QEMU_CONF_BLOCK)},
        scripts={"postinst": scripts.NODE_POSTINST},
    )
    return [common, tools, server, *side_packages, node]


def _side(name, service, summary, conf_files, is_six):
    units = units_of(name, is_six)
    unit_names = [path.rsplit("/", 1)[1] for path in units if path.endswith(".service")]
    return Package(
        name,
        summary,
        depends="opennebula-common (= {version}), opennebula-tools (= {version})",
        files={
            f"/usr/lib/one/emulator-{service}": daemon("services.daemon", f'"{service}"'),
            **({"/usr/lib/one/emulator-novnc": daemon("services.daemon", '"novnc"')} if service == "sunstone" else {}),
            **conf_files,
            **units,
        },
        scripts={"postinst": scripts.SIDE_POSTINST, "prerm": scripts.prerm(unit_names), "postrm": scripts.POSTRM},
    )

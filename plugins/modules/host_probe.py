#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_probe
short_description: Everything a cloud deployment asks about a host, read in one run
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Reads operating system, memory, disks, virtualisation, addresses, listening ports, name resolution, time and users.
  - Changes nothing and takes no lock. Meant to be run once per host, in place of fact gathering.
  - Links of guests (tap, veth, vnet and the like) are left out.
  - Sets the facts of distribution and package manager, by the collectors of M(ansible.builtin.setup), so that nothing
    has to gather them after it.
options:
  bridge_filter:
    description: >-
      Whether the kernel is asked for the filter of bridges of nftables. It loads modules of its own for that, as it
      will for the rules of M(kvmcloud.stack.vm_isolation).
    type: bool
    default: false
  disk_paths:
    description:
      - Directories whose free space is wanted.
      - For one that does not exist yet, the nearest directory above it counts.
      - One that does not answer within 5 s, as on a mount of a dead server, is not among the result.
    type: list
    elements: path
    default: [/, /var/lib]
  mount_paths:
    description:
      - Directories of which it is wanted where they, and each directory in them, are mounted from. Symbolic links in
        them are followed.
      - Mounts are looked up by name and never touched, so that one of a dead server does not hold the probe up.
    type: list
    elements: path
    default: [/var/lib/one/datastores]
  names:
    description: Names to resolve as any program of the host would (files, DNS, ...).
    type: list
    elements: str
    default: []
  resolve_timeout:
    description: Time limit in seconds for all names together. Those that are not answered by then have no addresses.
    type: float
    default: 5
  units:
    description: Units of systemd to look at, besides those that keep the time.
    type: list
    elements: str
    default: [nfs-server.service]
  users:
    description: Users to look up.
    type: list
    elements: str
    default: [oneadmin]
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  facts:
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: The host as it is
  kvmcloud.stack.host_probe:
    disk_paths: [/, /var/lib/one]
    names: "{{ groups['all'] }}"
  register: host_probe
"""

RETURN = r"""
ansible_facts:
  description: Those that M(ansible.builtin.setup) gives with C(gather_subset=!all,!min,distribution,pkg_mgr).
  returned: always
  type: dict
  sample: {distribution: Debian, distribution_version: "12.8", os_family: Debian, pkg_mgr: apt}
probe:
  description: What was found.
  returned: always
  type: dict
  contains:
    bridge_filter:
      description: >-
        Whether the kernel C(loads) rules of nftables for bridges, and there C(tells_bridges) apart (C(meta ibrname));
        both null where it does not say. Null where it was not asked.
      type: dict
    os_release:
      description: C(/etc/os-release) with lower-case keys, C(id) and C(version_id) among them.
      type: dict
    kernel:
      description: Release of the running kernel.
      type: str
    architecture:
      description: Machine type.
      type: str
      sample: x86_64
    container:
      description: Kind of container the host runs in; null on real machines.
      type: str
    init:
      description: Name of process 1.
      type: str
    hostname:
      description: Name the host calls itself.
      type: str
    fqdn:
      description: Canonical name its own name resolves to.
      type: str
    memory_mb:
      description: Memory in MiB.
      type: int
    cpu:
      description: C(processors), C(model), and C(virtualisation), which is V(vmx), V(svm) or null.
      type: dict
    opennebula:
      description: Version of OpenNebula's packages; null where there are none.
      type: str
      sample: 7.4.0-1
    kvm_device:
      description: Whether C(/dev/kvm) can be opened.
      type: bool
    nested:
      description: Whether nested virtualisation is on; null where no KVM module is loaded.
      type: bool
    cgroup_version:
      description: V(1) (also hybrid) or V(2).
      type: int
    disks:
      description: By path C(free_mb), C(size_mb) and C(measured_at), in MiB.
      type: dict
    interfaces:
      description:
        - By name C(mac), C(mtu), C(up), C(addresses) with prefix length, C(kind) as the kernel calls it (V(bridge),
          V(vlan); null for a device), and C(master), the bridge or bond it is in.
      type: dict
    default_routes:
      description: Each with its C(gateway) and C(device), those of IPv4 first.
      type: list
      elements: dict
    netplan:
      description: Whether it is C(installed), and whether C(epel) has a file in C(/etc/yum.repos.d).
      type: dict
    mounts:
      description: By path C(source), C(fstype) and C(mounted_at) of the mount that holds it.
      type: dict
    ports:
      description: Listening sockets, each with C(protocol), C(address), C(port), C(uid), C(pid) and C(process).
      type: list
      elements: dict
    names:
      description: Addresses by name. Empty where a name does not resolve. The host's own name is always among them.
      type: dict
    name_servers:
      description: Servers in C(/etc/resolv.conf).
      type: list
      elements: str
    epoch:
      description: Seconds since 1970 by the host's clock, at the end of the probe.
      type: float
    uptime:
      description: Seconds since boot.
      type: float
    boot_id:
      description: Differs after each boot.
      type: str
    clock:
      description: C(service) that keeps the time, and whether the kernel calls the clock C(synchronised).
      type: dict
    package_lock:
      description: C(path), C(pid) and C(process) of a running package manager; null where there is none.
      type: dict
    units:
      description: By name C(active), and C(enabled), which is whether it starts at boot; of those that are there.
      type: dict
    users:
      description: By name C(uid), C(gid), C(home), C(shell) and C(groups); null for a user that does not exist.
      type: dict
"""

import contextlib
import ctypes
import glob
import grp
import os
import platform
import pwd
import shutil
import socket
import threading
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.facts.namespace import PrefixFactNamespace
from ansible.module_utils.facts.system.distribution import DistributionFactCollector
from ansible.module_utils.facts.system.pkg_mgr import PkgMgrFactCollector

from ansible_collections.kvmcloud.stack.plugins.module_utils import bridge_filter, host_probe

SPEC = {
    "bridge_filter": {"type": "bool", "default": False},
    "disk_paths": {"type": "list", "elements": "path", "default": ["/", "/var/lib"]},
    "mount_paths": {"type": "list", "elements": "path", "default": ["/var/lib/one/datastores"]},
    "names": {"type": "list", "elements": "str", "default": []},
    "resolve_timeout": {"type": "float", "default": 5},
    "units": {"type": "list", "elements": "str", "default": ["nfs-server.service"]},
    "users": {"type": "list", "elements": "str", "default": ["oneadmin"]},
}
DISK_TIMEOUT = 5  # seconds, after which a mount does not answer
TIME_ERROR = 5  # adjtimex: the clock is not synchronised


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def disk(path):
    place = os.path.abspath(path)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    state = os.statvfs(place)
    return {
        "free_mb": state.f_bavail * state.f_frsize >> 20,
        "size_mb": state.f_blocks * state.f_frsize >> 20,
        "measured_at": place,
    }


def mounts(paths):
    mounted = host_probe.mounts(text_of("/proc/self/mounts"))
    found = {}
    for path in map(os.path.normpath, paths):
        for place in [path, *directories_in(path, mounted)]:
            found[place] = host_probe.mount_of(target_of(place, mounted), mounted)
    return {place: mount for place, mount in found.items() if mount}


def directories_in(path, mounted):
    """Without a look at any of them, nor into a network mount: its server may be dead."""
    inside = {point for point in mounted if os.path.dirname(point) == path}
    holder = host_probe.mount_of(path, mounted)
    if holder and not host_probe.NETWORK_FILESYSTEM.match(holder["fstype"]):
        with contextlib.suppress(OSError):
            inside |= {
                entry.path for entry in os.scandir(path) if entry.is_symlink() or entry.is_dir(follow_symlinks=False)
            }
    return sorted(inside)


def target_of(place, mounted):
    """Where a symbolic link leads; a mount is none, and one from the network must not be asked."""
    holder = host_probe.mount_of(place, mounted)
    if place in mounted or (holder and host_probe.NETWORK_FILESYSTEM.match(holder["fstype"])):
        return place
    try:
        target = os.readlink(place)
    except OSError:
        return place
    return os.path.normpath(os.path.join(os.path.dirname(place), target))


def can_open_kvm():
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError:
        return False
    return True


def listening_ports():
    found = [
        entry
        for protocol in ("tcp", "tcp6", "udp", "udp6")
        for entry in host_probe.sockets(text_of("/proc/net/" + protocol), protocol)
    ]
    owners = owners_of({entry["inode"] for entry in found})
    for entry in found:
        entry["pid"], entry["process"] = owners.get(entry.pop("inode"), (None, None))
    return found


def owners_of(inodes):
    """Process by socket inode. Stops as soon as all are found: a host with many guests has many open files."""
    owners = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if len(owners) == len(inodes):
            break
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            except OSError:
                continue
            inode = target[8:-1] if target.startswith("socket:[") else None
            if inode in inodes:
                # the lowest process id wins: the one that opened the socket, not its children
                former = owners.get(inode)
                if former is None or int(pid) < former[0]:
                    owners[inode] = (int(pid), text_of(f"/proc/{pid}/comm").strip())
    return owners


def resolve(names, timeout):
    """Addresses and canonical name by name. A dead name server costs seconds per name."""
    found = in_time(look_up, names, timeout)
    return {name: found.get(name, ([], None))[0] for name in names}, {name: one[1] for name, one in found.items()}


def look_up(name):
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except (OSError, UnicodeError):
        return [], None
    return sorted({answer[4][0] for answer in answers}), answers[0][3]


def in_time(function, arguments, timeout):
    """Result by argument, of those that had one in time; each has its own thread, so that one cannot hold up all."""
    results = {}

    def ask(one):
        with contextlib.suppress(OSError):
            results[one] = function(one)

    threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in arguments]
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    return dict(results)  # a copy, because a late thread may still write


def user(name):
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return {
        "uid": entry.pw_uid,
        "gid": entry.pw_gid,
        "home": entry.pw_dir,
        "shell": entry.pw_shell,
        "groups": sorted(group.gr_name for group in grp.getgrall() if name in group.gr_mem),
    }


def package_lock():
    locks = text_of("/proc/locks")
    for path in host_probe.PACKAGE_LOCKS:
        try:
            state = os.stat(path)
        except OSError:
            continue
        pid = host_probe.lock_holder(locks, state.st_dev, state.st_ino)
        if pid is not None:
            return {"path": path, "pid": pid, "process": text_of(f"/proc/{pid}/comm").strip()}
    return None


def units(module, names):
    if not os.path.isdir("/run/systemd/system"):
        return {}
    command = ["systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState", "--"]
    return host_probe.unit_states(module.run_command([*command, *host_probe.TIME_SERVICES, *names])[1])


def clock(states):
    synchronised = None
    with contextlib.suppress(OSError, AttributeError):
        synchronised = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512)) != TIME_ERROR
    return {"synchronised": synchronised, "service": host_probe.time_service(states)}


def netplan():
    """Whether it is there, and whether Enterprise Linux could install it."""
    found = shutil.which("netplan", path="/usr/sbin:/sbin:/usr/bin:/bin") is not None
    return {"installed": found, "epel": bool(glob.glob("/etc/yum.repos.d/*epel*.repo"))}


def opennebula(module):
    """Version of the package that front-ends and nodes both have."""
    asked = (["dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}"], ["rpm", "-q", "--qf", "ii %{VERSION}"])
    for program, *arguments in asked:
        path = module.get_bin_path(program)
        if path:
            found = host_probe.installed_version(module.run_command([path, *arguments, "opennebula-common"])[1])
            if found:
                return found
    return None


def facts(module):
    """Two collectors by name: setup itself loads those of every platform, which is most of what it costs."""
    namespace = PrefixFactNamespace(namespace_name="ansible", prefix="ansible_")
    found = {}
    for collector in (DistributionFactCollector, PkgMgrFactCollector):
        found.update(collector(namespace=namespace).collect_with_namespace(module, found))
    return found


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    hostname = socket.gethostname()
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    addresses = module.run_command([ip, "-j", "-d", "addr", "show"])[1] if ip else ""
    routes = [module.run_command([ip, "-j", family, "route", "show", "default"])[1] for family in ("-4", "-6") if ip]
    states = units(module, params["units"])
    names, canonical = resolve([*params["names"], hostname], params["resolve_timeout"])
    probe = {
        "bridge_filter": bridge_filter.ask_kernel() if params["bridge_filter"] else None,
        "os_release": host_probe.os_release(text_of("/etc/os-release")),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "container": text_of("/run/systemd/container").strip() or None,
        "init": text_of("/proc/1/comm").strip(),
        "hostname": hostname,
        "fqdn": canonical.get(hostname),
        "memory_mb": host_probe.memory_mb(text_of("/proc/meminfo")),
        "cpu": host_probe.cpu(text_of("/proc/cpuinfo")),
        "opennebula": opennebula(module),
        "kvm_device": can_open_kvm(),
        "nested": host_probe.nested(map(text_of, sorted(glob.glob("/sys/module/kvm_*/parameters/nested")))),
        "cgroup_version": host_probe.cgroup_version(text_of("/proc/mounts")),
        "disks": in_time(disk, params["disk_paths"], DISK_TIMEOUT),
        "interfaces": host_probe.interfaces(addresses),
        "default_routes": [one for text in routes for one in host_probe.default_routes(text)],
        "netplan": netplan(),
        "mounts": mounts(params["mount_paths"]),
        "ports": listening_ports(),
        "names": names,
        "name_servers": host_probe.name_servers(text_of("/etc/resolv.conf")),
        "uptime": float((text_of("/proc/uptime") or "0").split()[0]),
        "boot_id": text_of("/proc/sys/kernel/random/boot_id").strip(),
        "clock": clock(states),
        "package_lock": package_lock(),
        "units": host_probe.unit_summary(states, params["units"]),
        "users": {name: user(name) for name in params["users"]},
        "epoch": time.time(),
    }
    module.exit_json(changed=False, probe=probe, ansible_facts=facts(module))


if __name__ == "__main__":
    main()

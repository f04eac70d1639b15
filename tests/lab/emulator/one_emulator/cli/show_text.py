"""`show` without -x for the kinds people look at in the lab; others are shown only as XML."""

from .. import release
from .client import CliError
from .input import template_text
from .units import megabytes

VM_HEADER = "  ID USER     GROUP    NAME            STAT  CPU     MEM HOST             TIME"
DATASTORE_TYPES = ("IMAGE", "SYSTEM", "FILE", "BACKUP")
SERVER_STATES = {"0": "solo", "1": "candidate", "2": "follower", "3": "leader"}
DISK_TYPES = ("FILE", "CDROM", "BLOCK", "RBD")
HOST_STATE_NAMES = ("INIT", "MONITORING_MONITORED", "MONITORED", "ERROR", "DISABLED", "MONITORING_ERROR",
                    "MONITORING_INIT", "MONITORING_DISABLED", "OFFLINE")  # fmt: skip


def page(tag, node):
    writer = PAGES.get(tag)
    if writer is None:
        raise CliError(f"the emulator shows a {tag} only with -x", rc=1)
    return writer(node)


def header(text):
    return f"{text:<80}\n"


def rows(width, pairs):
    return "".join(f"{label:<{width}}: {value:<20}\n" for label, value in pairs)


def _template(node):
    text = template_text(node.find("TEMPLATE"))
    return text + "\n" if text else ""


def _permissions(node, width):
    lines = [header("PERMISSIONS")]
    for who in ("OWNER", "GROUP", "OTHER"):
        bits = "".join(letter.lower() if node.value(f"PERMISSIONS/{who}_{letter}") == "1" else "-" for letter in "UMA")
        lines.append(rows(width, [(who, bits)]))
    return "".join(lines)


def _ids(node, path):
    return ",".join(child.text for child in node.find(path).children)


def _datastore(node):
    shared = node.value("TYPE") != "1" or node.value("TEMPLATE/SHARED") != "NO"
    limit = node.value("TEMPLATE/LIMIT_MB")
    sizes = [(f"{key}:", megabytes(node.value(f"{key}_MB")) if shared else "-") for key in ("TOTAL", "FREE", "USED")]
    sizes.append(("LIMIT:", f"{limit}M" if limit else "-"))
    images = "".join(f"{child.text}\n" for child in node.find("IMAGES").children)
    return (
        header(f"DATASTORE {node.value('ID')} INFORMATION")
        + rows(
            15,
            [
                ("ID", node.value("ID")),
                ("NAME", node.value("NAME")),
                ("USER", node.value("UNAME")),
                ("GROUP", node.value("GNAME")),
                ("CLUSTERS", _ids(node, "CLUSTERS")),
                ("TYPE", DATASTORE_TYPES[int(node.value("TYPE"))]),
                ("DS_MAD", node.value("DS_MAD")),
                ("TM_MAD", node.value("TM_MAD")),
                ("BASE PATH", node.value("BASE_PATH")),
                ("DISK_TYPE", _disk_type(node)),
                ("STATE", ("READY", "DISABLED")[int(node.value("STATE"))]),
            ],
        )
        + "\n"
        + header("DATASTORE CAPACITY")
        + rows(15, sizes)
        + "\n"
        + _permissions(node, 15)
        + "\n"
        + header("DATASTORE TEMPLATE")
        + _template(node)
        + f"\n{'IMAGES':<15}\n{images}"
    )


def _disk_type(node):
    number = int(node.value("DISK_TYPE"))
    return DISK_TYPES[number] if number < len(DISK_TYPES) else str(number)


def _hook(node):
    return (
        header(f"HOOK {node.value('ID')} INFORMATION")
        + rows(
            18,
            [
                ("ID", node.value("ID")),
                ("NAME", node.value("NAME")),
                ("TYPE", node.value("TYPE")),
                ("LOCK", "Use" if node.find("LOCK") else "None"),
            ],
        )
        + "\n"
        + header("HOOK TEMPLATE")
        + _template(node)
        + "\n"
    )


def _host(node):
    share = "HOST_SHARE"
    return (
        header(f"HOST {node.value('ID')} INFORMATION")
        + rows(
            22,
            [
                ("ID", node.value("ID")),
                ("NAME", node.value("NAME")),
                ("CLUSTER", node.value("CLUSTER")),
                ("STATE", HOST_STATE_NAMES[int(node.value("STATE"))]),
                ("IM_MAD", node.value("IM_MAD")),
                ("VM_MAD", node.value("VM_MAD")),
                ("LAST MONITORING TIME", node.value("MONITORING/TIMESTAMP") or "-"),
            ],
        )
        + "\n"
        + header("HOST SHARES")
        + rows(22, [("RUNNING VMS", node.value(f"{share}/RUNNING_VMS"))])
        + header("MEMORY")
        + rows(
            22,
            [
                ("  TOTAL", _kilobytes(node.value(f"{share}/TOTAL_MEM"))),
                ("  TOTAL +/- RESERVED", _kilobytes(node.value(f"{share}/MAX_MEM"))),
                ("  USED (REAL)", _kilobytes(node.value("MONITORING/CAPACITY/USED_MEMORY") or "0")),
                ("  USED (ALLOCATED)", _kilobytes(node.value(f"{share}/MEM_USAGE"))),
            ],
        )
        + header("CPU")
        + rows(
            22,
            [
                ("  TOTAL", node.value(f"{share}/TOTAL_CPU")),
                ("  TOTAL +/- RESERVED", node.value(f"{share}/MAX_CPU")),
                ("  USED (REAL)", node.value("MONITORING/CAPACITY/USED_CPU")),
                ("  USED (ALLOCATED)", node.value(f"{share}/CPU_USAGE")),
            ],
        )
        + "\n"
        + header("MONITORING INFORMATION")
        + _template(node)
        + f"\nWILD VIRTUAL MACHINES\n\n{'NAME':<58}{_import_column()}  CPU     MEMORY\n"
        + f"\nVIRTUAL MACHINES\n\n{VM_HEADER}\n"
    )


def _import_column():
    return "IMPORT_ID" if release.current().is_six else "DEPLOY_ID"


def _kilobytes(text):
    return "0K" if text == "0" else megabytes(str(int(text) / 1024))


def _cluster(node):
    members = "".join(
        f"\n{kind:<15}\n" + "".join(f"{child.text}\n" for child in node.find(kind).children)
        for kind in ("HOSTS", "VNETS", "DATASTORES")
    )
    return (
        header(f"CLUSTER {node.value('ID')} INFORMATION")
        + rows(18, [("ID", node.value("ID")), ("NAME", node.value("NAME"))])
        + "\n"
        + header("CLUSTER RESOURCES")
        + "\n"
        + header("CLUSTER TEMPLATE")
        + _template(node)
        + members
    )


def _zone(node):
    return (
        header(f"ZONE {node.value('ID')} INFORMATION")
        + rows(
            18,
            [
                ("ID", node.value("ID")),
                ("NAME", node.value("NAME")),
                ("STATE", ("ENABLED", "DISABLED")[int(node.value("STATE"))]),
            ],
        )
        + "\n"
        + _servers(node.find("SERVER_POOL").children)
        + "\n"
        + header("ZONE TEMPLATE")
        + _template(node)
    )


def _servers(servers):
    """Nothing for a front-end that stands alone."""
    if not servers:
        return ""
    named = "".join(f"{s.value('ID'):>2} {s.value('NAME'):<15} {s.value('ENDPOINT')}\n" for s in servers)
    states = "".join(
        f"{s.value('ID'):>2} {s.value('NAME'):<15} {SERVER_STATES.get(s.value('STATE'), 'error'):<10} "
        f"{s.value('TERM'):<10} {s.value('LOG_INDEX'):<10} {s.value('COMMIT'):<10} {s.value('VOTEDFOR'):<5} "
        f"{s.value('FEDLOG_INDEX')}\n"
        for s in servers
    )
    return (
        "\n"
        + header("ZONE SERVERS")
        + f"{'ID':>2} {'NAME':<15} {'ENDPOINT':<63}\n{named}\n"
        + header("HA & FEDERATION SYNC STATUS")
        + f"{'ID':>2} {'NAME':<15} {'STATE':<10} {'TERM':<10} {'INDEX':<10} {'COMMIT':<10} "
        + f"{'VOTE':<5} {'FED_INDEX':<10}\n"
        + states
    )


PAGES = {"DATASTORE": _datastore, "HOOK": _hook, "HOST": _host, "CLUSTER": _cluster, "ZONE": _zone}

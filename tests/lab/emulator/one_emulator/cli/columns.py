"""The columns of `list` per kind: title, width, left-aligned, and where the value comes from."""

from .units import megabytes

DATASTORE_TYPES = ("img", "sys", "fil", "bck")
HOST_STATES = ("init", "update", "on", "err", "dsbl", "err", "init", "dsbl", "off")
VNET_STATES = ("init", "rdy", "lock", "lock", "done", "err", "upd", "updf")
LEFT, RIGHT = True, False


def _field(path):
    return lambda node: node.value(path)


def _count(path):
    return lambda node: len(node.find(path).children)


def _clusters(node):
    ids = [child.text for child in node.find("CLUSTERS").children]
    return ",".join(ids) if ids else "-"


def _measured(node):
    """A system datastore on local disks of nodes has no size of its own."""
    return not (node.value("TYPE") == "1" and node.value("TEMPLATE/SHARED") == "NO")


def _size(node):
    return megabytes(node.value("TOTAL_MB")) if _measured(node) else "-"


def _available(node):
    total, free = int(node.value("TOTAL_MB")), int(node.value("FREE_MB"))
    return f"{round(100 * free / total)}%" if total and _measured(node) else "-"


def _one_of(path, names):
    return lambda node: names[int(node.value(path))]


ID = ("ID", 4, RIGHT, _field("ID"))
USER = ("USER", 8, LEFT, _field("UNAME"))
GROUP = ("GROUP", 8, LEFT, _field("GNAME"))


def _allocated(maximum, used):
    def value(node):
        return "-" if node.value(f"HOST_SHARE/{maximum}") == "0" else _share(node, maximum, used)

    return value


def _share(node, maximum, used):
    top, taken = int(node.value(f"HOST_SHARE/{maximum}")), int(node.value(f"HOST_SHARE/{used}"))
    percent = f"({round(100 * taken / top)}%)" if top else "(0%)"
    if maximum == "MAX_CPU":
        return f"{taken} / {top} {percent}"
    return f"{megabytes(taken // 1024)} / {megabytes(top // 1024)} {percent}"


COLUMNS = {
    "DATASTORE": [
        ID,
        ("NAME", 10, LEFT, _field("NAME")),
        ("SIZE", 6, RIGHT, _size),
        ("AVAIL", 3, LEFT, _available),
        ("CLUSTERS", 8, LEFT, _clusters),
        ("IMAGES", 6, RIGHT, _count("IMAGES")),
        ("TYPE", 4, LEFT, _one_of("TYPE", DATASTORE_TYPES)),
        ("DS", 7, LEFT, _field("DS_MAD")),
        ("TM", 7, LEFT, _field("TM_MAD")),
        ("STAT", 4, LEFT, _one_of("STATE", ("on", "off"))),
    ],
    "HOOK": [ID, ("NAME", 19, LEFT, _field("NAME")), ("TYPE", 8, LEFT, _field("TYPE"))],
    "HOST": [
        ID,
        ("NAME", 15, LEFT, _field("NAME")),
        ("CLUSTER", 10, LEFT, _field("CLUSTER")),
        ("TVM", 3, RIGHT, _field("HOST_SHARE/RUNNING_VMS")),
        ("ALLOCATED_CPU", 18, RIGHT, _allocated("MAX_CPU", "CPU_USAGE")),
        ("ALLOCATED_MEM", 18, RIGHT, _allocated("MAX_MEM", "MEM_USAGE")),
        ("STAT", 4, LEFT, _one_of("STATE", HOST_STATES)),
    ],
    "CLUSTER": [
        ID,
        ("NAME", 20, LEFT, _field("NAME")),
        ("HOSTS", 5, RIGHT, _count("HOSTS")),
        ("VNETS", 10, RIGHT, _count("VNETS")),
        ("DATASTORES", 10, RIGHT, _count("DATASTORES")),
    ],
    "VNET": [
        ID,
        USER,
        GROUP,
        ("NAME", 15, LEFT, _field("NAME")),
        ("CLUSTERS", 10, LEFT, _clusters),
        ("BRIDGE", 8, LEFT, _field("BRIDGE")),
        ("STATE", 6, LEFT, _one_of("STATE", VNET_STATES)),
        ("LEASES", 6, RIGHT, _field("USED_LEASES")),
        ("OUTD", 4, RIGHT, _count("OUTDATED_VMS")),
        ("ERRO", 4, RIGHT, _count("ERROR_VMS")),
    ],
    "SECURITY_GROUP": [
        ID,
        USER,
        GROUP,
        ("NAME", 15, LEFT, _field("NAME")),
        ("UPDATED", 8, RIGHT, _count("UPDATED_VMS")),
        ("OUTDATED", 8, RIGHT, _count("OUTDATED_VMS")),
        ("ERROR", 8, RIGHT, _count("ERROR_VMS")),
    ],
    "ZONE": [
        ("C", 1, LEFT, lambda _: "*"),
        ID,
        ("NAME", 15, LEFT, _field("NAME")),
        ("ENDPOINT", 45, LEFT, _field("TEMPLATE/ENDPOINT")),
        ("FED_INDEX", 10, LEFT, lambda _: "-1"),
        ("STAT", 4, LEFT, _one_of("STATE", ("on", "off"))),
    ],
    "GROUP": [
        ID,
        ("NAME", 15, LEFT, _field("NAME")),
        ("USERS", 5, RIGHT, _count("USERS")),
    ],
    "USER": [
        ID,
        ("NAME", 15, LEFT, _field("NAME")),
        ("ENABLED", 4, LEFT, lambda node: "yes" if node.value("ENABLED") == "1" else "no"),
        ("GROUP", 8, LEFT, _field("GNAME")),
        ("AUTH", 8, LEFT, _field("AUTH_DRIVER")),
    ],
}

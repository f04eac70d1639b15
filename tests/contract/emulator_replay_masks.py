"""What two true answers may differ in, and which captures are not replayed - each with its reason."""

from __future__ import annotations

import re

# Applied to the captured and to the emulated text alike; every entry says what varies from run to run.
MASKS = [
    ("date of an error", r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} : ", "<DATE> : "),
    ("times", r"<(TIME|TIMESTAMP|REGTIME|STIME|ETIME)>\d+</\1>", r"<\1/>"),
    ("times of hooks, text", r"\d\d/\d\d \d\d:\d\d(:\d\d +)?", "<WHEN>"),
    ("request number of a lock", r"<REQ_ID>\d+</REQ_ID>", "<REQ_ID/>"),
    ("hashes", r"\b[0-9a-f]{64}\b", "<HASH>"),
    ("size of the machine's disks", r"<(TOTAL_MB|FREE_MB|USED_MB)>\d+</\1>", r"<\1/>"),
    ("size of the machine's disks, JSON", r'"(TOTAL_MB|FREE_MB|USED_MB)": "\d+"', r'"\1": ""'),
    ("size of the machine's disks, tables", r" +\d+(?:\.\d)?[MGT] +(?:\d+%|-) +", " <SIZE> "),
    ("size of the machine's disks, csv", r",\d+(?:\.\d)?[MGT],(?:\d+%|-),", ",<SIZE>,"),
    ("size of the machine's disks, show", r"(?m)^(TOTAL|FREE|USED):( +): \d+(?:\.\d)?[MGT] *$", r"\1:\2: <SIZE>"),
    ("line of a template error, which is uninitialised", r"(Parse error: .*) at line \d+,", r"\1 at line N,"),
    ("port of the emulated oned", r"([\w.]+):\d{4}(?=[ )/])", r"\1:PORT"),
    ("reason why a host is not reached", r"(Error monitoring Host .*? \(\d+\): )[^\]\"\n]*", r"\1<REASON>"),
    ("words of the resolver", r"\(getaddrinfo: [^)]*\)", "(getaddrinfo: <REASON>)"),
    ("name of this program in its version", r"(?s)^(OpenNebula [\d.]+) \(.*", r"\1"),
]
RANDOM_MAC = re.compile(r"<(MAC|MAC_END)><!\[CDATA\[[0-9a-f:]+\]\]></\1>")
ETHERNET_RANGE = re.compile(r"<AR>(?:(?!</AR>).)*\[ETHER\](?:(?!</AR>).)*</AR>", re.DOTALL)
HELP = re.compile(r"(?s)^## (SYNOPSIS|USAGE)\n.*")
FAILED_HOSTS = re.compile(r"(Failed to update the following hosts:\n)((?:\* .*\n)+)")


def mask(text):
    for _, pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    text = ETHERNET_RANGE.sub(lambda found: RANDOM_MAC.sub(r"<\1/>", found.group()), text)
    # the wording of help is OpenNebula's own and is not copied
    text = HELP.sub(r"## <HELP>\n", text)
    # the hosts are visited in parallel
    return FAILED_HOSTS.sub(lambda found: found.group(1) + "".join(sorted(found.group(2).splitlines(True))), text)


NO_IMAGES = "the emulator has no images"
NO_VMS = "the emulator has no virtual machines and no templates of them"
NOT_CALLED = "not emulated: the collection does not call it"
NO_YAML = "the emulator writes no YAML; the collection reads XML"
NOT_SHOWN = "only `show -x` is emulated for this kind; the collection does not read the text form"
OTHER_USER = "was run as another user of the machine; replaying it would need root"

XML_ONLY = ("onevnet", "oneuser", "onesecgroup")

# (sources or None, predicate of the record, reason); a record that none of these names must be answered as captured
EXCLUSIONS = [
    (("timing",), lambda r: r.command == "ruby", "not a command of OpenNebula"),
    (("timing",), lambda r: r.argv[1:] == ["delete", "xr"], "deletes a datastore whose creation was not captured"),
    (("auth2",), lambda r: r.user == "nobody", OTHER_USER),
    (None, lambda r: r.command in ("oneacl", "onevdc", "onemarket", "onelog"), NOT_CALLED),
    (None, lambda r: r.command == "oneimage" and r.verb not in ("list",), NO_IMAGES),
    (("datastore",), lambda r: r.command == "oneimage", NO_IMAGES),
    (("datastore",), lambda r: r.release == "6.10.0" and r.number in (150, 156), "the datastore holds an image"),
    (("vm",), lambda r: r.command in ("onetemplate", "onevm") and r.number not in (14,), NO_VMS),
    (None, lambda r: "-y" in r.argv, NO_YAML),
    (None, lambda r: r.command in XML_ONLY and r.verb == "show" and not {"-x", "-j"} & set(r.argv), NOT_SHOWN),
    (None, lambda r: r.command == "oneuser" and r.argv[1:] == ["list"], NOT_SHOWN),
    (None, lambda r: r.verb in ("recover", "addleases", "importvm"), NOT_CALLED),
]  # fmt: skip


def excluded(record):
    """The reason why a record is not replayed, or an empty string."""
    for sources, applies, reason in EXCLUSIONS:
        if (sources is None or record.source in sources) and applies(record):
            return reason
    return ""

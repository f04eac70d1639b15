"""`list` as a table: columns of fixed width, values cut to them - which is why nobody should parse these tables."""

from .client import CliError
from .columns import COLUMNS


def table(tag, members, options):
    if tag not in COLUMNS:
        if members:
            raise CliError("the emulator lists this kind only with -x", rc=1)
        return ""
    columns = _chosen(COLUMNS[tag], options)
    rows = [[str(value(node)) for _, _, _, value in columns] for node in members]
    if options.get("filter"):
        rows = [row for row in rows if _passes(options["filter"], columns, row)]
    if options.get("csv"):
        return "".join(",".join(row) + "\n" for row in [[name for name, *_ in columns], *rows])
    header = [] if options.get("no-header") else [_line(columns, [name for name, *_ in columns]) + "\n"]
    return "".join(header + [_line(columns, row).rstrip() + "\n" for row in rows])


def _chosen(columns, options):
    if not options.get("list"):
        return columns
    named = {column[0]: column for column in columns}
    return [named[name.upper()] for name in options["list"].split(",") if name.upper() in named]


def _passes(conditions, columns, row):
    values = dict(zip((name for name, *_ in columns), row))
    for condition in conditions.split(","):
        name, _, wanted = condition.partition("=")
        if values.get(name.upper()) != wanted:
            return False
    return True


def _line(columns, values):
    cells = []
    for (_, width, left, _), value in zip(columns, values):
        cut = value[:width]
        cells.append(cut.ljust(width) if left else cut.rjust(width))
    return " ".join(cells)

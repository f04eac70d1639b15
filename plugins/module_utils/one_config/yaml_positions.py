# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a YAML file into nodes that know where they stand, and writes single values.

A round-trip dump would still re-indent lists and re-wrap long lines that nobody edited, so ruamel.yaml only reads here:
an edit replaces the text of one node.
"""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any, Iterator

try:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

    HAVE_RUAMEL = True
except ImportError:  # read_yaml says so, before any of these is used
    HAVE_RUAMEL = False
    MappingNode = SequenceNode = Node = object  # type: ignore[assignment,misc]
    MarkedYAMLError, YAMLError = KeyError, ValueError  # type: ignore[assignment,misc]

from .errors import LibraryMissing, NotParsed, Refused

# Words and numbers that one of the readers (Ruby: YAML 1.1, JavaScript: 1.2) takes for something else than a string.
NO_STRING = re.compile(r"true|false|yes|no|on|off|y|n|null|~|\.nan|[-+]?\.inf|[-+.0-9].*", re.IGNORECASE)
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
PLAIN = re.compile(r"(?!.*:(?: |$))[A-Za-z0-9_/.:][A-Za-z0-9_/.:@%+=$-]*(?: [A-Za-z0-9_/.@%+=$-]+)*")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")


class Unclear:
    """A plain scalar that YAML 1.1 and 1.2 read differently (`yes`, `0777`). It equals nothing, so it is rewritten."""


def read_yaml(text: str) -> Node | None:
    if not HAVE_RUAMEL:
        raise LibraryMissing
    try:
        reader = YAML(typ="rt", pure=True)
        if hasattr(reader, "compose"):
            root = reader.compose(StringIO(text))
        else:  # EL 9 has a ruamel.yaml without it
            root = reader.get_constructor_parser(StringIO(text))[0].composer.get_single_node()
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise NotParsed(problem.problem or problem.context or "not YAML", line, column) from None
    except YAMLError as problem:
        raise Refused("not YAML: {}".format(" ".join(str(problem).split()))) from None
    if root is not None and not isinstance(root, MappingNode):
        raise Refused("the file is no mapping of keys to values")
    return root


def data_of(node: Any) -> Any:
    if isinstance(node, MappingNode):
        return {key.value: data_of(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [data_of(item) for item in node.value]
    text: str = node.value
    if node.style is not None:
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if INTEGER.fullmatch(text):
        return int(text)
    if re.fullmatch(r"[-+]?[0-9]+\.[0-9]+", text):
        return float(text)
    if NO_STRING.fullmatch(text) and not ADDRESS.fullmatch(text):
        return Unclear()
    return text


def same(present: Any, wanted: Any) -> bool:
    """Equal, and of the same type: 1 is not true, '2616' is not 2616."""
    if isinstance(wanted, dict):
        return (
            isinstance(present, dict)
            and present.keys() == wanted.keys()
            and all(same(present[k], wanted[k]) for k in wanted)
        )
    if isinstance(wanted, list):
        return isinstance(present, list) and len(present) == len(wanted) and all(map(same, present, wanted))
    return type(present) is type(wanted) and present == wanted


def encode(value: Any, style: str | None = None) -> str:
    """The text of a value on one line; style is the quote of the present one."""
    if not isinstance(value, str):
        return _json(value)
    plain = PLAIN.fullmatch(value) and (not NO_STRING.fullmatch(value) or ADDRESS.fullmatch(value))
    if plain and style not in ("'", '"'):
        return value
    if style != '"' and value.isprintable():
        return "'{}'".format(value.replace("'", "''"))
    return _json(value)


def _json(value: Any) -> str:
    """JSON is YAML but for characters that YAML wants escaped, in its own way beyond the first 65536."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join([char if char.isprintable() else f"\\U{ord(char):08X}" for char in text])


def end_of(node: Node) -> int:
    """Where the text of a node ends; the mark of a block collection stands behind the comments that follow it."""
    if isinstance(node, (MappingNode, SequenceNode)) and not node.flow_style and node.value:
        last = node.value[-1]
        return end_of(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index


def scalars(node: Node, name: str = "") -> Iterator[tuple[str, Node]]:
    """All scalar values with the key under which they stand; an alias stands where its anchor does and is left out."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if value.start_mark.index >= key.start_mark.index:
                yield from scalars(value, str(key.value))
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from scalars(item, name)
    else:
        yield name, node

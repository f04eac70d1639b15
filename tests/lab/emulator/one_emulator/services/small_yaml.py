"""The YAML of the services' configuration files: nested mappings, lists of scalars, comments, Ruby's :symbol keys.

A parser of its own because the hosts need no YAML library; what it does not know it refuses instead of guessing.
"""

import re

_PAIR = re.compile(r"(?P<key>:?[A-Za-z_][\w\-]*|\"[^\"]*\"|'[^']*'):(?:\s+(?P<value>.*))?$")


class YamlProblem(Exception):
    """A line that is no YAML, or none this parser knows."""


def parse(text):
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        content = _uncommented(raw)
        if not content.strip() or content.strip() == "---":
            continue
        if "\t" in content[: len(content) - len(content.lstrip())]:
            raise YamlProblem(f"line {number}: found character that cannot start any token (a tab)")
        lines.append((number, len(content) - len(content.lstrip()), content.strip()))
    value, rest = _block(lines, lines[0][1]) if lines else ({}, [])
    if rest:
        raise YamlProblem(f"line {rest[0][0]}: did not find expected key")
    return value


def _uncommented(line):
    quote = ""
    for position, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#" and (position == 0 or line[position - 1].isspace()):
            return line[:position].rstrip()
    return line.rstrip()


def _block(lines, indent):
    if lines[0][2] == "-" or lines[0][2].startswith("- "):
        return _sequence(lines, indent)
    mapping = {}
    while lines and lines[0][1] == indent:
        number, _, content = lines.pop(0)
        match = _PAIR.match(content)
        if not match:
            raise YamlProblem(f"line {number}: could not find expected ':'")
        key = match["key"].strip("\"'")
        if key in mapping:
            raise YamlProblem(f"line {number}: {key} is given twice")
        value = match["value"]
        if value:
            mapping[key] = _scalar(number, value)
        elif lines and (lines[0][1] > indent or (lines[0][1] == indent and lines[0][2].startswith("- "))):
            mapping[key], lines = _block(lines, lines[0][1])
        else:
            mapping[key] = None
    if lines and lines[0][1] > indent:
        raise YamlProblem(f"line {lines[0][0]}: mapping values are not allowed here")
    return mapping, lines


def _sequence(lines, indent):
    items = []
    while lines and lines[0][1] == indent and (lines[0][2] == "-" or lines[0][2].startswith("- ")):
        number, _, content = lines.pop(0)
        rest = content[1:].strip()
        if _PAIR.match(rest):
            inner = [(number, indent + 2, rest)]
            while lines and lines[0][1] > indent:
                inner.append(lines.pop(0))
            value, left = _block(inner, indent + 2)
            if left:
                raise YamlProblem(f"line {left[0][0]}: did not find expected key")
            items.append(value)
        else:
            items.append(_scalar(number, rest))
    return items, lines


def _scalar(number, text):
    if text[0] in "\"'":
        if len(text) < 2 or text[-1] != text[0]:
            raise YamlProblem(f"line {number}: found unexpected end of a quoted value")
        return text[1:-1]
    if text[0] in "[{":
        closing = {"[": "]", "{": "}"}[text[0]]
        if text[-1] != closing:
            raise YamlProblem(f"line {number}: did not find expected ',' or '{closing}'")
        inner = text[1:-1].strip()
        if text[0] == "{":
            return {} if not inner else text
        return [_scalar(number, item.strip()) for item in inner.split(",")] if inner else []
    if text[0] in "&*!|>%@`":
        raise YamlProblem(f"line {number}: the emulator reads no YAML as fancy as {text}")
    if re.search(r":\s", text):
        raise YamlProblem(f"line {number}: mapping values are not allowed in this context")
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False, "yes": True, "no": False, "null": None, "~": None}.get(text.lower(), text)

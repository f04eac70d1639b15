"""Templates that a command is given: as a file, on standard input, or from an editor."""

import os
import sys

from .client import CliError


def read_file(path):
    with open(path, "rb") as file:
        return _decoded(file.read())


def is_file(path):
    """A path the parser takes for a file: `-` and /dev/stdin are none."""
    return os.path.isfile(path)


def from_stdin():
    """What standard input holds, or None when it is a terminal, closed or empty."""
    try:
        if sys.stdin is None or os.isatty(0):
            return None
        content = os.read(0, 1)
        if not content:
            return None
        with open(0, "rb", closefd=False) as rest:
            return _decoded(content + rest.read())
    except OSError:
        return None


def _decoded(content):
    """Ruby takes its encoding from the locale: a template beyond ASCII fails where the locale is C."""
    # LC_CTYPE is no witness: Python itself sets it when it starts in the locale C
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or "C"
    if "UTF" not in locale.upper() and not content.isascii():
        raise CliError("invalid byte sequence in US-ASCII")
    return content.decode("utf-8", "surrogateescape")


def from_editor(text):
    # Imported here: most commands have no editor, and would take twice as long to start.
    import subprocess
    import tempfile

    editor = os.environ.get("EDITOR") or "/usr/bin/vi"
    with tempfile.NamedTemporaryFile("w", suffix=".one", delete=False) as file:
        file.write(text)
    try:
        if subprocess.run(f"{editor} {file.name}", shell=True, check=False).returncode != 0:  # noqa: S602 - as upstream
            raise CliError("Editor not defined")
        return read_file(file.name)
    finally:
        os.unlink(file.name)


def template_text(node):
    """A TEMPLATE element in the form people edit."""
    lines = []
    for attribute in node.children:
        if attribute.children:
            inner = ",\n".join(f'  {c.tag}="{_escaped(c.text)}"' for c in attribute.children)
            lines.append(f"{attribute.tag}=[\n{inner} ]")
        else:
            lines.append(f'{attribute.tag}="{_escaped(attribute.text)}"')
    return "\n".join(lines)


def _escaped(text):
    return text.replace('"', '\\"')

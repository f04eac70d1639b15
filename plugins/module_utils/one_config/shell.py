# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the assignments of a shell-style rc file (vmm_execrc, kvmrc): where each value stands, and what it is.

Text in quotes, comments, here-documents and substitutions is never taken for an assignment, `NAME=x command` is none,
and one inside of `if`, a loop or a function is known to be conditional.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from .errors import NotParsed, Refused, position

ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
PLAIN = re.compile(r"[^\s\\'\"`$;&|<>()]+")
TILDE = re.compile(r"(?:^|[=:])~")
BARE_WORD = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
HERE_DOCUMENT = re.compile(r"<<(-?)[ \t]*['\"\\]?(\w+)['\"]?")
CLOSED_BY = {"if": "fi", "case": "esac", "for": "done", "while": "done", "until": "done", "select": "done", "{": "}"}
BEFORE_A_COMMAND = frozenset(("then", "else", "elif", "do", "!"))
JOINING = ("&&", "||", "|&", "|")
EXPORTERS = frozenset(("export", "readonly", "declare", "typeset"))


class Word(NamedTuple):
    start: int
    end: int
    literal: str | None  # None where the shell has to work it out


class Assignment(NamedTuple):
    name: str
    value: str | None
    start: int  # of its statement, which may begin with `export`
    value_start: int
    end: int
    alone: bool  # in its statement
    conditional: bool


class Script:
    """One pass over the text; after it, assignments holds all of them in order, and comments where those begin that
    stand between statements, outside of all conditions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.assignments: list[Assignment] = []
        self.comments: set[int] = set()
        self._open: list[
            tuple[str, int]
        ] = []  # what is open around the current place: `if`, `{`, `(` ... and where it began
        self._words: list[Word] = []
        self._joined = False  # to the statement before, which decides whether this one runs
        self._here: list[tuple[str, bool]] = []
        at = 0
        while at < len(text):
            at = self._step(at)
        self._end_statement("")
        if self._open:
            what, start = self._open[-1]
            self._fail(f"'{what}' is never closed", start)

    def line(self, offset: int) -> int:
        return position(self.text, offset)[0]

    def _step(self, at: int) -> int:
        text = self.text
        char = text[at]
        if char in " \t\r":
            return at + 1
        if char == "#":
            if not (self._open or self._words or self._joined):
                self.comments.add(at)
            return _end_of_line(text, at)
        if char == "\n":
            self._end_statement("\n")
            return self._skip_here_documents(at + 1)
        if char in ";&|()":
            operator = text[at : at + 2] if text[at : at + 2] in JOINING else char
            self._end_statement(operator)
            if char == "(":
                self._open.append(("(", at))
            elif char == ")" and self._open and self._open[-1][0] == "(":
                self._open.pop()  # any other ')' ends a pattern of `case`
            return at + len(operator)
        if char in "<>":
            here = HERE_DOCUMENT.match(text, at)
            if here and not text.startswith("<<<", at):
                self._here.append((here.group(2), bool(here.group(1))))
                return here.end()
            return at + (3 if text.startswith("<<<", at) else 2 if text[at + 1 : at + 2] == "&" else 1)
        if text.startswith("\\\n", at):
            return at + 2
        word = self._word(at)
        self._words.append(word)
        self._keyword(word)
        return word.end

    def _keyword(self, word: Word) -> None:
        name = self.text[word.start : word.end]
        first = len(self._words) == 1
        if name in CLOSED_BY and (first or (name == "{" and self.text.startswith("function", self._words[0].start))):
            self._open.append((name, word.start))
            if name in ("if", "while", "until", "{"):  # a command follows; after the others words do
                self._words = []
        elif first and name in CLOSED_BY.values():
            if not self._open or CLOSED_BY.get(self._open[-1][0]) != name:
                self._fail(f"'{name}' closes nothing", word.start)
            self._open.pop()
        elif first and name in BEFORE_A_COMMAND:
            self._words = []

    def _end_statement(self, separator: str) -> None:
        words, self._words = self._words, []
        conditional = bool(self._open) or self._joined or separator in ("&", "|", "|&", "(")
        self._joined = separator in JOINING or (self._joined and not words and separator == "\n")
        start = words[0].start if words else 0
        if words and words[0].literal in EXPORTERS:
            words = [word for word in words[1:] if self.text[word.start] != "-"]
        found = [(word, ASSIGNMENT.match(self.text, word.start, word.end)) for word in words]
        if words and words[0].start == start and not all(match for _word, match in found):
            return  # `NAME=x command`
        for word, match in found:
            if match:
                length = match.end() - match.start()
                value = word.literal[length:] if word.literal is not None and not match.group(2) else None
                alone = len(found) == 1
                self.assignments.append(
                    Assignment(match.group(1), value, start, match.end(), word.end, alone, conditional)
                )

    def _skip_here_documents(self, at: int) -> int:
        for end_mark, tabs in self._here:
            while at < len(self.text):
                start, at = at, min(_end_of_line(self.text, at) + 1, len(self.text))
                line = self.text[start:at].rstrip("\n")
                if (line.lstrip("\t") if tabs else line) == end_mark:
                    break
        self._here = []
        return at

    def _word(self, start: int) -> Word:
        text, at, known = self.text, start, True
        literal: list[str] = []
        while at < len(text):
            char = text[at]
            plain = PLAIN.match(text, at)
            if plain:
                literal.append(plain.group())
                known = known and not TILDE.search(plain.group())
                at = plain.end()
            elif char == "\\":
                literal.append("" if text.startswith("\\\n", at) else text[at + 1 : at + 2])
                at += 2
            elif char == "'":
                end = text.find("'", at + 1)
                if end < 0:
                    self._fail("the quote is never closed", at)
                literal.append(text[at + 1 : end])
                at = end + 1
            elif char == '"':
                end, content = self._double_quoted(at)
                known = known and content is not None
                literal.append(content or "")
                at = end
            elif char in "$`":
                known = False
                at = self._substitution(at)
            elif char == "(" and at == self._value_start(start):
                known = False
                at = self._closing(at, ")")
            else:
                break
        return Word(start, min(at, len(text)), "".join(literal) if known else None)

    def _value_start(self, start: int) -> int:
        match = ASSIGNMENT.match(self.text, start)
        return match.end() if match else -1

    def _double_quoted(self, start: int) -> tuple[int, str | None]:
        text, at, known = self.text, start + 1, True
        content: list[str] = []
        while at < len(text):
            char = text[at]
            if char == '"':
                return at + 1, "".join(content) if known else None
            if char == "\\":
                escaped = text[at + 1 : at + 2]
                content.append("" if escaped == "\n" else escaped if escaped in '$`"\\' else "\\" + escaped)
                at += 2
            elif char in "$`":
                end = self._substitution(at)
                if end > at + 1:
                    known = False
                else:
                    content.append(char)
                at = end
            else:
                content.append(char)
                at += 1
        return self._fail("the quote is never closed", start)

    def _substitution(self, at: int) -> int:
        """The end of `$name`, `${...}`, `$(...)`, `$'...'` or a pair of backquotes; of a lone `$` its own."""
        text = self.text
        if text[at] == "`":
            end = re.compile(r"(?:[^`\\]|\\.)*`", re.DOTALL).match(text, at + 1)
            return end.end() if end else self._fail("the backquote is never closed", at)
        opening = text[at + 1 : at + 2]
        if opening in ("(", "{"):
            return self._closing(at + 1, ")" if opening == "(" else "}")
        if opening == "'":
            end = re.compile(r"(?:[^'\\]|\\.)*'", re.DOTALL).match(text, at + 2)
            return end.end() if end else self._fail("the quote is never closed", at)
        name = re.compile(r"\w+|[@*#?$!-]").match(text, at + 1)
        return name.end() if name else at + 1

    def _closing(self, start: int, closing: str) -> int:
        """The place after the bracket that closes the one at start."""
        text, at, opening = self.text, start + 1, self.text[start]
        while at < len(text):
            char = text[at]
            if char == closing:
                return at + 1
            if char == opening:
                at = self._closing(at, closing)
            elif char == "'":
                end = text.find("'", at + 1)
                at = end + 1 if end >= 0 else self._fail("the quote is never closed", at)
            elif char == '"':
                at = self._double_quoted(at)[0]
            elif char in "$`":
                at = self._substitution(at)
            else:
                at += 2 if char == "\\" else 1
        return self._fail(f"'{opening}' is never closed", start)

    def _fail(self, problem: str, at: int) -> NoReturn:
        raise NotParsed(f"{problem}, so a shell stops reading here", *position(self.text, at))


def encode(value: str, raw: str) -> str:
    """The text of a value, in the quoting of raw where that can carry it; raw is the present text, empty for none."""
    for char, name in (("\0", "a NUL byte"), ("\r", "a carriage return")):
        if char in value:
            raise Refused(f"the value contains {name}, which a shell does not keep")
    if raw[:1] == "'" and "'" not in value:
        return f"'{value}'"
    if raw[:1] not in ("'", '"') and BARE_WORD.fullmatch(value):
        return value
    return '"{}"'.format(re.sub(r'([\\"$`])', r"\\\1", value))


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end

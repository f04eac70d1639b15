"""OpenNebula's template grammar: a lexer with columns, a parser with the real messages, and the multimap they fill."""

import re


class SyntaxProblem(Exception):
    """A template that oned refuses. `echoed` is what its lexer leaks to standard output on the way."""

    def __init__(self, text, line, echoed=""):
        super().__init__(text)
        self.text, self.line, self.echoed = text, line, echoed


class Template:
    """Attributes in order of arrival; names repeat, a value is a string or a dict (a vector attribute)."""

    def __init__(self, items=()):
        self.items = [(name, dict(value) if isinstance(value, dict) else value) for name, value in items]

    def get(self, name):
        """The first scalar of that name, or an empty string."""
        return next((v for n, v in self.items if n == name and not isinstance(v, dict)), "")

    def has(self, name):
        return any(n == name for n, _ in self.items)

    def vectors(self, name):
        return [v for n, v in self.items if n == name and isinstance(v, dict)]

    def scalars(self, name):
        return [v for n, v in self.items if n == name and not isinstance(v, dict)]

    def add(self, name, value):
        self.items.append((name, value))

    def set(self, name, value):
        self.erase(name)
        self.items.append((name, value))

    def erase(self, name):
        self.items = [(n, v) for n, v in self.items if n != name]

    def merge(self, other):
        """Append as oned does it: every attribute named in `other` is replaced, vectors of one name all at once."""
        named = {n for n, _ in other.items}
        self.items = [(n, v) for n, v in self.items if n not in named] + Template(other.items).items

    def sorted(self):
        return sorted(self.items, key=lambda item: item[0])

    def xml(self, tag="TEMPLATE"):
        body = "".join(_vector_xml(n, v) if isinstance(v, dict) else cdata(n, v) for n, v in self.sorted())
        return f"<{tag}>{body}</{tag}>"


def cdata(tag, value):
    return f"<{tag}><![CDATA[{value}]]></{tag}>"


def _vector_xml(name, vector):
    return f"<{name}>" + "".join(cdata(k, vector[k]) for k in sorted(vector)) + f"</{name}>"


INITIAL = re.compile(
    r"(?P<NEWLINE>\n)|(?P<BLANK>[ \t\r]+)|(?P<COMMENT>\#[^\n]*)|(?P<CBRACKET>\])|(?P<COMMA>,)"
    r"|(?P<EQUAL_EMPTY>=[ \t]*(?=\n|\Z))|(?P<EQUAL>=)|(?P<VARIABLE>[A-Za-z0-9_\-]+)|(?P<ECHO>.)",
    re.DOTALL,
)
VALUE = re.compile(
    r'(?P<NEWLINE>\n)|(?P<BLANK>[ \t\r]+)|(?P<OBRACKET>\[)|"(?P<STRING>(?:[^"\\]|\\.)*)"'
    r'|(?P<WORD>[^ \t\r\n,\]\["=]+)|(?P<ECHO>.)',
    re.DOTALL,
)


class _Lexer:
    """Tokens with the line and the columns oned reports: columns count bytes from the start of the text, from 1."""

    def __init__(self, text):
        self.text = text.encode("utf-8", "surrogateescape").decode("latin-1")
        self.position, self.line, self.value_next = 0, 1, False
        self.columns = (1, 1)
        self.echoed = ""

    def next(self):
        while True:
            match = (VALUE if self.value_next else INITIAL).match(self.text, self.position)
            if match is None:
                return "$end", None, self.line
            kind, line, raw = match.lastgroup, self.line, match.group()
            self.columns = (self.position + 1, match.end() + 1)
            self.position = match.end()
            self.line += raw.count("\n")
            if kind in ("NEWLINE", "BLANK", "COMMENT"):
                continue
            if kind == "ECHO":
                self.echoed += raw
                continue
            if kind == "EQUAL":
                self.value_next = True
            elif kind in ("STRING", "WORD", "OBRACKET"):
                self.value_next = False
            if kind == "STRING":
                return kind, _utf8(match.group("STRING")).replace('\\"', '"'), line
            return ("STRING" if kind == "WORD" else kind), _utf8(raw), line


def _utf8(latin):
    return latin.encode("latin-1").decode("utf-8", "surrogateescape")


class _Parser:
    def __init__(self, text):
        self.lexer = _Lexer(text)
        self.template = Template()
        self._advance()

    def _advance(self):
        self.kind, self.value, self.token_line = self.lexer.next()

    def _take(self, *expected):
        if self.kind not in expected:
            first, last = self.lexer.columns
            wanted = " or ".join(expected)
            raise SyntaxProblem(
                f"syntax error, unexpected {self.kind}, expecting {wanted} at line {{line}}, columns {first}:{last}",
                self.token_line,
                self.lexer.echoed,
            )
        taken = self.kind, self.value
        self._advance()
        return taken

    def parse(self):
        while self.kind != "$end":
            name = self._take("$end", "VARIABLE")[1] if self.template.items else self._take("VARIABLE")[1]
            self.template.add(name.upper(), self._value())
        return self.template

    def _value(self):
        if self._take("EQUAL", "EQUAL_EMPTY")[0] == "EQUAL_EMPTY":
            return ""
        kind, value = self._take("OBRACKET", "STRING")
        return self._vector() if kind == "OBRACKET" else value

    def _vector(self):
        vector = {}
        while True:
            key = self._take("VARIABLE")[1].upper()
            empty = self._take("EQUAL", "EQUAL_EMPTY")[0] == "EQUAL_EMPTY"
            vector[key] = "" if empty else self._take("STRING")[1]
            if self._take("COMMA", "CBRACKET")[0] == "CBRACKET":
                return vector


def parse(text):
    """Parse a template; XML is accepted as well, as oned does."""
    if text.lstrip().startswith("<"):
        return _parse_xml(text)
    return _Parser(text).parse()


def _parse_xml(text):
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as problem:
        raise SyntaxProblem(f"Error parsing XML template: {problem}", 0) from problem
    items = []
    for element in root:
        children = list(element)
        value = {c.tag.upper(): c.text or "" for c in children} if children else element.text or ""
        items.append((element.tag.upper(), value))
    return Template(items)

"""oned.conf as oned reads it: the template grammar; of two attributes with one name the first wins."""

from . import template
from .paths import real

PATH = "/etc/one/oned.conf"


class ConfProblem(Exception):
    """oned does not start. `text` goes to standard output as oned prints it."""


def _message(detail, release, echoed=""):
    gap = " " if release.one_line_conf_error else "\n"
    return f"{echoed}\nError while parsing configuration file:{gap}{detail}\n"


def load(release, path=PATH):
    try:
        with open(real(path), encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as problem:
        raise ConfProblem(_message("Error opening template file", release)) from problem
    try:
        return Configuration(template.parse(text))
    except template.SyntaxProblem as problem:
        # in a file the line is right; only the API reports garbage
        raise ConfProblem(_message(problem.text.format(line=problem.line), release, problem.echoed)) from problem


class Configuration:
    def __init__(self, parsed):
        self.template = parsed

    def get(self, name, default=""):
        return self.template.get(name) or default

    def number(self, name, default):
        text = self.get(name, str(default))
        return int(text) if text.isdigit() else default

    def vector(self, name):
        vectors = self.template.vectors(name)
        return vectors[0] if vectors else {}

    def vectors(self, name):
        return self.template.vectors(name)

    def named(self, section, name):
        """The vector of that NAME: of two with one name the first wins; one without NAME is ignored."""
        return next((v for v in self.vectors(section) if v.get("NAME") == name), None)

"""Options and arguments of a verb, with the messages of OpenNebula's command-line parser."""

from .client import CliError

# long name -> short letter and whether a value follows; which of them a verb knows is said where the verb is
OPTIONS = {
    "append": ("a", False),
    "cluster": ("c", True),
    "csv": ("", False),
    "decrypt": ("", False),
    "driver": ("", True),
    "endpoint": ("", True),
    "error": ("", False),
    "execution": ("e", True),
    "extended": ("", False),
    "filter": ("f", True),
    "force": ("", False),
    "group": ("", True),
    "grpc-endpoint": ("g", True),
    "help": ("h", False),
    "hook-id": ("", True),
    "im": ("i", True),
    "ip": ("i", True),
    "ip6": ("6", True),
    "json": ("j", False),
    "list": ("l", True),
    "mac": ("m", True),
    "name": ("n", True),
    "no-header": ("", False),
    "no-pager": ("", False),
    "numeric": ("n", False),
    "password": ("", True),
    "read-file": ("r", False),
    "recover-delete": ("", False),
    "rpc": ("r", True),
    "show-ar": ("", False),
    "since": ("", True),
    "size": ("s", True),
    "ssh": ("", False),
    "stdin_password": ("", False),
    "success": ("", False),
    "until": ("", True),
    "use": ("", False),
    "manage": ("", False),
    "admin": ("", False),
    "all": ("", False),
    "user": ("", True),
    "verbose": ("v", False),
    "version": ("V", False),
    "vm": ("v", True),
    "xml": ("x", False),
    "yaml": ("y", False),
}
COMMON = ("verbose", "help", "version", "user", "password", "endpoint")


def split(argv, known):
    """Options and the remaining arguments; `known` are the option names of the verb."""
    options, rest = {}, []
    # a verb's own letter wins over a common one: -v is --vm for `onehost create`
    letters = {}
    for name in (*COMMON, *known):
        if OPTIONS[name][0]:
            letters[OPTIONS[name][0]] = name
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            rest += words
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = _complete(name, (*COMMON, *known), word)
            _store(options, name, value if equals else None, words, word)
        elif word.startswith("-") and len(word) > 1:
            _letters(options, word, letters, words)
        else:
            rest.append(word)
    return options, rest


def _letters(options, word, letters, words):
    """A cluster such as -xv, or a letter with its value attached."""
    cluster = word[1:]
    while cluster:
        letter, cluster = cluster[0], cluster[1:]
        name = letters.get(letter)
        if name is None:
            raise CliError(f"invalid option: -{letter}{cluster}")
        if OPTIONS[name][1]:
            _store(options, name, cluster or None, words, f"-{letter}")
            return
        options[name] = True


def _complete(name, known, word):
    """Long options may be shortened as long as they are not ambiguous."""
    if name in known:
        return name
    found = [option for option in known if option.startswith(name)]
    if len(found) == 1:
        return found[0]
    raise CliError(f"{'ambiguous' if found else 'invalid'} option: {word}")


def _store(options, name, value, words, word):
    if not OPTIONS[name][1]:
        options[name] = True
        return
    if value is None:
        if not words:
            raise CliError(f"missing argument: {word}")
        value = words.pop(0)
    options[name] = value


def check_number(verb_name, types, given):
    """Whether a verb got the arguments it takes: one tuple of type names each, with None if it may be missing."""
    required = sum(1 for kinds in types if None not in kinds)
    if len(given) < required:
        wanted = f"{required} parameters to run." if required > 1 else "one parameter to run"
        raise CliError(f"Command {verb_name} requires {wanted}")
    if len(given) > len(types):
        shown = " ".join(_shown(kinds) for kinds in types)
        raise CliError(f"Wrong number of arguments\nThe arguments should be: {shown}")


def _shown(kinds):
    names = "|".join(kind for kind in kinds if kind)
    return f"[<{names}>]" if None in kinds else f"<{names}>"


def expand_ranges(text):
    """0..2 and 1,8..15 as numbers, or None if it is no such list."""
    if not text or not all(c.isdigit() or c in ",." for c in text):
        return None
    numbers = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        if not first.isdigit() or (dots and not last.isdigit()):
            return None
        numbers += range(int(first), int(last or first) + 1)
    return numbers

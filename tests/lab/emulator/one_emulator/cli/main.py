"""From the words of a command line to a verb, its output and its exit code."""

import sys

from .. import release
from .arguments import check_number, split
from .client import Client, CliError
from .commands import COMMANDS
from .input import is_file
from .verbs import Call


def main(command, argv):
    call = None
    try:
        call = _prepare(command, argv)
        if call is None:
            return 0
        call.verb.run(call)
        return 0
    except CliError as problem:
        if call:
            _print(sys.stdout, "".join(call.printed))
            call.printed.clear()
        _print(sys.stderr, problem.text + "\n")
        return problem.rc
    except BrokenPipeError:
        return 1
    finally:
        if call:
            _print(sys.stdout, "".join(call.printed))


def _prepare(command, argv):
    """The call to make, or None when it was only help that was wanted."""
    resource, verbs = COMMANDS[command]
    names = [word for word in argv if not word.startswith("-")]
    if not argv or (argv[0].startswith("-") and not (names and names[0] in verbs)):
        _print(sys.stdout, _help(command, verbs))
        return None
    if argv[0].startswith("-"):
        # an option before the verb
        argv = [names[0]] + [word for word in argv if word is not names[0]]
    name, words = argv[0], argv[1:]
    verb = verbs.get(name)
    if verb is None:
        # an unknown verb is no failure: help, and exit code 0
        _print(sys.stderr, f"Command '{' '.join(argv)}' not found\n")
        _print(sys.stdout, _help(command, verbs))
        return None
    options, arguments = split(words, verb.options)
    if options.get("help") or options.get("version"):
        _print(sys.stdout, _help(command, verbs))
        return None
    try:
        check_number(name, verb.arguments, arguments)
    except CliError:
        if len(arguments) < len(verb.arguments):
            _print(sys.stdout, _usage(name, verb))
        raise
    _check_files(name, verb, arguments)
    call = Call(None, resource, options, arguments)
    call.verb = verb
    call.client = Client(options)
    return call


def _check_files(name, verb, arguments):
    for position, (kinds, argument) in enumerate(zip(verb.arguments, arguments)):
        if "file" in kinds and not is_file(argument):
            shown = ", ".join(kind or "" for kind in kinds)
            raise CliError(f"command {name}: argument {position} must be one of {shown}")


def _usage(name, verb):
    return f"## USAGE\n{name} {_arguments(verb)}\n\n{_note()}"


def _help(command, verbs):
    lines = [f"## SYNOPSIS\n\n`{command}` <command> [<args>] [<options>]\n\n## COMMANDS\n"]
    lines += [f"   * {name} {_arguments(verb)}\n" for name, verb in sorted(verbs.items())]
    return "".join(lines) + "\n\n" + _note()


def _arguments(verb):
    shown = []
    for kinds in verb.arguments:
        names = "|".join(kind for kind in kinds if kind)
        shown.append(f"[<{names}>]" if None in kinds else f"<{names}>")
    return " ".join(shown + [f"[--{name}]" for name in verb.options])


def _note():
    return f"## VERSION\n{release.version_text()}"


def _print(stream, text):
    if text:
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))
        stream.buffer.flush()

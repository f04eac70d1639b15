"""XML-RPC as far as OpenNebula uses it: strings, integers, booleans and one array of them.

The standard library's client costs three times as much to load as everything else a command does.
"""

import re

_VALUE = re.compile(r"<value>(?:<(string|i4|int|boolean)>(.*?)</\1>|<string/>|(?!<)(.*?))</value>", re.DOTALL)
_FAULT = re.compile(r"<name>faultString</name>\s*<value>(?:<string>)?(.*?)(?:</string>)?</value>", re.DOTALL)


class Fault(Exception):
    """The server could not make sense of the call."""


def request(method, arguments):
    params = "".join(f"<param><value>{_encode(argument)}</value></param>" for argument in arguments)
    return f'<?xml version="1.0"?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>'


def _encode(argument):
    if isinstance(argument, bool):
        return f"<boolean>{int(argument)}</boolean>"
    if isinstance(argument, int):
        return f"<i4>{argument}</i4>"
    if isinstance(argument, (list, tuple)):
        return f"<array><data>{''.join(f'<value>{_encode(a)}</value>' for a in argument)}</data></array>"
    escaped = argument.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return f"<string>{escaped}</string>"


def values(response):
    """The values in the array that oned answers with."""
    fault = _FAULT.search(response)
    if fault:
        raise Fault(_plain(fault.group(1)))
    return [_decode(*match.groups()) for match in _VALUE.finditer(response)]


def _decode(kind, text, bare):
    if kind in ("i4", "int"):
        return int(text)
    if kind == "boolean":
        return text == "1"
    return _plain(text or bare or "")


def _plain(text):
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&#13;", "\r").replace("&amp;", "&")

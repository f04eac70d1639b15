"""-j: the XML as JSON, with the layout of Ruby's JSON.pretty_generate."""

import json

# Members of a pool are arrays even when there is only one; clusters are the exception.
ALWAYS_LISTS = ("DATASTORE", "HOOK", "HOST", "VNET", "ZONE", "USER", "GROUP", "SECURITY_GROUP", "VM", "IMAGE",
                "VMTEMPLATE")  # fmt: skip


def document(node):
    return _pretty({node.tag: _value(node, top=True)}, 0) + "\n"


def _value(node, top=False):
    if not node.children:
        return node.text if node.is_cdata or node.text else {}
    found = {}
    for child in node.children:
        found.setdefault(child.tag, []).append(_value(child))
    lists = ALWAYS_LISTS if top and node.tag.endswith("_POOL") else ()
    return {tag: values if len(values) > 1 or tag in lists else values[0] for tag, values in found.items()}


def _pretty(value, depth):
    pad = "  " * (depth + 1)
    if isinstance(value, dict):
        inner = ",\n".join(f"{pad}{json.dumps(k)}: {_pretty(v, depth + 1)}" for k, v in value.items())
        return "{\n" + (inner + "\n" if inner else "") + "  " * depth + "}"
    if isinstance(value, list):
        inner = ",\n".join(pad + _pretty(v, depth + 1) for v in value)
        return "[\n" + inner + "\n" + "  " * depth + "]"
    return json.dumps(value, ensure_ascii=False)

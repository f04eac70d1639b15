"""The XML that oned sends, read back and laid out as the command line prints it.

A reader of its own instead of a library: it keeps CDATA sections apart from text (they are printed as they came) and
loads in a fraction of the time, which counts for a command that is started dozens of times a run.
"""

import re

_TOKENS = re.compile(r"<!\[CDATA\[(.*?)\]\]>|<(/?)([A-Za-z0-9_.\-]+)(/?)>|([^<]+)", re.DOTALL)


class Node:
    __slots__ = ("tag", "children", "text", "is_cdata")

    def __init__(self, tag):
        self.tag, self.children, self.text, self.is_cdata = tag, [], "", False

    def find(self, path):
        """The first node below a path such as TEMPLATE/ERROR, or None."""
        node = self
        for tag in path.split("/"):
            node = next((c for c in node.children if c.tag == tag), None)
            if node is None:
                return None
        return node

    def value(self, path):
        node = self.find(path)
        return node.text if node else ""

    def all(self, tag):
        return [c for c in self.children if c.tag == tag]


def parse(text):
    root = Node("")
    stack = [root]
    for match in _TOKENS.finditer(text):
        cdata, closing, tag, empty, plain = match.groups()
        if tag is None:
            top = stack[-1]
            if cdata is not None:
                top.text, top.is_cdata = top.text + cdata, True
            elif plain.strip():
                top.text += plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        elif closing:
            stack.pop()
        else:
            node = Node(tag)
            stack[-1].children.append(node)
            if not empty:
                stack.append(node)
    return root.children[0]


def pretty(node, depth=0):
    indent = "  " * depth
    if node.children:
        inner = "".join(pretty(child, depth + 1) for child in node.children)
        return f"{indent}<{node.tag}>\n{inner}{indent}</{node.tag}>\n"
    if node.is_cdata:
        return f"{indent}<{node.tag}><![CDATA[{node.text}]]></{node.tag}>\n"
    if not node.text:
        return f"{indent}<{node.tag}/>\n"
    text = node.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{indent}<{node.tag}>{text}</{node.tag}>\n"

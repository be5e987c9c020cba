"""A value in flow style on one line of YAML."""

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

PLAIN = re.compile(r"[^\W\d][\w ./-]*(?<! )")
OLD_BOOLEANS = {"y", "yes", "n", "no", "on", "off"}  # text in YAML 1.2, but not in YAML 1.1


def inline(value: Any) -> str:
    """A value in flow style on one line, with the quotes that YAML 1.2 needs."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{inline(key)}: {inline(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, str):
        return value if _plain_text(value) else _quoted(value)
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style = True
    yaml.dump([value], text)
    return text.getvalue().strip()[1:-1]


def _plain_text(text: str) -> bool:
    """Whether a text needs no quotes: words without special characters that are not a number, null or a boolean."""
    words = PLAIN.fullmatch(text) and text.isprintable() and text.lower() not in OLD_BOOLEANS
    return bool(words) and YAML(typ="safe", pure=True).load(text) == text


def _quoted(text: str) -> str:
    """A text in double quotes, with escapes for quotes, backslashes and unprintable characters."""
    signs = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(signs.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in text) + '"'

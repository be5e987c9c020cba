"""Markdown tables, and the escaping of text for Markdown."""

import re
from typing import Any

from ml.io.text import counted, visible

MARKUP = re.compile(r"([\\`*\[\]|~$])|(?<![^\W_])_|_(?![^\W_])")  # a _ within a name is no markup
START = re.compile(r"^(?:(#{1,6}|[+-]|=+|-+)(?=\s|$)|(>)|(\d{1,9})(?=[.)](?:\s|$)))")  # heading, list, quotation
LINK = re.compile(r"(?i)\b(https?|ftp|mailto)(?=:)|\bwww(?=\.)")
REFERENCE = re.compile(r"(?i)(?<!\w)@(?=\w)|(#|\bGH-)(?=\d)")
APART = "\u200b"  # no width


class Markup(str):
    """Markdown of this project, which a table does not escape."""

    __slots__ = ()


def table(header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table; cells are escaped text, unless they are Markup."""
    lines = [header, [Markup("---")] * len(header), *rows]
    return "".join("| " + " | ".join(cell(c) for c in line) + " |\n" for line in lines)


def validation(result: dict[str, Any]) -> str:
    """The checks of build/validation.json, failed ones first."""
    rows = [[mark(c), c["subject"], c["expectation"].removeprefix("expect_"), c["found"]] for c in result["checks"]]
    return table(["", "column", "expectation", f"found in {counted(result['rows'], 'row')}"], rows)


def mark(check: dict[str, Any]) -> str:
    """The sign of a check or verdict: passed, refused, or warned."""
    return "✅" if check["passed"] else "❌" if check["severity"] == "critical" else "⚠️"


def cell(value: Any) -> str:
    """Text escaped for the middle of a line: no markup, HTML, link, mention or reference."""
    if isinstance(value, Markup):
        return value
    line = visible(" ".join(str(value).splitlines()))
    line = MARKUP.sub(lambda found: f"\\{found[0]}", line.replace("&", "&amp;"))
    return unlinked(line.replace("<", "&lt;"))


def paragraph(value: Any) -> str:
    """Text escaped for the start of a line as well: no heading, list or quotation."""
    return START.sub(lambda found: f"{found[0]}\\" if found[3] else f"\\{found[0]}", cell(value).strip())


def unlinked(text: str) -> str:
    """Text without addresses, mentions and issue references for GitHub."""
    apart = LINK.sub(lambda found: f"{found[0]}{APART}", text)
    return REFERENCE.sub(lambda found: f"{found[0]}{APART}", apart)

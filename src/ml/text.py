"""Text for a terminal and for the lines of a log."""

import re
from collections.abc import Iterable, Sequence

# Whatever some reader takes for a line end, starts an escape of a terminal, or turns the direction of what follows.
BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    """The same text on one line and harmless to a terminal: what could break it is written as Python escapes it."""
    return BREAKING.sub(lambda found: found[0].encode("unicode_escape", "backslashreplace").decode(), text)


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines with each column as wide as its widest cell."""
    lines = [[one_line(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)

"""Text for a terminal and for the lines of a log."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# What starts an escape of a terminal, ends a line for some reader, or turns the direction of what follows.
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
WHOLE, LONG, NOISE = 1000, 1e9, 1e-12
BREAKING = re.compile(rf"[\t\n]|{HIDDEN.pattern}")


def visible(text: str) -> str:
    """The same text, harmless to a terminal: characters that it would obey become escapes; tabs and lines stay."""
    return HIDDEN.sub(_escaped, text)


def one_line(text: str) -> str:
    """The same text on one line and harmless to a terminal."""
    return BREAKING.sub(_escaped, text)


def counted(number: int, noun: str) -> str:
    """A number with its noun, which ends in s unless there is one: `1 row`, `1,200 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def figure(value: float | None, decimals: int = 3, *, sign: bool = False) -> str:
    """A measured number: whole from a thousand on, so many decimals below, a few digits where those say nothing."""
    if value is None:
        return "unknown"
    plus, size = "+" if sign else "", abs(value)
    if size >= LONG:
        return f"{value:{plus}.4g}"
    if size >= WHOLE:
        return f"{value:{plus},.0f}"
    tiny = NOISE < size < 10.0**-decimals
    return f"{value:{plus}.3g}" if tiny else f"{value:{plus}.{decimals}f}"


def between(low: float | None, high: float | None, decimals: int = 3, *, sign: bool = False) -> str:
    """An interval in words."""
    return f"{figure(low, decimals, sign=sign)} to {figure(high, decimals, sign=sign)}"


def be(number: int) -> str:
    """The verb of a counted noun."""
    return "is" if number == 1 else "are"


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """Which known word was probably meant, as a question; where none is near, `otherwise`."""
    near = get_close_matches(word, [*known], n=1)
    return f"did you mean `{near[0]}`?" if near else otherwise


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines with each column as wide as its widest cell."""
    lines = [[one_line(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "backslashreplace").decode()

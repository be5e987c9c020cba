"""Text for a terminal and for the lines of a log."""

import os
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# Characters that start a terminal's escape sequence, end a line for some readers, or change the text direction.
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COMMAND = re.compile(r"##(?=\[)|^[^\S\n]*:(?=:)", re.MULTILINE)  # of a workflow, which its runner reads from output
WHOLE, LONG, NOISE = 1000, 1e9, 1e-12
BREAKING = re.compile(rf"[\t\n]|{HIDDEN.pattern}")


def visible(text: str) -> str:
    """The text without control characters of a terminal, which are escaped; tabs and line ends are kept."""
    return HIDDEN.sub(_escaped, text)


def printed(text: str) -> str:
    """The visible text for the output of a command; GitHub's runner finds no command of a workflow in it."""
    shown = visible(text)
    return COMMAND.sub(lambda found: f"{found[0]}\\", shown) if os.environ.get("GITHUB_ACTIONS") else shown


def one_line(text: str) -> str:
    """The text on one line, without control characters of a terminal."""
    return BREAKING.sub(_escaped, text)


def counted(number: int, noun: str) -> str:
    """A number with its noun in the singular or plural: `1 row`, `1,200 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def lasting(days: float) -> str:
    """A time in the largest fitting unit: `12.5 days`, `3 hours`, `1.26 seconds`."""
    for unit, size in (("day", 1.0), ("hour", 24.0), ("minute", 1440.0)):
        if days * size >= 1:
            return f"{days * size:.3g} {unit}{'' if days * size == 1 else 's'}"
    return f"{days * 86400:.3g} seconds"


def figure(value: float | None, decimals: int = 3, *, sign: bool = False) -> str:
    """A measured number: whole from a thousand on, otherwise so many decimals, or digits if those are zeros."""
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
    """`is` or `are`, by the number."""
    return "is" if number == 1 else "are"


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """A question with the most similar known word, or `otherwise` if there is none."""
    near = get_close_matches(word, [*known], n=1)
    return f"did you mean `{near[0]}`?" if near else otherwise


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines with aligned columns."""
    lines = [[one_line(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "backslashreplace").decode()

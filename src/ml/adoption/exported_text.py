"""Tables in text with any encoding, separator, quote and title."""

import csv
import io
import re

from ml.data import csv_tables, reading
from ml.io.text import be, counted

RARE = ("^", "~", ":", "\x01", " ")  # separators that are tried only if no usual one fits
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
HALF = re.compile("[\ud800-\udfff]")
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")  # other separators, such as U+2028, are text
TITLES = 20  # lines in which the header is searched
HEAD = 1 << 16  # bytes for the detection of encoding and separator
FALLBACK = "cp1252"  # Windows in western Europe and America; it reads almost any byte, so the note asks to look


def decoded(content: bytes, encoding: str = "") -> tuple[str, list[str]]:
    """The text of a file, and a note about its encoding."""
    if encoding:
        return content.decode(encoding), [f"it is read as {encoding}"]
    marked = next((name for mark, name in BOMS.items() if content.startswith(mark)), None)
    if marked:
        return content.decode(marked), ["it is UTF-16"] if marked == "utf-16" else []
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        text = content.decode(FALLBACK, errors="replace")
        shown = text[max(0, error.start - 20) : error.start + 20].split("\n")[-1]
        return text, [
            f"it is not UTF-8 and is read as Windows-1252, e.g. {shown!r}; set another encoding with ENCODING="
        ]


def csv_table(text: str, where: str, target: str) -> reading.Table:
    """The table in text with any separator; `'` may be its quote, and `sep=;` may stand above it."""
    stated = _stated(text)
    body = text.split("\n", 1)[1] if stated else text
    above = _above(body, target)
    body = body[len(above) :]
    separator, quote = stated or _rare(body), _quote(body)
    told = [skipped(len(lines_of(above)) - 1)] if above else []
    told += [f"its separator is {separator!r}"] if separator else []
    if separator or quote:
        told += ["its quotes are '"] if quote else []
        mark, spaced = separator or _usual(body), separator == " "
        rows = csv.reader(
            io.StringIO(body, newline=""), delimiter=mark, quotechar=quote or '"', skipinitialspace=spaced
        )
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows(filter(None, rows))
        body = out.getvalue()
    table = reading.read_open(io.BytesIO(body.encode()), where, "csv")
    return reading.Table(table.frame, [*(f"{where}: {note}" for note in told), *table.notes])


def usual(text: str, target: str) -> bool:
    """Whether text has a usual separator, usual quotes and its header in the first line."""
    return "\x00" not in text and not (_stated(text) or _rare(text) or _quote(text) or _above(text, target))


def _stated(text: str) -> str:
    """The separator that the first line states, as Excel writes it (`sep=;`)."""
    found = re.match(r"(?i)sep=(.)\s*\n", text)
    return found[1] if found else ""


def lines_of(text: str) -> list[str]:
    """The lines of a file; other separators, such as U+2028, are text."""
    return re.split(r"\r\n|\r|\n", text)


def _above(text: str, target: str) -> str:
    """The text above the first line that names the target: titles; empty if that is the first line, or if none does."""
    above = ""
    for line in LINE.findall(text[:HEAD])[:TITLES] if target else ():
        if any(
            target in map(str.strip, row)
            for mark in csv_tables.SEPARATORS
            for row in csv.reader([line], delimiter=mark)
        ):
            return above if above.count('"') % 2 == 0 else ""
        above += line
    return ""


def skipped(lines: int) -> str:
    """A note about the lines above the header."""
    above = f"{counted(lines, 'line')} above it {be(lines)} left out"
    return f"its header is line {lines + 1}, which names the target; {above}"


def _header(text: str) -> str:
    return next((line for line in lines_of(text[:HEAD]) if line.strip()), "")


def _usual(text: str) -> str:
    return max(csv_tables.SEPARATORS, key=_header(text).count)


def _rare(text: str) -> str:
    """The separator if it is an unusual one; empty if a usual one separates, or if nothing does."""
    lines = [line for line in lines_of(text[:HEAD])[:20] if line.strip()]
    if not lines or any(mark in lines[0] for mark in csv_tables.SEPARATORS):
        return ""
    even = (mark for mark in RARE if len({len(line.split(mark)) for line in lines}) == 1 and mark in lines[0])
    return next(even, "")


def _quote(text: str) -> str:
    """A single quote if the names of all columns are in single quotes."""
    names = _header(text).split(_rare(text) or _usual(text))
    return "'" if all(len(n.strip()) > 1 and n.strip()[0] == n.strip()[-1] == "'" for n in names) else ""

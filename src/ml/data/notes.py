"""Short sentences about conversions during reading, also for hundreds of columns."""

import re

from ml.io.text import counted

TOLD = 3  # columns per kind of conversion with a full sentence
NAMED = 10  # further columns that are only named
COLUMN = re.compile(r"(?s)(?P<name>.*?): [\d,]+ of [\d,]+ values (?P<kind>.*), e\.g\. .*")
LEFT = re.compile(r"(?s)left out (?P<name>.*?): (?P<kind>every row is missing|has the name of an id .*)")
HEADER = re.compile(r"(?s).*: column (?P<name>.*) is (?P<kind>read as) .*")


def brief(notes: list[str]) -> list[str]:
    """The notes, of which the fourth and later ones of a kind become one sentence that names their columns."""
    kinds: dict[str, list[str]] = {}
    for note in notes:
        found = _match(note)
        kinds.setdefault(found["kind"] if found else note, []).append(note)
    return [sentence for told in kinds.values() for sentence in (*told[:TOLD], *_rest(told[TOLD:]))]


def _match(note: str) -> re.Match[str] | None:
    return COLUMN.fullmatch(note) or HEADER.fullmatch(note) or LEFT.fullmatch(note)


def _rest(notes: list[str]) -> list[str]:
    names = [found["name"] for note in notes if (found := _match(note))]
    if len(names) < 2:  # noqa: PLR2004  (one sentence is no longer than what would replace it)
        return notes
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return [f"the same applies to {counted(len(names), 'more column')}: {', '.join(names[:NAMED])}{more}"]

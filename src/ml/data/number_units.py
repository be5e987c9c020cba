"""Text that is a number with a unit (`0.6 kg`, `$1.2M`), a time of day or a duration."""

import re
from collections.abc import Iterable

from ml.data import numerals
from ml.data.words import MISSING

MEASURED = re.compile(
    rf"[+-]?(?:(?:{numerals.MARK}) ?)?(?!0[0-9])[0-9][0-9.,]* ?"
    r"(?P<unit>[^\W\d_][^\d\s]{0,11}|[°µΩ\"'‰][^\d\s]{0,11})",
    re.IGNORECASE,
)
NUMBERS, UNITS = 3, 3  # at least so many different ones with at most so many units: 1st, 2nd, 3rd and 4th are levels
SOME = 0.1  # of the values, if all others are plain numbers
CLOCK = r"[0-9]{1,3}:[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?( ?[AP]\.?M\.?)?"
PARTS = r"([0-9.,]+ ?(days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s) ?)+"
ISO = r"P(?=.)([0-9.]+[YMWD])*(T([0-9.]+[HMS])+)?"
DURATION = re.compile(rf"-?({CLOCK}|{PARTS}|{ISO})", re.IGNORECASE)


def times_of_day(values: Iterable[str]) -> bool:
    """Whether all values are times of day or durations, words for missing aside: `08:30`, `2h 30m`, `PT3H`."""
    words = [word for value in values if (word := value.strip()) and word.lower() not in MISSING]
    return bool(words) and all(map(DURATION.fullmatch, words))


def units(values: Iterable[str], least: float = 1.0) -> str:
    """The units of different values that are all numbers with a unit, words for missing aside; empty for others.

    With `least`, only this share of them needs a unit, and the others are plain numbers.
    """
    words = [word for value in values if (word := value.strip()) and word.lower() not in MISSING]
    found = [MEASURED.fullmatch(word) for word in words]
    named = [*dict.fromkeys(one["unit"] for one in found if one)]
    measured = sum(map(bool, found))
    if measured < max(NUMBERS, least * len(found)) or len(named) > UNITS:
        return ""
    plain = all(one or numerals.bare(word) for one, word in zip(found, words, strict=True))
    return " and ".join(named) if plain else ""

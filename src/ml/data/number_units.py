"""Text that is a number with a unit: `0.6 kg`."""

import re
from collections.abc import Iterable

from ml.data.words import MISSING

MEASURED = re.compile(r"[+-]?(?!0[0-9])[0-9][0-9.,]* ?(?P<unit>[^\W\d_][^\d\s]{0,11}|[°µΩ\"'‰][^\d\s]{0,11})")
NUMBERS, UNITS = 3, 3  # minimum distinct values for at most so many units: 1st, 2nd, 3rd and 4th are levels


def units(values: Iterable[str]) -> str:
    """The units of distinct values that are all numbers with a unit, apart from words for missing; otherwise empty."""
    words = [word for value in values if (word := value.strip()) and word.lower() not in MISSING]
    found = [MEASURED.fullmatch(word) for word in words]
    named = [*dict.fromkeys(one["unit"] for one in found if one)]
    known = all(found) and len(found) >= NUMBERS and len(named) <= UNITS
    return " and ".join(named) if known else ""

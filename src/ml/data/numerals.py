"""Numbers in people's formats: with currency and percent signs, separated thousands, decimal commas."""

import re
from collections.abc import Iterable
from typing import NamedTuple

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
SPACES = " \u00a0\u2009\u202f'\u2019"  # characters that separate thousands, including apostrophes
MARK = r"[$€£¥₹₽₩₺₪฿]|USD|EUR|GBP|CHF|JPY|kr\.?|zł"
BOUND = r"[<>≤≥]=? ?"  # before a limit of detection, which is read as the number itself
DRESSED = re.compile(
    rf"(?P<bound>{BOUND})?(?P<sign>[+-]?)[ \u00a0]?(?P<before>{MARK})?[ \u00a0]?(?P<late>[+-]?)"
    rf"(?P<digits>[0-9.,](?:[0-9.,{SPACES}]*[0-9.,])?(?:[eE][+-]?[0-9]+)?)(?:[ \u00a0\u202f]?(?P<after>{MARK}|%))?",
    re.IGNORECASE,
)
SPACED = re.compile(rf"[0-9]{{1,3}}(?:[{SPACES}][0-9]{{3}})+(?:[.,][0-9]+)?")
SCRIPTS = {0x66B: ".", 0x66C: ",", 0xFF0C: ",", 0xFF0E: ".", 0xFF05: "%", 0xFFE5: "¥"}  # Arabic, and full width
SCRIPTS |= {zero + digit: str(digit) for zero in (0x660, 0x6F0, 0x966, 0xFF10) for digit in range(10)}
PLAIN, NO_SPACES = re.compile(NUMBER), str.maketrans("", "", SPACES)
COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
THOUSANDS = {  # a separator of thousands, and the digits that identify it
    ",": re.compile(
        r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:,[0-9]{3}){2,})"
        r"|[+-]?[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?"  # lakhs, the Indian grouping
    ),
    ".": re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})"),
}
# A separator of thousands, or the decimal sign.
EITHER = {mark: re.compile(rf"[+-]?[1-9][0-9]{{0,2}}{re.escape(mark)}[0-9]{{3}}") for mark in ",."}


class Bare(NamedTuple):
    """A number without signs of currency or percent and without spaces between thousands, and the changes."""

    digits: str
    mark: str = ""
    spaced: bool = False
    script: bool = False


class Writing(NamedTuple):
    """The certain meaning of comma and point in some rows of a column."""

    decimal_commas: bool = False
    comma_thousands: bool = False
    decimal_points: bool = False
    point_thousands: bool = False

    @property
    def commas(self) -> bool:
        """Whether a comma is a decimal comma, and a point between groups of three separates thousands."""
        return (self.decimal_commas or self.point_thousands) and not (self.comma_thousands or self.decimal_points)

    @property
    def points(self) -> bool:
        """Whether a point is a decimal point, and a comma between groups of three separates thousands."""
        return (self.comma_thousands or self.decimal_points) and not (self.decimal_commas or self.point_thousands)

    def plus(self, other: "Writing") -> "Writing":
        """The format of both rows together."""
        return Writing(*(one or two for one, two in zip(self, other, strict=True)))


def bare(word: str) -> Bare | None:
    """The digits, points and commas of a stripped word that is a number; None for any other."""
    given, word = word, word.translate(SCRIPTS)
    script = word != given
    if word[-1:] == "-" and word[:1].isdigit():  # a negative number of SAP
        word = f"({word[:-1]})"
    bracketed = word[:1] == "(" and word[-1:] == ")"  # a negative number in accounting
    found = DRESSED.fullmatch((word[1:-1].strip() if bracketed else word).replace("\u2212", "-"))
    if not found or (bracketed and (found["sign"] or found["late"] or found["bound"])):
        return None
    if (found["sign"] and found["late"]) or (found["before"] and found["after"]):
        return None
    digits = found["digits"]
    spaced = any(space in digits for space in SPACES)
    if spaced and not SPACED.fullmatch(digits):
        return None
    mark = (found["bound"] or "").strip() or found["before"] or found["after"] or ""
    sign = "-" if bracketed else found["sign"] or found["late"]
    mark = "brackets or a last -, which mean a minus" if bracketed else mark
    return Bare(sign + digits.translate(NO_SPACES), mark, spaced, script)


def writing(all_digits: Iterable[str]) -> Writing:
    """The format that these bare numbers imply for their column."""
    found = Writing()
    for digits in all_digits:
        found = found.plus(_of(digits))
        if all(found):
            break
    return found


def read(digits: str, how: Writing) -> str | None:
    """A bare number as Python reads it, in a column of this format; None if two readings are left, or none."""
    comma, point = (bool(THOUSANDS[sign].fullmatch(digits)) for sign in ",.")
    if (EITHER["."].fullmatch(digits) and how.commas) or (point and not how.points):
        return digits.replace(".", "").replace(",", ".")
    if (comma and not how.commas) or (EITHER[","].fullmatch(digits) and how.points):
        return digits.replace(",", "")
    if PLAIN.fullmatch(digits):
        return digits
    unsure = EITHER[","].fullmatch(digits) and not how.commas
    decimal = COMMA.fullmatch(digits) and not unsure and not (how.decimal_points or how.comma_thousands)
    return digits.replace(",", ".") if decimal else None


def alone(word: str) -> float | None:
    """The number that a stripped word is by itself; None if it is none, or has two readings."""
    found = bare(word)
    digits = found and read(found.digits, Writing())
    return None if digits is None else float(digits)


def _of(digits: str) -> Writing:
    if THOUSANDS[","].fullmatch(digits):
        return Writing(comma_thousands=True)
    if THOUSANDS["."].fullmatch(digits):
        return Writing(point_thousands=True)
    if PLAIN.fullmatch(digits):
        return Writing(decimal_points="." in digits and not EITHER["."].fullmatch(digits))
    return Writing(decimal_commas=bool(COMMA.fullmatch(digits)) and not EITHER[","].fullmatch(digits))

"""Counts in messages have the singular or plural that fits the number."""

import ast
import re

import pytest

from ml.io.text import be, counted
from tests.conftest import ROOT

FOLDERS = ("src", "serving", "demo", "lab")
NOUNS = (
    "answer|attempt|byte|cell|character|check|class(?=es)|column|commit|day|finding|fold|gate|group|id|key|label|level"
    "|line|mistake|model|month|number|package|part|prediction|replicate|request|row|run|segment|step|text|trial|value"
    "|verdict|version|worker"
)
PLURAL = re.compile(rf" ((old|new|more|test|training|fresh|torn|unreadable|different) )?({NOUNS})(e?s)\b(?! or )")
TEXTS = {"part", "path", "project", "address", "name", "library", "capitalize", "c"}  # no numbers


def plurals(source):
    """Lines of f-strings with a variable whole number before a plural."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            for number, noun in zip(node.values, node.values[1:], strict=False):
                if counts(number) and PLURAL.match(str(getattr(noun, "value", ""))):
                    yield node.lineno


def counts(value):
    """Whether a part of an f-string is a whole number and no constant."""
    if not isinstance(value, ast.FormattedValue):
        return False
    spec = value.format_spec.values[0].value if value.format_spec else ","
    names = {n.id for n in ast.walk(value.value) if isinstance(n, ast.Name)}
    names |= {n.attr for n in ast.walk(value.value) if isinstance(n, ast.Attribute)}
    return spec in {",", "d"} and not names & TEXTS and not any(name.isupper() for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS)
def test_no_message_writes_a_plural_of_its_own(folder):
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / folder).rglob("*.py")
        for line in plurals(path.read_text())
    ]
    found += [
        str(path) for path in (ROOT / folder).rglob("*.py") if re.search(r"[ }][a-z]+\(s\)[ :.,\"]", path.read_text())
    ]

    assert found == [], "write ml.io.text.counted(number, noun)"


def test_the_check_finds_a_plural():
    assert [*plurals('f"{len(x):,} rows"\nf"{n} old versions"\nf"{LIMIT} rows"\nf"{share:.1%} rows"')] == [1, 2]


def test_one_has_no_s():
    assert [counted(n, "row") + f" {be(n)}" for n in (0, 1, 1200)] == ["0 rows are", "1 row is", "1,200 rows are"]

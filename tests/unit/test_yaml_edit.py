"""Editing YAML changes the named values and no other byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ml.io.yaml_edit import REMOVE, edited, parsed
from ml.io.yaml_inline import inline

TEXT = """\
# at the top
project:   churn   # its name

data: # the contract
  # before the file
  file: 'a.csv' # quoted
  time: day # when
  columns: # each column
    # the first
    a: { type: number, min: 0 }   # two spaces
    "b c": {type: category,
            values: [x, y]} # over two lines
  # behind the columns

# between sections

gates:
  slices: # parts
    columns: [a]
    # inside
    min: 0.7
  empty:
  words: >
    folded
    text

  # behind the text
  last: [1, 2] # no line break follows"""


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        ("project", "loans", "project:   churn   # its name\n", "project: loans   # its name\n"),
        ("data.time", REMOVE, "  time: day # when\n", ""),
        ("gates.slices", None, "# parts\n    columns: [a]\n    # inside\n    min: 0.7\n", "null # parts\n"),
        ("gates.slices.min", None, "min: 0.7", "min: null"),
        ("gates.empty", [1], "empty:\n", "empty: [1]\n"),
        ("gates.empty.deep", 1, "empty:\n", "empty: { deep: 1 }\n"),
        ("gates.words", "x", "words: >\n    folded\n    text\n", "words: x\n"),
        ("gates.last", 5, "[1, 2] # no line break follows", "5 # no line break follows\n"),
        ("data.columns.a", {"min": 1}, "{ type: number, min: 0 }   # two", "{ min: 1 }   # two"),
        ("data.columns.a.min", 3, "{ type: number, min: 0 }", "{ type: number, min: 3 }"),
        (("data", "columns", "b c"), 1, "{type: category,\n            values: [x, y]} # over", "1 # over"),
        (
            "data.columns",
            {"num": {"min": 0}},
            "    # the first\n    a: { type: number, min: 0 }   # two spaces\n"
            '    "b c": {type: category,\n            values: [x, y]} # over two lines\n',
            "    num: { min: 0 }\n",
        ),
        ("data.id", "row", "# over two lines\n", "# over two lines\n  id: row\n"),
    ],
    ids=["text", "removal", "section to null", "in a section", "nothing to list", "nothing to section", "folded text",
         "last line", "braces", "in braces", "braces over two lines", "block", "new key"],
)  # fmt: skip
def test_a_change_leaves_every_other_byte(path, value, before, after):
    assert TEXT.count(before) == 1

    assert edited(TEXT, {path: value}) == TEXT.replace(before, after)


def test_an_equal_value_is_not_written_again():
    assert edited(TEXT, {"data.file": "a.csv", "gates.slices": {"columns": ["a"], "min": 0.7}}) == TEXT


def test_anchors_keep_their_meaning():
    text = "base: &base { a: 1 }\nother: { <<: *base, b: 2 }\n"

    assert parsed(edited(text, {"other.b": 3}))["other"] == {"a": 1, "b": 3}


@given(st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False), st.text(min_size=1))
def test_any_value_with_any_name_is_read_back(value, name):
    text = f"a:\n  {inline(name)}: {inline([value, {name: value}])} # comment\nb: 1\n"

    assert YAML(typ="safe", pure=True).load(text) == {"a": {name: [value, {name: value}]}, "b": 1}

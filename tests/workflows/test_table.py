"""The table at the end of `make test-workflows` lists each scenario with its expected and its actual result."""

import ast

import pytest

from tests.workflows import table
from tests.workflows.runner import HERE

SCENARIOS = [
    (path.name, node.name, ast.get_docstring(node))
    for path in sorted(HERE.glob("test_scenarios_*.py"))
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]


def report(test, outcome="passed", when="call", **more):
    known = {"location": (test, 0, ""), "keywords": {}, "longrepr": None, "duration": 30.0}
    expects = [(table.EXPECTED, ("red, and a comment", "four linters"))]
    return pytest.TestReport(test, outcome=outcome, when=when, user_properties=expects, **known | more)


def test_a_test_outside_that_names_a_scenario_file_is_not_in_the_table():
    other = report("tests/pipeline/test_wiring.py::test_x[tests/workflows/test_scenarios_ci.py]")

    assert table.rows([other]) == []


def test_every_scenario_states_its_expected_result_in_one_line():
    assert [f"{file}::{name} has no docstring" for file, name, said in SCENARIOS if not said] == []


def test_a_failed_scenario_comes_first_with_its_expected_result_and_time():
    reports = [
        report("tests/workflows/test_scenarios_ci.py::test_a_good_one"),
        report("tests/workflows/test_scenarios_ci.py::test_a_refused_one[a size]", when="setup"),
        report("tests/workflows/test_scenarios_ci.py::test_a_refused_one[a size]", "failed"),
        report("tests/workflows/test_static.py::test_x"),
        report("tests/workflows/test_static.py::test_y", "failed"),
    ]

    found = table.rows(reports)

    assert [(row.name, row.expected, row.result, row.seconds) for row in found] == [
        ("a refused one a size", "red, and a comment", "failed", 60.0),
        ("a good one", "red, and a comment", "passed", 30.0),
        ("test_static.py", "four linters", "1 failed, 1 passed", 60.0),
    ]


def test_a_skipped_scenario_states_its_reason():
    place = ("file.py", 3, "Skipped: no engine")
    reports = [report("tests/workflows/test_scenarios_x.py::test_it", "skipped", "setup", longrepr=place)]

    [row] = table.rows(reports)

    assert (row.result, row.expected) == ("skipped", "red, and a comment Skipped: no engine")


def test_no_line_is_wider_than_a_screen_and_no_word_is_lost():
    said = " ".join(["word"] * 60)
    found = [table.Row("a scenario " * 9, said, "passed", 12345)]

    text = table.text(found)

    assert max(map(len, text.splitlines())) <= 150
    assert text.count("word") == 60
    assert text.count("scenario") == 10
    assert f"| {said} | passed | 12,345 |" in table.markdown(found)

"""The table at the end of `make test-workflows`: scenario, expected result, result, seconds; other tests by file."""

import textwrap
from collections import Counter
from dataclasses import dataclass

import pytest

from ml.io.markdown import table

EXPECTED = "expected"
OURS = "tests/workflows/"  # another test may bear the name of such a file as its parameter
HEADER = ("scenario", "expected", "result", "seconds")
WIDTHS = (44, 81, 10, 7)


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    expected: str
    result: str
    seconds: float

    def cells(self) -> list[str]:
        return [self.name, self.expected, self.result, f"{self.seconds:,.0f}"]


def is_scenario(test: str) -> bool:
    """Whether the test of this id runs a workflow."""
    return test.startswith(f"{OURS}test_scenarios_")


def expected(test: str | None, module: str | None) -> tuple[str, str]:
    """The first lines of two docstrings."""
    return _first(test), _first(module)


def rows(reports: list[pytest.TestReport]) -> list[Row]:
    """A row for each scenario and for each other file, failures first; a test has one report per phase."""
    phases: dict[str, list[pytest.TestReport]] = {}
    for report in (one for one in reports if one.nodeid.startswith(OURS)):
        phases.setdefault(report.nodeid, []).append(report)
    scenarios = [_scenario(name, found) for name, found in phases.items() if is_scenario(name)]
    files: dict[str, list[list[pytest.TestReport]]] = {}
    for name, found in phases.items():
        if not is_scenario(name):
            files.setdefault(name.partition("::")[0], []).append(found)
    rest = [_file(name, tests) for name, tests in sorted(files.items())]
    return sorted(scenarios, key=lambda row: (row.result == "passed", row.name)) + rest


def text(found: list[Row]) -> str:
    """The table for a terminal, at most 150 characters wide; long cells are wrapped."""
    lines = [_line(HEADER), _line(["-" * width for width in WIDTHS])]
    for row in found:
        wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row.cells(), WIDTHS, strict=True)]
        height = max(map(len, wrapped))
        lines += [_line([part[n] if n < len(part) else "" for part in wrapped]) for n in range(height)]
    return "\n".join(lines)


def markdown(found: list[Row]) -> str:
    """The table for GitHub."""
    return f"## Workflows, run with act\n\n{table(list(HEADER), [row.cells() for row in found])}\n"


def _scenario(name: str, phases: list[pytest.TestReport]) -> Row:
    words = name.rpartition("::test_")[2].replace("_", " ").replace("[", " ").rstrip("]")
    skipped = [report.longrepr[2] for report in phases if report.skipped and isinstance(report.longrepr, tuple)]
    return Row(words, " ".join([_expects(phases)[0], *skipped]), _result(phases), _seconds(phases))


def _file(name: str, tests: list[list[pytest.TestReport]]) -> Row:
    counts = Counter(map(_result, tests))
    result = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    return Row(name.removeprefix("tests/workflows/"), _expects(tests[0])[1], result, sum(map(_seconds, tests)))


def _result(phases: list[pytest.TestReport]) -> str:
    outcomes = {report.outcome for report in phases}
    return next((word for word in ("failed", "skipped") if word in outcomes), "passed")


def _seconds(phases: list[pytest.TestReport]) -> float:
    return sum(report.duration for report in phases)


def _expects(phases: list[pytest.TestReport]) -> tuple[str, str]:
    return dict(phases[0].user_properties)[EXPECTED]


def _first(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    *left, seconds = (cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    return "  ".join([*left, seconds.strip().rjust(WIDTHS[-1])]).rstrip()

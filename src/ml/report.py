"""The report on a pull request: Markdown that GitHub renders, verdict first."""

from typing import Any


def table(header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table; cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(_cell(c) for c in line) + " |\n" for line in lines)


def validation(result: dict[str, Any]) -> str:
    """The checks of build/validation.json, failed ones first."""
    rows = [[_mark(c), c["subject"], c["expectation"].removeprefix("expect_"), c["found"]] for c in result["checks"]]
    return table(["", "column", "expectation", f"found in {result['rows']:,} rows"], rows)


def _mark(check: dict[str, Any]) -> str:
    return "✅" if check["passed"] else "❌" if check["severity"] == "critical" else "⚠️"


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")

"""Markdown tables."""

from typing import Any


def table(header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table; what a cell holds is text, not markup."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell(c) for c in line) + " |\n" for line in lines)


def validation(result: dict[str, Any]) -> str:
    """The checks of build/validation.json, failed ones first."""
    rows = [[mark(c), c["subject"], c["expectation"].removeprefix("expect_"), c["found"]] for c in result["checks"]]
    return table(["", "column", "expectation", f"found in {result['rows']:,} rows"], rows)


def mark(check: dict[str, Any]) -> str:
    """A sign for a check or verdict: passed, refused, or warned."""
    return "✅" if check["passed"] else "❌" if check["severity"] == "critical" else "⚠️"


def cell(value: Any) -> str:
    """Text that stays in its cell, whatever it holds."""
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")

"""Sections of the build report on changed settings, changed data and the checks of the table."""

from ml.io.markdown import table, validation
from ml.io.text import counted
from ml.reports.built import Built
from ml.reports.changes import data_changes, settings_changes
from ml.tasks.target_column import in_words

MOST_ROWS = 12  # changes that are shown without a click
FIRST = ("train.", "evaluate.", "prepare.")


def settings(evidence: Built) -> str:
    """The settings that differ from the base branch."""
    if evidence.before_settings is None:
        return ""
    changed = settings_changes(evidence.settings, evidence.before_settings)
    contract = [row for row in changed if row[0].startswith("data.")]
    settings = [row for row in changed if row not in contract]
    text = ""
    for title, rows in (("Data contract", contract), ("Settings", settings)):
        if rows:
            text += f"## {title}: changed against {evidence.base}\n\n{_shortened(rows, evidence.base)}\n"
    return text


def data(evidence: Built) -> str:
    """The number of rows of the table, and its changes."""
    now = evidence.profile
    period = f", {now['period'][0]} to {now['period'][1]}" if now["period"] else ""
    text = f"## Data\n\n{counted(now['rows'], 'row')}{period}; {in_words(now)}. "
    if evidence.before_profile is None:
        has = "another table" if evidence.other_table else "no profile in this clone"
        return text + f"`{evidence.base}` has {has}, so there is nothing to compare with."
    rows = data_changes(now, evidence.before_profile)
    if not rows:
        return text + f"The same data as on `{evidence.base}`."
    return text + f"Against `{evidence.base}`:\n\n{_shortened(rows, evidence.base)}"


def _shortened(rows: list[list[str]], base: str) -> str:
    """A table of the first changes, those of training first; the others are collapsed."""
    header = ["", base, "now"]
    rows = sorted(rows, key=lambda row: not row[0].startswith(FIRST))
    if len(rows) <= MOST_ROWS:
        return table(header, rows)
    rest = rows[MOST_ROWS:]
    more = f"<details><summary>{counted(len(rest), 'more change')}</summary>\n\n{table(header, rest)}\n</details>\n"
    return f"{table(header, rows[:MOST_ROWS])}\n{more}"


def checks(evidence: Built) -> str:
    """The checks of the table; those that passed are collapsed."""
    result = evidence.validation
    failed = [c for c in result["checks"] if not c["passed"]]
    shown = validation({**result, "checks": failed}) if failed else ""
    summary = f"{len(result['checks']) - len(failed)} of {counted(len(result['checks']), 'check')} passed"
    every = f"<details><summary>All checks</summary>\n\n{validation(result)}\n</details>"
    return f"## Validation\n\n{summary}.\n\n{shown}\n{every}"

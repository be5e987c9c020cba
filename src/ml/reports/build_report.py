"""The report on a build: Markdown that GitHub renders in a comment, verdict first."""

import re
from collections.abc import Callable

from ml.io.markdown import cell, mark, table
from ml.io.text import counted
from ml.reports.built import Built, Record
from ml.reports.data_sections import checks, data, settings
from ml.reports.digits import heading, interval, number
from ml.reports.model_sections import by_class, confusion, contributions, curves, importance, metrics, training

LIMIT = 60_000  # characters; GitHub takes 65,536
ALWAYS = 3  # columns of a table of verdicts that are shown even if they are empty


def markdown(evidence: Built) -> str:
    """The whole report, at most 60,000 characters; sections that do not fit are left out and listed."""
    sections: list[Callable[[Built], str]] = [_headline]
    if evidence.verdict:
        sections += [
            _gates,
            metrics,
            settings,
            data,
            checks,
            training,
            curves,
            by_class,
            confusion,
            importance,
            contributions,
            _proof,
        ]
    else:
        sections += [checks]
    sections += [_origin]
    text, dropped = "", []
    for section in sections:
        part = section(evidence)
        if len(text) + len(part) > LIMIT - 500:
            dropped.append(getattr(section, "__name__", "").strip("_"))
        elif part:
            text += part.rstrip() + "\n\n"
    return text + (f"_Left out to limit the length: {', '.join(dropped)}; see build/report.html._\n" if dropped else "")


def _headline(evidence: Built) -> str:
    if not evidence.verdict:
        failed = [c for c in evidence.validation["checks"] if not c["passed"] and c["severity"] == "critical"]
        title = f"# ❌ {cell(evidence.project)}: the data breaks its contract"
        return f"{title}\n\n{len(failed)} failed checks stopped the pipeline; no model was trained."
    refusals = [v for v in evidence.verdict["verdicts"] if not v["passed"] and v["severity"] == "critical"]
    if not refusals:
        rival = [f"\n\nChampion: {cell(v['reason'])}." for v in evidence.verdict["verdicts"] if v.get("outcome")]
        return f"# ✅ {cell(evidence.project)}: the model passes its gates{''.join(rival)}"
    count = "1 reason" if len(refusals) == 1 else f"{len(refusals)} reasons"
    reasons = "\n".join(f"- **{cell(v['gate'])}**: {cell(v['reason'])}" for v in refusals)
    return f"# ❌ {cell(evidence.project)}: the model is refused for {count}\n\n{reasons}"


def _gates(evidence: Built) -> str:
    """The gates that refuse and warn; the gates that pass are collapsed."""
    verdicts = evidence.verdict["verdicts"]
    passed = [v for v in verdicts if v["passed"]]
    failed = sorted((v for v in verdicts if not v["passed"]), key=lambda v: v["severity"] != "critical")
    text = f"{_verdicts(failed, evidence)}\n" if failed else ""
    if passed:
        text += f"<details><summary>{len(passed)} passed</summary>\n\n{_verdicts(passed, evidence)}\n</details>"
    return f"## Gates\n\n{text}"


def _verdicts(verdicts: list[Record], evidence: Built) -> str:
    rows = [[mark(v), v["gate"], v["reason"], number(v["value"]), _limit(v), interval(v)] for v in verdicts]
    header = ["", "gate", "why", "value", "limit", heading(evidence)]
    kept = [place for place in range(len(header)) if place < ALWAYS or any(row[place] for row in rows)]
    return table([header[place] for place in kept], [[row[place] for place in kept] for row in rows])


def _limit(verdict: Record) -> str:
    spaced = re.sub(r"(?<![\d.])\d{4,}", lambda digits: f"{int(digits[0]):,}", verdict["limit"])
    return spaced.replace(" ", "\N{NO-BREAK SPACE}", 1)  # a sign stays with its number


def _proof(evidence: Built) -> str:
    proof = evidence.proof
    if proof is None:
        return (
            "## Proof of the gates\n\nThe proof was not run on this commit; `make prove` plants a fault for every gate."
        )
    rows = [
        ["✅" if r["caught"] and r["control"] else "❌", r["gate"], r["fault"], _answer(r), _control(r)]
        for r in proof["rows"]
    ]
    caught = sum(r["caught"] for r in proof["rows"])
    passed = sum(r["control"] for r in proof["rows"])
    wrong = "".join(f"- ❌ {sentence}\n" for sentence in proof["wrong"])
    every = table(["", "gate", "planted fault", "answer", "control"], rows)
    text = (
        f"{caught} of {counted(len(rows), 'planted fault')} caught; {passed} of {counted(len(rows), 'control')} "
        f"(a similar model without the fault) passed.\n\n{wrong}"
    )
    return f"## Proof of the gates\n\n{text}\n<details><summary>All faults</summary>\n\n{every}\n</details>"


def _answer(row: Record) -> str:
    return ("refused" if row["expected"] == "critical" else "warned") if row["caught"] else "let pass"


def _control(row: Record) -> str:
    return "passes" if row["control"] else "refused"


def _origin(evidence: Built) -> str:
    if not evidence.lineage:
        return ""
    return f"<sub>{' · '.join(f'{k} {v}' for k, v in evidence.lineage.items())}</sub>"

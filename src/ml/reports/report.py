"""The report on a build: Markdown that GitHub renders in a comment, verdict first."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ml.io.markdown import cell, mark, table, validation
from ml.io.text import LONG, counted, figure
from ml.reports import mermaid, training
from ml.reports.changes import data_changes, settings_changes
from ml.settings.metrics import HIGHER_IS_BETTER
from ml.tasks.compare import kept

LIMIT = 60_000  # characters; GitHub takes 65,536
BAR = 20
MOST_SIDES = 12  # classes of a table of decisions
THOUSAND = 1000  # from here on a number is a count, or as good as one
LEAST = 0.0001  # a smaller change of a larger figure is not told in digits
SMALLEST = 0.001  # below it a number is told by its power of ten

Record = dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What one build left behind, and the same of the base branch in `before_…` where that is known."""

    project: str
    validation: Record
    confidence: float = 0.95
    verdict: Record = field(default_factory=dict)
    intervals: Record = field(default_factory=dict)
    profile: Record = field(default_factory=dict)
    settings: Record = field(default_factory=dict)
    plots: dict[str, list[Record]] = field(default_factory=dict)
    lineage: Record = field(default_factory=dict)
    proof: Record | None = None
    before_metrics: Record | None = None
    before_profile: Record | None = None
    before_settings: Record | None = None
    before_plots: dict[str, list[Record]] = field(default_factory=dict)
    base: str = "main"
    other_table: bool = False  # the base branch has a model of another table: nothing is compared
    training: Record | None = None  # build/training.json
    lost: str = "ROC AUC"  # what permutation importance measures


def markdown(evidence: Evidence) -> str:
    """The whole report, at most 60,000 characters: sections that no longer fit are left out, and named."""
    sections: list[Callable[[Evidence], str]] = [_headline]
    if evidence.verdict:
        sections += [
            _gates,
            _metrics,
            _settings,
            _data,
            _checks,
            _training,
            _curves,
            _by_class,
            _confusion,
            _importance,
            _contributions,
            _proof,
        ]
    else:
        sections += [_checks]
    sections += [_origin]
    text, dropped = "", []
    for section in sections:
        part = section(evidence)
        if len(text) + len(part) > LIMIT - 500:
            dropped.append(getattr(section, "__name__", "").strip("_"))
        elif part:
            text += part.rstrip() + "\n\n"
    return text + (f"_Left out to limit the length: {', '.join(dropped)}; see build/report.html._\n" if dropped else "")


def _headline(evidence: Evidence) -> str:
    if not evidence.verdict:
        failed = [c for c in evidence.validation["checks"] if not c["passed"] and c["severity"] == "critical"]
        title = f"# ❌ {cell(evidence.project)}: the data breaks its contract"
        return f"{title}\n\n{len(failed)} failed checks stopped the pipeline; no model was trained."
    refusals = [v for v in evidence.verdict["verdicts"] if not v["passed"] and v["severity"] == "critical"]
    if not refusals:
        rival = [
            f"\n\nCompared with the champion: {cell(v['reason'])}."
            for v in evidence.verdict["verdicts"]
            if v.get("outcome")
        ]
        return f"# ✅ {cell(evidence.project)}: the model passes its gates{''.join(rival)}"
    count = "1 reason" if len(refusals) == 1 else f"{len(refusals)} reasons"
    reasons = "\n".join(f"- **{cell(v['gate'])}**: {cell(v['reason'])}" for v in refusals)
    return f"# ❌ {cell(evidence.project)}: the model is refused for {count}\n\n{reasons}"


def _gates(evidence: Evidence) -> str:
    """What is refused and what is warned of; what passes is folded away."""
    verdicts = evidence.verdict["verdicts"]
    passed = [v for v in verdicts if v["passed"]]
    failed = sorted((v for v in verdicts if not v["passed"]), key=lambda v: v["severity"] != "critical")
    text = f"{_verdicts(failed, evidence)}\n" if failed else ""
    if passed:
        text += f"<details><summary>{len(passed)} passed</summary>\n\n{_verdicts(passed, evidence)}\n</details>"
    return f"## Gates\n\n{text}"


def _verdicts(verdicts: list[Record], evidence: Evidence) -> str:
    rows = [[mark(v), v["gate"], v["reason"], _number(v["value"]), _limit(v), _interval(v)] for v in verdicts]
    return table(["", "gate", "why", "value", "limit", _heading(evidence)], rows)


def _limit(verdict: Record) -> str:
    return verdict["limit"].replace(" ", "\N{NO-BREAK SPACE}", 1)  # a sign stays with its number


def _metrics(evidence: Evidence) -> str:
    before = evidence.before_metrics or {}
    rows = [
        [
            name,
            _number(m["value"]),
            _interval(m),
            _number(before.get(name)),
            _change(name, m["value"], before.get(name)),
        ]
        for name, m in ((name, evidence.intervals[name]) for name in HIGHER_IS_BETTER if name in evidence.intervals)
    ]
    has = "a model of another table" if evidence.other_table else "no metrics in this clone"
    note = "" if before else f"\n`{evidence.base}` has {has}, so there is nothing to compare with.\n"
    header = ["metric", "value", _heading(evidence), evidence.base, "change"]
    return "## Metrics on the test rows\n\n" + table(header, rows) + note


def _settings(evidence: Evidence) -> str:
    if evidence.before_settings is None:
        return ""
    changed = settings_changes(evidence.settings, evidence.before_settings)
    contract = [row for row in changed if row[0].startswith("data.")]
    settings = [row for row in changed if row not in contract]
    text = ""
    for title, rows in (("Data contract", contract), ("Settings", settings)):
        if rows:
            text += f"## {title}: changed against {evidence.base}\n\n" + table(["", evidence.base, "now"], rows) + "\n"
    return text


def _data(evidence: Evidence) -> str:
    now = evidence.profile
    period = f", {now['period'][0]} to {now['period'][1]}" if now["period"] else ""
    text = f"## Data\n\n{counted(now['rows'], 'row')}{period}; {_target(now)}. "
    if evidence.before_profile is None:
        return text + f"`{evidence.base}` has no profile to compare with."
    rows = data_changes(now, evidence.before_profile)
    if not rows:
        return text + f"The same data as on `{evidence.base}`."
    return text + f"Against `{evidence.base}`:\n\n" + table(["", evidence.base, "now"], rows)


def _target(profile: Record) -> str:
    """The target of a table in a few words."""
    if "positive" in profile:
        return f"{profile['positive']:.1%} positive"
    if "classes" in profile:
        return ", ".join(f"{share:.1%} {cell(name)}" for name, share in profile["classes"].items())
    return f"mean {profile['mean']:,.6g}, standard deviation {profile['std']:,.6g}"


def _checks(evidence: Evidence) -> str:
    result = evidence.validation
    failed = [c for c in result["checks"] if not c["passed"]]
    shown = validation({**result, "checks": failed}) if failed else ""
    summary = f"{len(result['checks']) - len(failed)} of {counted(len(result['checks']), 'check')} passed"
    every = f"<details><summary>All checks</summary>\n\n{validation(result)}\n</details>"
    return f"## Validation\n\n{summary}.\n\n{shown}\n{every}"


def _curves(evidence: Evidence) -> str:
    drawn = []
    if "roc" in evidence.plots:
        roc = evidence.plots["roc"]
        drawn += [mermaid.roc(roc) if roc else "No ROC curve: all test rows have one class."]
    charts = {"by_class": mermaid.by_class, "predicted": mermaid.predicted, "coverage": mermaid.coverage}
    charts |= {"calibration": mermaid.calibration}
    drawn += [draw(evidence.plots[name]) for name, draw in charts.items() if evidence.plots.get(name)]
    return "\n\n".join(drawn)


def _confusion(evidence: Evidence) -> str:
    if not evidence.plots.get("confusion"):
        return ""
    count = {(c["actual"], c["predicted"]): f"{c['rows']:,.0f}" for c in evidence.plots["confusion"]}
    sides = [*dict.fromkeys(c["actual"] for c in evidence.plots["confusion"])]
    if len(sides) > MOST_SIDES:
        return _confused(evidence.plots["confusion"])
    rows = [[f"actually {a}", *(count[a, p] for p in sides)] for a in sides]
    return "## Decisions\n\n" + table(["", *(f"predicted {p}" for p in sides)], rows)


def _confused(cells: list[Record]) -> str:
    """The most frequent wrong decisions, where there are too many classes for a table of all."""
    wrong = sorted((c for c in cells if c["actual"] != c["predicted"] and c["rows"]), key=lambda c: -c["rows"])
    rows = [[c["actual"], c["predicted"], f"{c['rows']:,.0f}"] for c in wrong[:BAR]]
    return f"## Decisions: the {len(rows)} most frequent wrong ones\n\n{table(['actually', 'predicted', 'rows'], rows)}"


def _training(evidence: Evidence) -> str:
    return training.section(evidence.training)


def _by_class(evidence: Evidence) -> str:
    """Recall, precision and F1 of each class with their intervals."""
    points = evidence.plots.get("by_class")
    if not points:
        return ""
    names = ("recall", "precision", "f1")
    rows = [[p["class"], f"{p['rows']:,.0f}", *(_with_ends(p, name) for name in names)] for p in points]
    text = f"## Each class\n\nIn brackets the {_heading(evidence)}.\n\n"
    return text + table(["class", "test rows", *names], rows)


def _with_ends(point: Record, name: str) -> str:
    return f"{point[name]:.3f} ({point[f'{name}_low']:.3f} to {point[f'{name}_high']:.3f})"


def _importance(evidence: Evidence) -> str:
    points = evidence.plots.get("importance")
    if points is None:
        return ""
    if not points:
        return "## Importance\n\nUnknown: all test rows have one class."
    top = max(p["importance"] for p in points) or 1
    rows = [[p["column"], _loss(p), "█" * max(0, round(BAR * p["importance"] / top))] for p in points]
    return f"## Importance: decrease of {evidence.lost} when a column is shuffled\n\n" + table(
        ["column", "loss", ""], rows
    )


def _contributions(evidence: Evidence) -> str:
    points = evidence.plots.get("contributions")
    if not points:
        return ""
    top = points[0]["contribution"] or 1
    rows = [[p["column"], f"{p['contribution']:.4f}", "█" * round(BAR * p["contribution"] / top)] for p in points]
    title = "## Contributions: mean absolute contribution of each column to the score (SHAP)\n\n"
    return title + table(["column", "mean size", ""], rows)


def _loss(point: Record) -> str:
    return f"{round(point['importance'], 4) + 0.0:.4f} ± {point['deviation']:.4f}"  # + 0.0: no minus before a zero


def _proof(evidence: Evidence) -> str:
    proof = evidence.proof
    if proof is None:
        return (
            "## Proof of the gates\n\nThe proof was not run on this commit; `make prove` plants a fault for every gate."
        )
    rows = [
        ["✅" if r["caught"] and r["neighbour"] else "❌", r["gate"], r["fault"], _answer(r), _neighbour(r)]
        for r in proof["rows"]
    ]
    caught = sum(r["caught"] and r["neighbour"] for r in proof["rows"])
    wrong = "".join(f"- ❌ {sentence}\n" for sentence in proof["wrong"])
    every = table(["", "gate", "planted fault", "answer", "good neighbour"], rows)
    text = (
        f"{caught} of {counted(len(rows), 'planted fault')} caught, and the similar models without "
        f"the fault passed.\n\n{wrong}"
    )
    return f"## Proof of the gates\n\n{text}\n<details><summary>All faults</summary>\n\n{every}\n</details>"


def _answer(row: Record) -> str:
    return ("refused" if row["expected"] == "critical" else "warned") if row["caught"] else "let pass"


def _neighbour(row: Record) -> str:
    return "passes" if row["neighbour"] else "refused"


def _origin(evidence: Evidence) -> str:
    if not evidence.lineage:
        return ""
    return f"<sub>{' · '.join(f'{k} {v}' for k, v in evidence.lineage.items())}</sub>"


def _change(name: str, now: float | None, before: float | None) -> str:
    if before is None or now is None:
        return ""
    if kept(now - before) == 0:
        return "="
    good = (now > before) == HIGHER_IS_BETTER[name]
    small = abs(now - before) < LEAST < abs(now)
    size = f"under {LEAST:.4f}" if small else figure(now - before, 4, sign=True)
    return f"{size} {'better' if good else 'worse'}"


def _interval(found: Record) -> str:
    ends = [] if found.get("low") is None else [figure(found["low"]), "to", figure(found["high"])]
    return "\N{NO-BREAK SPACE}".join(ends)


def _heading(evidence: Evidence) -> str:
    return f"{evidence.confidence:.0%} interval"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= LONG:
        return figure(value)
    if float(value).is_integer() or abs(value) >= THOUSAND:
        return f"{value:,.0f}"
    return f"{value:.4f}".rstrip("0") if abs(value) >= SMALLEST else f"{value:.1e}"

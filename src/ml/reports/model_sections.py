"""Sections of the build report on the model: metrics, curves, decisions, importance."""

from ml.io.markdown import table
from ml.io.text import figure
from ml.reports import mermaid
from ml.reports.built import Built, Record
from ml.reports.digits import change, heading, interval
from ml.reports.training import section
from ml.settings.metric_names import HIGHER_IS_BETTER

BAR = 20
MOST_SIDES = 12  # classes of a table of decisions


def metrics(evidence: Built) -> str:
    """The metrics with their intervals, and those of the base branch."""
    before = evidence.before_metrics or {}
    rows = [
        [
            name,
            _decimals(m["value"]),
            interval(m),
            _decimals(before.get(name)),
            change(name, m["value"], before.get(name)),
        ]
        for name, m in ((name, evidence.intervals[name]) for name in HIGHER_IS_BETTER if name in evidence.intervals)
    ]
    has = "a model of another table" if evidence.other_table else "no metrics in this clone"
    note = "" if before else f"\n`{evidence.base}` has {has}, so there is nothing to compare with.\n"
    header = ["metric", "value", heading(evidence), evidence.base, "change"]
    shown = len(header) if before else 3
    return "## Metrics on the test rows\n\n" + table(header[:shown], [row[:shown] for row in rows]) + note


def _decimals(value: float | None) -> str:
    """A metric with the same number of decimals in each row; empty if it is unknown."""
    return "" if value is None else figure(value, 4)


def curves(evidence: Built) -> str:
    """The curves of the plots, as charts."""
    drawn = []
    if "roc" in evidence.plots:
        roc = evidence.plots["roc"]
        drawn += [mermaid.roc(roc) if roc else "No ROC curve: all test rows have one class."]
    charts = {"by_class": mermaid.by_class, "predicted": mermaid.predicted, "coverage": mermaid.coverage}
    charts |= {"calibration": mermaid.calibration}
    drawn += [draw(evidence.plots[name]) for name, draw in charts.items() if evidence.plots.get(name)]
    return "\n\n".join(drawn)


def confusion(evidence: Built) -> str:
    """The confusion matrix: rows by actual and predicted class."""
    if not evidence.plots.get("confusion"):
        return ""
    count = {(c["actual"], c["predicted"]): f"{c['rows']:,.0f}" for c in evidence.plots["confusion"]}
    sides = [*dict.fromkeys(c["actual"] for c in evidence.plots["confusion"])]
    if len(sides) > MOST_SIDES:
        return _confused(evidence.plots["confusion"])
    if len(sides) > 2:  # noqa: PLR2004  (short headings, so that the table fits a page)
        head = "In each row the actual class, in each column the predicted class.\n\n"
        return f"## Decisions\n\n{head}" + table(["", *sides], [[a, *(count[a, p] for p in sides)] for a in sides])
    rows = [[f"actually {a}", *(count[a, p] for p in sides)] for a in sides]
    return "## Decisions\n\n" + table(["", *(f"predicted {p}" for p in sides)], rows)


def _confused(cells: list[Record]) -> str:
    """The most frequent wrong decisions, for a target with too many classes for a whole matrix."""
    wrong = sorted((c for c in cells if c["actual"] != c["predicted"] and c["rows"]), key=lambda c: -c["rows"])
    rows = [[c["actual"], c["predicted"], f"{c['rows']:,.0f}"] for c in wrong[:BAR]]
    return f"## Decisions: the {len(rows)} most frequent wrong ones\n\n{table(['actually', 'predicted', 'rows'], rows)}"


def training(evidence: Built) -> str:
    """The section on training."""
    return section(evidence.training)


def by_class(evidence: Built) -> str:
    """Recall, precision and F1 of each class with their intervals."""
    points = evidence.plots.get("by_class")
    if not points:
        return ""
    names = ("recall", "precision", "f1")
    rows = [[p["class"], f"{p['rows']:,.0f}", *(_with_ends(p, name) for name in names)] for p in points]
    text = f"## Each class\n\nIn brackets the {heading(evidence)}.\n\n"
    return text + table(["class", "test rows", *names], rows)


def _with_ends(point: Record, name: str) -> str:
    return f"{point[name]:.3f} ({point[f'{name}_low']:.3f} to {point[f'{name}_high']:.3f})"


def importance(evidence: Built) -> str:
    """The decrease of the metric when a column is shuffled."""
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


def contributions(evidence: Built) -> str:
    """The mean absolute contribution of each column to the score."""
    points = evidence.plots.get("contributions")
    if not points:
        return ""
    top = points[0]["contribution"] or 1
    rows = [[p["column"], f"{p['contribution']:.4f}", "█" * round(BAR * p["contribution"] / top)] for p in points]
    title = "## Contributions: mean absolute contribution of each column to the score (SHAP)\n\n"
    return title + table(["column", "mean size", ""], rows)


def _loss(point: Record) -> str:
    return f"{round(point['importance'], 4) + 0.0:.4f} ± {point['deviation']:.4f}"  # + 0.0 removes the minus of -0.0

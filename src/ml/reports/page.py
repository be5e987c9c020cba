"""The report as one HTML file with real plots, readable offline."""

import re
from collections.abc import Callable
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from ml.io.text import WHOLE
from ml.reports.build_report import markdown
from ml.reports.built import Built
from ml.reports.look import BLUE, DRAWN, GREY, ORANGE, document, inline, label, rendered

MOST_CLASSES, MOST_BARS, MOST_TICKS = 10, 20, 5
WIDTH, HEIGHT, ROW = 5, 4, 0.27  # inches of a plot, and of a row with a label
LONG = 100_000  # numbers from here on leave room for three ticks
APART = (BLUE, ORANGE, "#009e73", "#cc79a7", "#8c6d00")  # five colours, then the same dashed
CURVES = {"roc": ("fpr", "tpr"), "precision_recall": ("recall", "precision")}


def html(evidence: Built) -> str:
    """The Markdown report as a self-contained page; plots replace the charts that GitHub renders."""
    text = markdown(evidence)
    if evidence.plots.get("importance"):
        text = re.sub(r"## (Importance|Contributions).*?(?=\n## |\n<sub>)", "", text, flags=re.DOTALL)  # drawn below
    body = rendered(text)
    if evidence.plots:
        head, found, rest = body.partition("<h2>Validation</h2>")
        curve = (evidence.training or {}).get("curve") or {}
        pictures = plots(evidence.plots | {"learning": curve.get("points", [])}, evidence.before_plots, evidence.base)
        body = f"{head}<h2>Plots</h2><div class='plots'>{pictures}</div>{found}{rest}"
    return document(f"{evidence.project}: report", body)


Points = list[dict[str, Any]]


def plots(points: dict[str, Points], before: dict[str, Points] | None = None, base: str = "main") -> str:
    """Every plot that has points, as inline SVG, with the curves of `before`, labelled `base`."""
    draw = {
        "roc": _roc, "roc_by_class": _roc_by_class, "precision_recall": _precision_recall, "predicted": _predicted,
        "residuals": _residuals, "coverage": _coverage, "by_class": _by_class, "calibration": _calibration,
        "importance": _importance,
        "contributions": _contributions, "learning": _learning,
    }  # fmt: skip
    old, there = before or {}, [name for name in draw if points.get(name)]
    return "".join(_svg(draw[name], points[name], _beside(name, old.get(name), base)) for name in there)


def _beside(name: str, points: Points | None, base: str) -> Callable[[Axes], None]:
    """The function that draws the curve of the base branch, if there is one."""
    if not points or name not in CURVES:
        return lambda _: None
    x, y = CURVES[name]
    line = [p[x] for p in points], [p[y] for p in points]

    def draw(axes: Axes) -> None:
        axes.plot(*line, color=ORANGE, linestyle=":", label=label(base))
        axes.legend(frameon=False, loc="lower left" if name == "precision_recall" else "lower right")

    return draw


def _svg(draw: Any, points: Points, beside: Callable[[Axes], None]) -> str:
    # A fixed salt and no date: the same points give the same file.
    with mpl.rc_context({**DRAWN, "svg.hashsalt": "report"}):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes, points)
        beside(axes)
        _space(axes)
        return inline(figure)


def _space(axes: Axes) -> None:
    """Use few ticks with separated thousands for large numbers, so that labels do not collide."""
    for axis in (axes.xaxis, axes.yaxis):
        if max(map(abs, axis.get_view_interval())) >= WHOLE:
            axis.set_major_locator(MaxNLocator(3 if max(map(abs, axis.get_view_interval())) >= LONG else MOST_TICKS))
            axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _roc(axes: Axes, points: list[dict[str, Any]]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="chance")
    axes.plot([p["fpr"] for p in points], [p["tpr"] for p in points], color=BLUE, label="model")
    axes.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, loc="lower right")


def _precision_recall(axes: Axes, points: list[dict[str, Any]]) -> None:
    axes.plot([p["recall"] for p in points], [p["precision"] for p in points], color=BLUE, label="model")
    axes.set(title="Precision and recall", xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))


def _calibration(axes: Axes, points: list[dict[str, Any]]) -> None:
    most = max(p["rows"] for p in points)
    axes.bar(
        [p["predicted"] for p in points],
        [p["rows"] / most for p in points],
        width=0.05,
        color=GREY,
        alpha=0.3,
        label="rows",
    )
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfect")
    axes.plot([p["predicted"] for p in points], [p["observed"] for p in points], color=BLUE, marker="o", label="model")
    axes.set(title="Calibration", xlabel="mean score of the bin", ylabel="observed share", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, loc="upper left")


def _roc_by_class(axes: Axes, points: Points) -> None:
    """A curve for each class, at most the first ten."""
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--")
    names = [*dict.fromkeys(str(p["class"]) for p in points)][:MOST_CLASSES]
    for place, name in enumerate(names):
        own = [p for p in points if str(p["class"]) == name]
        line = "-" if place < len(APART) else "--"
        colour = APART[place % len(APART)]
        axes.plot([p["fpr"] for p in own], [p["tpr"] for p in own], line, color=colour, label=label(name))
    axes.set(title="ROC, each class against the rest", xlabel="false positive rate", ylabel="true positive rate")
    axes.legend(frameon=False, loc="lower right", ncols=1 + (len(names) > len(APART)))


def _predicted(axes: Axes, points: Points) -> None:
    actual, predicted = [p["actual"] for p in points], [p["predicted"] for p in points]
    ends = [min(actual + predicted), max(actual + predicted)]
    axes.plot(ends, ends, color=GREY, linestyle="--", label="perfect")
    axes.scatter(actual, predicted, s=10, color=BLUE, alpha=0.6, label="test rows")
    axes.set(title="Predicted against actual", xlabel="actual", ylabel="predicted")
    axes.legend(frameon=False, loc="upper left")


def _residuals(axes: Axes, points: Points) -> None:
    low, width = [p["low"] for p in points], [p["high"] - p["low"] for p in points]
    axes.bar(low, [p["rows"] for p in points], width=width, align="edge", color=BLUE)
    axes.axvline(0, color=GREY, linestyle="--")
    axes.set(title="Residuals", xlabel="predicted minus actual", ylabel="rows")


def _coverage(axes: Axes, points: Points) -> None:
    x = [p["predicted"] for p in points]
    axes.plot(x, [p["promised"] for p in points], color=GREY, linestyle="--", label="nominal")
    axes.plot(x, [p["coverage"] for p in points], color=BLUE, marker="o", label="tenths of test rows")
    axes.set(
        title="Coverage of the interval", xlabel="mean predicted value", ylabel="observed coverage", ylim=(0, 1.01)
    )
    axes.legend(frameon=False, loc="lower left")


def _by_class(axes: Axes, points: Points) -> None:
    """Recall and precision of each class, with intervals, of at most the twenty classes with the lowest recall."""
    rows = sorted(points, key=lambda p: p["recall"])[:MOST_BARS][::-1] if len(points) > MOST_BARS else points[::-1]
    for shift, name, colour in ((0.15, "recall", BLUE), (-0.15, "precision", ORANGE)):
        values = [p[name] for p in rows]
        ends = [[abs(p[name] - p[f"{name}_{end}"]) for p in rows] for end in ("low", "high")]
        places = [place + shift for place in range(len(rows))]
        axes.errorbar(values, places, xerr=ends, color=colour, marker="o", linestyle="", capsize=2, label=name)
    axes.set_yticks(range(len(rows)), [label(str(p["class"])) for p in rows])
    axes.set(title="Each class", xlabel="share", xlim=(0, 1.01))
    cast("Figure", axes.figure).legend(frameon=False, loc="outside lower center", ncols=2)


def _contributions(axes: Axes, points: list[dict[str, Any]]) -> None:
    rows = points[::-1]
    axes.barh(range(len(rows)), [p["contribution"] for p in rows], color=BLUE)
    axes.set_yticks(range(len(rows)), [label(p["column"]) for p in rows])
    axes.set_title("Contributions (SHAP)")
    _wide(axes, len(rows), "mean absolute contribution to the score")


def _learning(axes: Axes, points: Points) -> None:
    for side, name in {"train": "training rows", "held": "held-back rows"}.items():
        known = [p for p in points if side in p]
        if known:
            axes.plot([p["round"] for p in known], [p[side] for p in known], label=name)
    axes.set(title="Learning curve", xlabel="round", ylabel="loss")
    axes.legend(frameon=False, loc="upper right")


def _importance(axes: Axes, points: list[dict[str, Any]]) -> None:
    rows = points[::-1]
    places, losses = range(len(rows)), [p["importance"] for p in rows]
    axes.barh(places, losses, xerr=[p["deviation"] for p in rows], color=BLUE)
    axes.set_yticks(places, [label(p["column"]) for p in rows])
    axes.set_title("Importance")
    _wide(axes, len(rows), "decrease when the column is shuffled")


def _wide(axes: Axes, rows: int, name: str) -> None:
    """Make room for the label of each row, and centre the name of the axis on the figure."""
    figure = cast("Figure", axes.figure)
    figure.set_size_inches(WIDTH, max(HEIGHT, rows * ROW + 1))
    figure.supxlabel(name, fontsize="medium")

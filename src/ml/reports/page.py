"""The report as one HTML file with real plots, readable offline."""

import io
import re
import warnings
from html import escape
from typing import Any

import matplotlib as mpl
from markdown_it import MarkdownIt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml.io.text import visible
from ml.reports.report import Evidence, markdown

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid #d1d9e0; padding: .3rem .7rem; text-align: left; vertical-align: top; }
td:not(:last-child) { white-space: nowrap; }
th { background: #f6f8fa; } tr:nth-child(even) td { background: #fafbfc; }
h1 { border-bottom: 1px solid #d1d9e0; padding-bottom: .4rem; } h2 { margin-top: 2rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1rem; }
.plots svg { width: 100%; height: auto; } sub { color: #59636e; }
"""
POLICY = (
    "<meta http-equiv='Content-Security-Policy' "
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">"
)
DRAWN = {"font.size": 10, "svg.fonttype": "none", "text.parse_math": False}  # a $ in a column's name is a dollar
LONGEST = 24  # characters of a label in a picture
BLUE, GREY = "#0969da", "#8c959f"


def html(evidence: Evidence) -> str:
    """The Markdown report as a self-contained page; the charts that GitHub would draw are replaced by plots."""
    text = re.sub(r"```mermaid\n.*?```\n*", "", markdown(evidence), flags=re.DOTALL)
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    if evidence.plots:
        head, found, rest = body.partition("<h2>Validation</h2>")
        body = f"{head}<h2>Plots</h2><div class='plots'>{plots(evidence.plots)}</div>{found}{rest}"
    return document(f"{evidence.project}: report", STYLE, body)


def document(title: str, style: str, body: str) -> str:
    """A page that runs no script and loads nothing, whatever its body holds."""
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'>{POLICY}<title>{escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width'><style>{style}</style></head><body>{body}</body></html>\n"
    )


def plots(points: dict[str, list[dict[str, Any]]]) -> str:
    """ROC, precision-recall, calibration and importance as inline SVG."""
    draw = {"roc": _roc, "precision_recall": _precision_recall, "calibration": _calibration, "importance": _importance}
    return "".join(_svg(draw[name], points[name]) for name in draw if points[name])


def _svg(draw: Any, points: list[dict[str, Any]]) -> str:
    # A fixed salt and no date: the same points give the same file.
    with mpl.rc_context(DRAWN | {"svg.hashsalt": "report"}):
        figure = Figure(figsize=(5, 4), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes, points)
        return inline(figure)


def label(name: str) -> str:
    """A column's name that leaves room for the picture beside it."""
    shown = visible(name)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def inline(figure: Figure) -> str:
    """A figure as SVG for a page, whose reader's own fonts draw the text: matplotlib's need not hold every letter."""
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    return svg[svg.index("<svg") :]


def _roc(axes: Axes, points: list[dict[str, Any]]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="chance")
    axes.plot([p["fpr"] for p in points], [p["tpr"] for p in points], color=BLUE, label="model")
    axes.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, loc="lower right")


def _precision_recall(axes: Axes, points: list[dict[str, Any]]) -> None:
    axes.plot([p["recall"] for p in points], [p["precision"] for p in points], color=BLUE)
    axes.set(title="Precision and recall", xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))


def _calibration(axes: Axes, points: list[dict[str, Any]]) -> None:
    most = max(p["rows"] for p in points)
    axes.bar(
        [p["predicted"] for p in points], [p["rows"] / most for p in points], width=0.05, color="#ddf4ff", label="rows"
    )
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfect")
    axes.plot([p["predicted"] for p in points], [p["observed"] for p in points], color=BLUE, marker="o", label="model")
    axes.set(title="Calibration", xlabel="mean score of the bin", ylabel="share positive", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, loc="upper left")


def _importance(axes: Axes, points: list[dict[str, Any]]) -> None:
    rows = points[::-1]
    places, losses = range(len(rows)), [p["importance"] for p in rows]
    axes.barh(places, losses, xerr=[p["deviation"] for p in rows], color=BLUE)
    axes.set_yticks(places, [label(p["column"]) for p in rows])
    axes.set(title="Importance", xlabel="ROC AUC lost when the column is shuffled")

"""All verdicts of monitoring over time as one HTML file, readable offline."""

from collections import Counter
from datetime import datetime
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ml.io.text import counted
from ml.reports.look import BLUE, DRAWN, GREY, document, inline, label

Record = dict[str, Any]

COLOUR = {"stable": "#1a7f37", "drift": "#bf8700", "degraded": "#cf222e", "not enough data": "#8c959f"}
MOST = 20  # columns in the plot: those that drifted most often


def html(project: str, verdicts: list[Record], versions: dict[str, int]) -> str:
    """The page, with separate sections for real and simulated predictions.

    `versions` maps registered models to numbers.
    """
    groups = {"Predictions of real requests": False, "Simulated predictions": True}
    parts = [(title, [v for v in verdicts if v["simulated"] == simulated]) for title, simulated in groups.items()]
    body = "".join(_part(title, sorted(part, key=_when), versions) for title, part in parts if part)
    title = f"{project}: monitoring"
    return document(title, f"<h1>{escape(title)}</h1>{body}", MORE)


def _when(verdict: Record) -> tuple[str, str]:
    return verdict["until"], verdict["time"]


def _part(title: str, verdicts: list[Record], versions: dict[str, int]) -> str:
    """Verdicts of one kind, by the end of their windows."""
    counts = Counter(v["verdict"] for v in verdicts)
    said = ", ".join(f"{counts[name]:,} {name}" for name in COLOUR if counts[name])
    number = counted(len(verdicts), "verdict")
    return f"<h2>{title}</h2><p>{number}: {said}.</p>{_svg(verdicts, versions)}{_table(verdicts, versions)}"


MORE = (
    "td:last-child { min-width: 20rem; } td:not(:last-child) { white-space: nowrap; } "
    ".dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; }"
)


def _svg(verdicts: list[Record], versions: dict[str, int]) -> str:
    """Three plots in one column: verdicts, performance and drifted columns."""
    moved = Counter(name for v in verdicts for name in v["drifted"])
    columns = [name for name, _ in moved.most_common(MOST)]
    heights = [0.9, 2.6, max(0.6, 0.24 * len(columns))]
    with mpl.rc_context({**DRAWN, "svg.hashsalt": "monitoring"}):
        figure = Figure(figsize=(10, sum(heights) + 1.2), layout="constrained")
        top, middle, bottom = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights})
        for axes in (top, middle, bottom):
            axes.spines[["top", "right"]].set_visible(False)
        places = range(len(verdicts))
        _verdicts(top, verdicts)
        _performance(middle, verdicts)
        _columns(bottom, verdicts, columns)
        _releases((top, middle, bottom), verdicts, versions)
        labels = [f"{_day(v['until'])}" for v in verdicts]
        step = max(1, len(labels) // 12)
        bottom.set_xticks([*places][::step], labels[::step], rotation=30, ha="right")
        bottom.set_xlim(-0.5, len(verdicts) - 0.5)
        return inline(figure)


def _verdicts(axes: Axes, verdicts: list[Record]) -> None:
    axes.scatter(range(len(verdicts)), [0] * len(verdicts), c=[COLOUR[v["verdict"]] for v in verdicts], s=60)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    seen = [name for name in COLOUR if any(v["verdict"] == name for v in verdicts)]
    handles = [Line2D([], [], marker="o", linestyle="", color=COLOUR[name], label=name) for name in seen]
    axes.legend(handles=handles, frameon=False, ncols=len(seen), loc="lower center", bbox_to_anchor=(0.5, 0.6))


def _performance(axes: Axes, verdicts: list[Record]) -> None:
    points = [(place, v) for place, v in enumerate(verdicts) if v["value"] is not None]
    metric = next((v["metric"] for _, v in reversed(points)), "performance")
    axes.set_ylabel(metric)
    if not points:
        axes.text(0.5, 0.5, "no labels yet", transform=axes.transAxes, ha="center", color=GREY)
        return
    points = [(place, v) for place, v in points if v["metric"] == metric]
    x, values = [place for place, _ in points], [v["value"] for _, v in points]
    low, high = ([abs(v[end] - v["value"]) for _, v in points] for end in ("low", "high"))
    axes.errorbar(x, values, yerr=[low, high], color=BLUE, marker="o", capsize=3, label="on the newest labels")
    release = [float("nan") if v["at_release"] is None else v["at_release"] for _, v in points]
    axes.step(x, release, where="mid", color=GREY, linestyle="--", label="at release")
    axes.legend(frameon=False, loc="best")


def _columns(axes: Axes, verdicts: list[Record], columns: list[str]) -> None:
    dots = [(x, columns.index(n)) for x, v in enumerate(verdicts) for n in v["drifted"] if n in columns]
    axes.scatter([x for x, _ in dots], [y for _, y in dots], marker="s", s=40, color=COLOUR["drift"])
    axes.set_yticks(range(len(columns)), [label(name) for name in columns])
    axes.set_ylim(max(1, len(columns)) - 0.5, -0.5)
    axes.set_xlabel("end of the window")
    axes.grid(axis="y", color="#eaeef2")
    axes.set_axisbelow(True)
    if not columns:
        axes.text(0.5, 0.5, "no column has shifted", transform=axes.transAxes, ha="center", va="center", color=GREY)


def _releases(rows: tuple[Axes, ...], verdicts: list[Record], versions: dict[str, int]) -> None:
    """A vertical line at the first verdict on each model."""
    for place in range(1, len(verdicts)):
        model = verdicts[place]["model"]
        if model != verdicts[place - 1]["model"]:
            for axes in rows:
                axes.axvline(place - 0.5, color=GREY, linewidth=0.8)
            named = f" {versions[model]}" if model in versions else ""
            rows[1].annotate(
                f"version{named}" if named else "another build", (place - 0.5, 1), (4, -2), color=GREY, va="top",
                xycoords=("data", "axes fraction"), textcoords="offset points",
            )  # fmt: skip


def _table(verdicts: list[Record], versions: dict[str, int]) -> str:
    head = ["verdict", "judged at (UTC)", "window until", "version", "rows (labelled)", "what was found"]
    lines = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{_row(v, versions)}</tr>" for v in reversed(verdicts))
    return f"<table><thead><tr>{lines}</tr></thead><tbody>{body}</tbody></table>"


def _row(v: Record, versions: dict[str, int]) -> str:
    dot = f"<span class='dot' style='background: {COLOUR[v['verdict']]}'></span>"
    version = str(versions.get(v["model"], "none"))
    moment = f"{datetime.fromisoformat(v['time']):%Y-%m-%d %H:%M}"
    cells = [moment, _day(v["until"]), version, f"{v['rows']:,} ({v['labelled']:,})", v["reason"]]
    return f"<td>{dot}{v['verdict']}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells)


def _day(moment: str) -> str:
    return moment[:10]

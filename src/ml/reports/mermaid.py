"""Mermaid charts, which GitHub renders from Markdown."""

from itertools import pairwise
from typing import Any

from ml.io.text import visible

STEPS = 20
LONGEST = 24  # characters of a name
COLOURS = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#54aeff, #57606a"}}}}%%'

Record = dict[str, Any]


def roc(points: list[Record]) -> str:
    """The ROC curve and the line of chance."""
    curve = [_at(points, i / STEPS) for i in range(STEPS + 1)]
    chance = [i / STEPS for i in range(STEPS + 1)]
    title = "ROC curve: upper line the model, lower line chance"
    return _chart(title, _shares("false positive rate"), _shares("true positive rate"), _line(curve), _line(chance))


def calibration(points: list[Record]) -> str:
    """The observed share and the mean score of each bin."""
    x = _axis("mean score of the bin", [f"{p['predicted']:.2f}" for p in points])
    bars, line = _values(points, "observed"), _values(points, "predicted")
    return _chart(
        "Calibration: bars observed share, line mean score", x, _shares("observed share"), _bar(bars), _line(line)
    )


def by_class(points: list[Record]) -> str:
    """Recall and precision of each class."""
    x = _axis("class", [_plain(p["class"]) for p in points])
    bars, line = _values(points, "recall"), _values(points, "precision")
    return _chart("Each class: bars recall, line precision", x, _shares("share"), _bar(bars), _line(line))


def predicted(points: list[Record]) -> str:
    """The mean predicted and the mean actual value of rows with similar actual values."""
    ordered = sorted(points, key=lambda p: p["actual"])
    size = max(1, len(ordered) // STEPS)
    parts = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    lines = [[sum(p[name] for p in part) / len(part) for part in parts] for name in ("predicted", "actual")]
    x = _axis("actual value", [f"{value:.4g}" for value in lines[1]])
    return _lines("Predicted against actual: first line predicted, second line actual", x, "value", lines)


def coverage(points: list[Record]) -> str:
    """The observed and the nominal coverage of intervals, by predicted value."""
    x = _axis("mean predicted value of a tenth of the rows", [f"{p['predicted']:.4g}" for p in points])
    bars, line = _values(points, "coverage"), _values(points, "promised")
    title = "Coverage of the interval: bars observed, line nominal"
    return _chart(title, x, _shares("share of rows"), _bar(bars), _line(line))


def learning(points: list[Record], sides: list[str]) -> str:
    """The loss after each round of boosting, a line for each of the `sides`."""
    known = [point for point in points if all(side in point for side in sides)]
    kept = known[:: max(1, len(known) // STEPS)]
    names = {"train": "training rows", "held": "held-back rows"}
    title = ", ".join(f"{place} line {names[side]}" for place, side in zip(("first", "second"), sides, strict=False))
    x = _axis("round", [f"{point['round']:.0f}" for point in kept])
    return _lines(f"Learning curve: {title}", x, "loss", [_values(kept, side) for side in sides])


def _room(values: list[float]) -> tuple[float, float]:
    """The ends of an axis for these values."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)


def _plain(name: str) -> str:
    """A name without characters that would end the string or the chart."""
    return "".join(" " if one in '"`#;\n\r\t[]{}<>&\\' else one for one in visible(str(name)))[:LONGEST]


def _chart(title: str, x: str, y: str, *drawn: str) -> str:
    """A chart with these axes and series, each in Mermaid's syntax."""
    head = f'```mermaid\n{COLOURS}\nxychart-beta\n    title "{title}"\n    x-axis {x}\n    y-axis {y}\n'
    return head + "\n".join(f"    {one}" for one in drawn) + "\n```"


def _lines(title: str, x: str, y: str, lines: list[list[float]]) -> str:
    """A chart of lines, with an axis that holds their values."""
    low, high = _room([value for line in lines for value in line])
    return _chart(title, x, f'"{y}" {low:.6g} --> {high:.6g}', *(_line(line, ".6g") for line in lines))


def _axis(name: str, marks: list[str]) -> str:
    quoted = ", ".join(f'"{mark}"' for mark in marks)
    return f'"{name}" [{quoted}]'


def _shares(name: str) -> str:
    return f'"{name}" 0 --> 1'


def _values(points: list[Record], name: str) -> list[float]:
    return [point[name] for point in points]


def _bar(values: list[float]) -> str:
    return f"bar [{', '.join(f'{value:.3f}' for value in values)}]"


def _line(values: list[float], form: str = ".3f") -> str:
    return f"line [{', '.join(format(value, form) for value in values)}]"


def _at(points: list[Record], x: float) -> float:
    """The true positive rate at a false positive rate, by linear interpolation between points."""
    for left, right in pairwise(points):
        if left["fpr"] <= x <= right["fpr"] and right["fpr"] > left["fpr"]:
            share = (x - left["fpr"]) / (right["fpr"] - left["fpr"])
            return left["tpr"] + share * (right["tpr"] - left["tpr"])
    return 1.0

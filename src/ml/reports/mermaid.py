"""Charts that GitHub draws from Markdown."""

from itertools import pairwise
from typing import Any

from ml.io.text import visible

STEPS = 20
LONGEST = 24  # characters of a name
COLOURS = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#54aeff, #57606a"}}}}%%'

Record = dict[str, Any]


def roc(points: list[Record]) -> str:
    """The ROC curve beside chance."""
    curve = [_at(points, i / STEPS) for i in range(STEPS + 1)]
    chance = [i / STEPS for i in range(STEPS + 1)]
    return _chart(
        "ROC curve: upper line the model, lower line chance", "false positive rate", "true positive rate", curve, chance
    )


def calibration(points: list[Record]) -> str:
    """What happened beside what the model said."""
    axis = ", ".join(f'"{p["predicted"]:.2f}"' for p in points)
    observed = ", ".join(f"{p['observed']:.3f}" for p in points)
    predicted = ", ".join(f"{p['predicted']:.3f}" for p in points)
    return (
        f"```mermaid\n{COLOURS}\nxychart-beta\n"
        '    title "Calibration: bars observed share, line mean score"\n'
        f'    x-axis "mean score of the bin" [{axis}]\n    y-axis "observed share" 0 --> 1\n'
        f"    bar [{observed}]\n    line [{predicted}]\n```"
    )


def by_class(points: list[Record]) -> str:
    """Recall and precision of each class."""
    axis = ", ".join(f'"{_plain(p["class"])}"' for p in points)
    bars, line = (", ".join(f"{p[name]:.3f}" for p in points) for name in ("recall", "precision"))
    return (
        f"```mermaid\n{COLOURS}\nxychart-beta\n"
        '    title "Each class: bars recall, line precision"\n'
        f'    x-axis "class" [{axis}]\n    y-axis "share" 0 --> 1\n    bar [{bars}]\n    line [{line}]\n```'
    )


def predicted(points: list[Record]) -> str:
    """The mean predicted value of rows of about the same truth, beside the truth."""
    ordered = sorted(points, key=lambda p: p["actual"])
    size = max(1, len(ordered) // STEPS)
    parts = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    lines = [[sum(p[name] for p in part) / len(part) for part in parts] for name in ("predicted", "actual")]
    low, high = _room([value for line in lines for value in line])
    axis = ", ".join(f'"{value:.4g}"' for value in lines[1])
    drawn = "\n".join(f"    line [{', '.join(f'{v:.6g}' for v in line)}]" for line in lines)
    return (
        f"```mermaid\n{COLOURS}\nxychart-beta\n"
        '    title "Predicted against actual: first line predicted, second line actual"\n'
        f'    x-axis "actual value" [{axis}]\n    y-axis "value" {low:.6g} --> {high:.6g}\n{drawn}\n```'
    )


def coverage(points: list[Record]) -> str:
    """The share of rows inside their interval, by predicted value, beside what it promises."""
    axis = ", ".join(f'"{p["predicted"]:.4g}"' for p in points)
    bars, line = (", ".join(f"{p[name]:.3f}" for p in points) for name in ("coverage", "promised"))
    return (
        f"```mermaid\n{COLOURS}\nxychart-beta\n"
        '    title "Coverage of the interval: bars observed, line nominal"\n'
        f'    x-axis "mean predicted value of a tenth of the rows" [{axis}]\n'
        f'    y-axis "share of rows" 0 --> 1\n    bar [{bars}]\n    line [{line}]\n```'
    )


def learning(points: list[Record], sides: list[str]) -> str:
    """The loss after each round of boosting, a line for each of the `sides`."""
    known = [point for point in points if all(side in point for side in sides)]
    kept = known[:: max(1, len(known) // STEPS)]
    lines = [[point[side] for point in kept] for side in sides]
    low, high = _room([value for line in lines for value in line])
    axis = ", ".join(f'"{point["round"]:.0f}"' for point in kept)
    drawn = "\n".join(f"    line [{', '.join(f'{v:.6g}' for v in line)}]" for line in lines)
    names = {"train": "training rows", "held": "held-back rows"}
    title = ", ".join(f"{place} line {names[side]}" for place, side in zip(("first", "second"), sides, strict=False))
    return (
        f'```mermaid\n{COLOURS}\nxychart-beta\n    title "Learning curve: {title}"\n'
        f'    x-axis "round" [{axis}]\n    y-axis "loss" {low:.6g} --> {high:.6g}\n{drawn}\n```'
    )


def _room(values: list[float]) -> tuple[float, float]:
    """The ends of an axis for these values."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)


def _plain(name: str) -> str:
    """A name that ends neither the string nor the chart around it."""
    return "".join(" " if one in '"`#;\n\r\t[]{}<>&\\' else one for one in visible(str(name)))[:LONGEST]


def _chart(title: str, x: str, y: str, *lines: list[float]) -> str:
    drawn = "\n".join(f"    line [{', '.join(f'{v:.3f}' for v in line)}]" for line in lines)
    axes = f'    x-axis "{x}" 0 --> 1\n    y-axis "{y}" 0 --> 1'
    return f'```mermaid\n{COLOURS}\nxychart-beta\n    title "{title}"\n{axes}\n{drawn}\n```'


def _at(points: list[Record], x: float) -> float:
    """The true positive rate at a false positive rate, on straight lines between corners."""
    for left, right in pairwise(points):
        if left["fpr"] <= x <= right["fpr"] and right["fpr"] > left["fpr"]:
            share = (x - left["fpr"]) / (right["fpr"] - left["fpr"])
            return left["tpr"] + share * (right["tpr"] - left["tpr"])
    return 1.0

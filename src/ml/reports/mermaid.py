"""Charts that GitHub draws from Markdown."""

from itertools import pairwise
from typing import Any

STEPS = 20
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
        '    title "Calibration: bars what happened, line what the model said"\n'
        f'    x-axis "mean score of the bin" [{axis}]\n    y-axis "share positive" 0 --> 1\n'
        f"    bar [{observed}]\n    line [{predicted}]\n```"
    )


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

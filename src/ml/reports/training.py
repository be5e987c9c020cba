"""The section of the report on training: threshold, out-of-bag score, learning curve."""

from typing import Any

from ml.io.markdown import table
from ml.io.text import counted
from ml.reports import mermaid

Record = dict[str, Any]
SIDES = {"train": "training rows", "held": "held-back rows"}


def section(found: Record | None) -> str:
    """The whole section; empty if training recorded nothing."""
    parts = [part(found[name]) for name, part in PARTS.items() if found and found.get(name)]
    return "## Training\n\n" + "\n\n".join(parts) if parts else ""


def _threshold(chosen: Record) -> str:
    rule = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in chosen["rule"].items())
    told = (
        f"`train.threshold` ({rule}) chose the threshold on {counted(chosen['rows'], 'training row')}, "
        f"each scored by a model of the rows outside its fold, which is one of {chosen['folds']}. No test row was read."
    )
    rows = [
        [
            "chosen",
            f"{chosen['threshold']:.4f}",
            f"{chosen['cost']:.4f}",
            f"{chosen['precision']:.3f}",
            f"{chosen['recall']:.3f}",
        ],
        ["evaluate.threshold", f"{chosen['given']:.4f}", f"{chosen['given_cost']:.4f}", "", ""],
    ]
    return f"{told}\n\n" + table(["", "threshold", "cost a row", "precision", "recall"], rows)


def _out_of_bag(scores: Record) -> str:
    told = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    return f"Out-of-bag score of the forest: {told}. Each training row is judged by the trees that did not see it."


def _curve(curve: Record) -> str:
    sides = [side for side in SIDES if any(side in point for point in curve["points"])]
    named = " and ".join(SIDES[side] for side in sides)
    told = f"The model keeps {counted(curve['rounds'], 'round')} of boosting. Loss ({curve['loss']}) on {named}:"
    return f"{told}\n\n{mermaid.learning(curve['points'], sides)}"


PARTS = {"threshold": _threshold, "out_of_bag": _out_of_bag, "curve": _curve}

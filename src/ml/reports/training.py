"""The section of the report on training: chosen decision, out-of-bag score, learning curve."""

from typing import Any

from ml.io.text import counted
from ml.reports import mermaid
from ml.tasks import chosen_cut

Record = dict[str, Any]
SIDES = {"train": "training rows", "held": "held-back rows"}


def section(found: Record | None) -> str:
    """The whole section; empty if training recorded nothing."""
    parts = [part(found[name]) for name, part in PARTS.items() if found and found.get(name)]
    return "## Training\n\n" + "\n\n".join(parts) if parts else ""


def _out_of_bag(scores: Record) -> str:
    told = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    return f"Out-of-bag score of the forest: {told}. Each training row is judged by the trees that did not see it."


def _curve(curve: Record) -> str:
    sides = [side for side in SIDES if any(side in point for point in curve["points"])]
    named = " and ".join(SIDES[side] for side in sides)
    told = f"The model keeps {counted(curve['rounds'], 'round')} of boosting. Loss ({curve['loss']}) on {named}:"
    return f"{told}\n\n{mermaid.learning(curve['points'], sides)}"


PARTS = {chosen_cut.NAME: chosen_cut.section, "out_of_bag": _out_of_bag, "curve": _curve}

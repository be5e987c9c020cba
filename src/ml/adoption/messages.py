"""The messages of `adopt` about a table: guesses, omitted columns, derived and reset settings."""

from typing import Any

import pandas as pd

from ml.data import row_ids
from ml.io.text import counted
from ml.settings.evaluate import DECISION
from ml.tasks.inferred import LEVELS, other_task
from ml.tasks.kinds import DEFAULT, KINDS

NONE = "none"  # in place of a column: the table has no such role


def guesses(contract: dict[str, Any], left: list[str], table: pd.DataFrame, *, made: bool) -> list[str]:
    """Sentences about the roles of columns, the target, and omitted columns."""
    target = contract["target"]
    roles = {name: contract.get(name, NONE) for name in ("id", "time", "group")} | _target(target)
    told = ", ".join(f"{name}={value}" for name, value in roles.items())
    found = [f"{told}; choose others with ID=, TIME=, GROUP=, TASK=, POSITIVE="]
    if other := other_task(target, table[target["name"]]):
        count = counted(table[target["name"]].nunique(), "different number")
        one, two = "classes", "numbers"
        taken, instead = (one, two) if "classes" in target else (two, one)
        found.append(f"{target['name']} has {count}, taken as {taken}; TASK={other} predicts {instead}")
    if "group" in contract:
        count = table[contract["group"]].nunique()
        found.append(
            f"all rows of a {contract['group']} are on one side of the split, because "
            f"{counted(len(table), 'row')} have only {counted(count, 'different value')}; GROUP=none "
            "splits single rows"
        )
    if made:
        others = [name for name in row_ids.perhaps(table, target["name"]) if name != contract.get("time")]
        if others:
            found.append(f"{', '.join(others[:5])} is different in every row; if it is the id, set ID=")
        found.append(
            f"no column identifies a row, so {contract['file']} gets the column "
            f"{contract['id']}: a hash of the row's values, numbered for equal rows. If an "
            "entity has several rows, set GROUP= to its column: docs/your-data.md (Grouped "
            "rows)"
        )
    found += [f"left out {sentence}" for sentence in left]
    encoded = [name for name, column in contract["columns"].items() if column.get("encoding") == "target"]
    if encoded:
        alone = "" if "group" in contract else ". If one of them names entities with several rows, set GROUP= to it"
        found.append(
            f"{', '.join(encoded)}: more than {LEVELS} levels, of which the {LEVELS} most frequent become values; the "
            f"model gets the mean of {target['name']} for each level (encoding: target){alone}"
        )
    if gaps := int(table[target["name"]].isna().sum()):
        found.append(
            f"{gaps:,} of {counted(len(table), 'row')} have no {target['name']}: validate "
            "refuses them. Remove these rows"
        )
    return found


def settings(changes: dict[Any, Any], reset: dict[str, Any]) -> list[str]:
    """Sentences about settings that were derived from the table, reset, or kept."""
    ours = [name for name in changes if isinstance(name, str) and not name.startswith("data.") and name not in reset]
    found = [f"derived from the table: {', '.join(['data', *(f'{name} {changes[name]}' for name in ours)])}"]
    if not another(reset):
        gone = f"reset {', '.join(reset)}, which named missing columns: docs/gates.md"
        return [*found, gone] if reset else found
    decided = ", ".join(f"{name} to {value:g}" for name, value in DECISION.items())
    return [
        *found,
        "reset card, which described the old model: state the purpose of the new model in params.yaml",
        f"reset {decided}, the rules in validate, and the gates of the old table",
        "gates.slices compares every column with the champion. The gates below are proposals: "
        "set the values that this model must reach (docs/gates.md)",
        "kept all other settings: train and tune.spaces are starting points, the others apply to any table",
    ]


def another(reset: dict[str, Any]) -> bool:
    """Whether the settings for the old table were reset, because this is another table."""
    return "gates.limits" in reset


def _target(target: dict[str, Any]) -> dict[str, Any]:
    """The inferred kind of the target, as part of a sentence."""
    kind = KINDS[target.get("task", DEFAULT.name)]
    own = {name: target[name] for name in kind.fields if name in target}
    task = {} if kind is DEFAULT else {"task": kind.name}
    return task | {name: ", ".join(value) if kind.listed else value for name, value in own.items()}

"""A first contract for a new table, and the changes of the settings for the old table."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import pandas as pd

from ml.adoption import proposed_text, proposed_time
from ml.adoption.messages import NONE
from ml.adoption.proposed_limits import limits
from ml.data.cells import shown
from ml.data.csv_tables import headless
from ml.data.row_ids import dates, entities, free_name, identities, named, told
from ml.data.schema import levels
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.card import Card
from ml.settings.evaluate import DECISION
from ml.settings.gates import Gates
from ml.settings.metric_names import FEWEST
from ml.settings.params import Params
from ml.settings.retrain import Retrain
from ml.settings.validate import Validate
from ml.tasks.inferred import target_of
from ml.tasks.kinds import Kind

STAMP = r"([A-Za-z]{3,9},? )?(\d{4}-\d{2}-\d{2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}\.? \w{3,9} \d{4})(?!\d).*"
PERIOD = r"(?i)\d{4}[-_ /]?(W\d{1,2}|[QH][1-4])|(W\d{1,2}|[QH][1-4])[-_ /]?\d{4}"
ANY_TABLE = {"train", "training", "data", "dataset", "table", "export", "file", "input"}  # uninformative names
FEW, RARE = 200, 0.1  # test rows, and the share of a class, below which a warning is given
FRESH_SHARE, FEWEST_FRESH = 0.05, 50  # share of the table's rows that justifies a retraining


def infer(  # noqa: PLR0913, PLR0917
    frame: pd.DataFrame, file: str, target: str, roles: dict[str, str], yes: str | None = None, task: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The `data` section of params.yaml for a table, and a sentence for each omitted column.

    `roles` may name the columns `id`, `time`, `group` and `weight`, and in `text` columns of free text; `yes` the
    positive value of a target with two values, and `task` the kind of target; all roles but weight and text are guessed
    if not given. If no column identifies a row, the id is a name that the table does not have yet. Raises UserError if
    no target is usable.
    """
    ungrouped, untimed = (roles.get(role) == NONE for role in ("group", "time"))
    roles = {role: name for role, name in roles.items() if name != NONE}
    texts = proposed_text.named(roles.pop("text", ""), frame)
    _present(frame, target, *roles.values(), *texts)
    if clash := [name for name in texts if name in {target, *roles.values()}]:
        raise UserError(f"TEXT={clash[0]} is also the target, id, time, group or weight. A column has one role.")
    if dates(frame[target]):
        raise UserError(
            f"{target} holds dates, and a date cannot be predicted. Make a column of a number or class, such as "
            "the days until then, or name another column with TARGET=."
        )
    described, weight = target_of(frame[target], target, yes, task), roles.get("weight")
    taken = {*texts, *(name for role, name in roles.items() if role != "id")}
    ids = [name for name in identities(frame, target) if name not in taken]
    row = told(frame, roles["id"]) if "id" in roles else next(iter(ids), free_name(frame))
    elsewhere = {row, target, str(weight), *texts}
    moments = [] if untimed else proposed_time.candidates(frame, {*elsewhere, roles.get("group", "")})
    moment = roles.get("time") or next(iter(moments), None)
    things = [] if ungrouped else entities(frame, {*elsewhere, str(moment)})
    group = roles.get("group") or next(iter(things), None)
    columns, left = {}, [f"{name}: identifies entities like {group}" for name in things if name != group]
    more = [name for name in ids if named(name) and name not in {row, moment, group, weight}]
    left += [f"{name}: has the name of an id and a different value in every row" for name in more]
    for name in frame.columns.difference([row, moment, target, group, weight, *things, *more], sort=False):
        column = proposed_text.column(frame[name]) if name in texts else _column(frame[name])
        if isinstance(column, str):
            left.append(f"{name}: {column}")
        else:
            columns[str(name)] = column
    if not columns:
        ours = {"id": row, "time": moment, "group": group, "weight": weight}
        left = [f"{name}: is the {role}" for role, name in ours.items() if name in frame] + left
        left = left or [f"{target}: is the target"]
        raise UserError(
            f"{file}: no column can be a feature:\n  " + "\n  ".join(left) + "\nAdd a column that distinguishes rows."
        )
    contract = {"file": file, "id": row, "time": moment, "group": group, "weight": weight, "target": described}
    return {k: v for k, v in contract.items() if v is not None} | {"columns": columns}, left


def another(params: Params, target: str, columns: Iterable[str]) -> bool:
    """Whether a table is a different one, not a newer export of the contract's: another target or other columns."""
    kept = {*params.data.columns} & {*columns}
    return params.data.target.name != target or len(kept) < len(params.data.columns) / 2


def strange(gates: Gates, columns: Iterable[str]) -> dict[str, Any]:
    """Settings of gates that name columns missing from the new table, with their new values."""
    named = {setting.split(".")[0] for setting, name in gates.mentions() if name not in columns}
    instead = {"slices": ("gates.slices.columns", []), "fairness": ("gates.fairness", None)}
    instead |= {"behaviour": ("gates.behaviour", None)}
    return dict(instead[gate] for gate in sorted(named))


def untold(params: Params, kind: Kind) -> dict[str, Any]:
    """Settings that describe only the old table, with their default values."""
    words = {f"card.{name}": text for name, text in Card()}
    bounds: dict[str, Any] = {"gates.limits": dict(kind.chance)}
    if params.gates.slices and params.gates.slices.min is not None:
        bounds["gates.slices.min"] = None
    bounds |= {"tune.metric": kind.metric, "monitor.metric": (*kind.live, kind.metric)[0]}
    bounds |= {f"gates.{gate}.metric": kind.metric for gate in ("champion", "slices") if getattr(params.gates, gate)}
    return words | bounds | DECISION


def unruled(params: Params) -> dict[str, Any]:
    """Checks of the old table that could refuse the new one, with values that refuse nothing.

    Calibration is among them: on 25 rows, chance alone exceeds a limit of the bias that suits hundreds of rows.
    """
    rules: dict[str, Any] = {f"validate.{name}": value for name, value in Validate().model_dump().items()}
    rules |= {"validate.target_rate": {"min": None, "max": None}}
    rules |= {"gates.slices.columns": []} if params.gates.slices else {}
    return rules | {f"gates.{name}": None for name in ("fairness", "behaviour", "calibration")}


def derived(params: Params, rows: int, *, timed: bool) -> dict[str, Any]:
    """Settings outside `data` that depend on the new table: on its number of rows and its time column."""
    fresh = min(Retrain().min_rows, max(FEWEST_FRESH, round(rows * FRESH_SHARE)))
    return {"retrain.min_rows": fresh} | ({} if timed else untimed(params))


def untimed(params: Params) -> dict[str, Any]:
    """Settings that need a time, with their values for a table without one."""
    found: dict[str, Any] = {"prepare.split_by": "hash"} if params.prepare.split_by == "time" else {}
    found |= {"prepare.gap_days": 0} if params.prepare.gap_days else {}
    return found | ({"retrain.policy": "append"} if params.retrain.policy == "window" else {})


def warnings(target: pd.Series, params: Params) -> list[str]:
    """Warnings about gates and monitoring that cannot judge, because there are few rows or few of a class."""
    counts = levels(target.dropna()).value_counts()
    rows, rarest, few = int(counts.sum()), str(counts.index[-1]), int(counts.iloc[-1])
    if number := params.data.target.numeric:
        few = rows  # a number has no rare class
    tested = {"rows": round(rows * params.prepare.test_share), "few": round(few * params.prepare.test_share)}
    found = []
    if tested["rows"] < FEW:
        found.append(
            f"about {counted(tested['rows'], 'row')} will test the model, so intervals are wide "
            "and only large differences are significant. More rows help more than another model"
        )
    if few / rows < min(RARE, 0.5 / max(len(counts), 1)):  # half of an equal share
        decided = "" if params.data.target.kind.listed else " and ".join(DECISION)
        by_cost = f", and choose {decided} by the cost of each kind of error" if decided else ""
        found.append(
            f"{rarest} is {few:,} of {counted(rows, 'row')} ({few / rows:.1%}): accuracy is not "
            f"informative. Use balanced_accuracy or log_loss{by_cost}"
        )
    if tested["few"] < FEWEST:
        those = counted(tested["few"], "row" if number else "test row")
        what = "test the model" if number else f"have the target {rarest}"
        needed = f"{FEWEST} rows{'' if number else ' of each class'}"
        found.append(f"about {those} will {what}; metrics are judged only with at least {needed}")
    if tested["rows"] < params.monitor.min_labels or tested["few"] < FEWEST:
        each = "" if number else f", and {FEWEST} of each class"
        found.append(
            f"monitoring will check only drift: live performance needs a release tested on monitor.min_labels "
            f"({params.monitor.min_labels}) rows{each}"
        )
    return found


def project_name(stem: str, target: str) -> str:
    """A project's name from the table's: `Loans 2024` becomes `loans-2024`."""
    words = [re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") for text in (stem, target)]
    words = [word for word in words if word not in ANY_TABLE]
    return next((word[:40].strip("-") for word in words if word[:1].isalpha()), "model")


def _present(frame: pd.DataFrame, *names: str) -> None:
    missing = [name for name in names if name not in frame]
    if missing:
        known = [*map(str, frame.columns)]
        near = [f"did you mean {match[0]}? " for name in missing if (match := get_close_matches(name, known, n=1))]
        raise UserError(
            f"the table has no column {', '.join(missing)}; {''.join(near)}It has: {', '.join(known)}.{headless(known)}"
        )


def _column(column: pd.Series) -> dict[str, Any] | str:
    """The contract of one column, or the reason why it cannot be a feature."""
    seen = column.dropna()
    if why := proposed_text.unvaried(seen):
        return why
    missing = proposed_text.room(column)
    if dates(seen) or proposed_time.written_as_number(seen):
        return (
            f"dates; name it with TIME={column.name} if it is the time of a row, otherwise make columns of its parts: "
            "docs/features.md (Dates)"
        )
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        truths = pd.api.types.is_bool_dtype(column)
        return {"type": "boolean", **missing} if truths else {"type": "number", **limits(seen), **missing}
    if levels(seen.head(1000)).str.fullmatch(PERIOD).all():
        return (
            "periods such as a week or a quarter, of which later rows hold later ones; make columns of their parts: "
            "docs/features.md (Dates)"
        )
    if levels(seen.head(1000)).str.fullmatch(STAMP).all():
        form = f"dates in a form that is not read, such as {shown(seen.iloc[0])}"
        return f"{form}; write ISO 8601, or name it with TIME= and TIME_FORMAT="
    return proposed_text.levels_of(seen, missing)

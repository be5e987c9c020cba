"""What to do about a verdict of monitoring, and why."""

from typing import Any

from ml.io.text import counted

Record = dict[str, Any]


def advice(found: Record) -> str:
    """What is recommended, and why."""
    moved = [c for c in found["columns"] if c["drifted"]]
    performance = found["performance"] if found["performance"] and found["performance"]["value"] is not None else None
    source = _source(moved, found["settings"]["missing_rise"])
    match found["verdict"]:
        case "stable" if performance:
            return f"Nothing: the inputs look as they did in training, and the model {_holds(performance)}."
        case "stable":
            return f"Nothing now. {_blind(found)}"
        case "drift" if performance:
            what = "inputs" if moved else "predictions"
            return (
                f"**`make retrain`**, without hurry: the {what} have moved, but on the labels that are known the model "
                f"{_holds(performance)}. A retrained one has seen the new inputs.{source}"
            )
        case "drift":
            return f"**`make retrain`** once labels are there. {_blind(found)}{source}"
        case "degraded":
            why = "The inputs have moved too, so rows like the new ones are what it lacks."
            if performance and performance.get("ranking") not in {None, "worse"}:
                why = _miscalibrated(performance)
            elif not moved:
                why = "No input moved: what leads to the outcome has changed, which only fresh labels can teach."
            return (
                f"**`make retrain`** now. {why} `make rollback` helps only if the previous version was better on "
                f"rows like these.{source}"
            )
    return _patience(found)


def _source(moved: list[Record], rise: float) -> str:
    """A warning where values are gone or new: often the source is broken, and no model should learn that."""
    odd = [c["column"] for c in moved if c["missing"]["after"] - c["missing"]["before"] >= rise or c["new_levels"]]
    if not odd:
        return ""
    names = ", ".join(f"`{name}`" for name in odd)
    return f" Look at the source of {names} first: values that are gone or new there are often a fault, not a change."


def _miscalibrated(performance: Record) -> str:
    """What is wrong where the metric has not fallen."""
    parts = [part for part in performance.get("calibration") or () if part["worse"]]
    what = " and ".join(dict.fromkeys(part.get("means") or f"{part['name']} has changed" for part in parts))
    return f"{performance['metric']} has not fallen, but {what}: whatever counts on that is wrong."


def _holds(performance: Record) -> str:
    if performance["outcome"].startswith("lower"):
        return "is a little worse than at its release, but perhaps within the margin: watch it"
    return "does as well as at its release"


def _blind(found: Record) -> str:
    rows = found["collected"]["fates"]["judged"]
    waiting, days = found["collected"].get("waiting", 0), found["collected"].get("label_days", 0)
    if waiting and days:
        return (
            f"Whether the model still does as well as at its release is not known yet: {waiting:,} of "
            f"{counted(rows, 'row')} in "
            f"the newest window are younger than the {days:.3g} days in which labels come, and no older window has "
            f"enough."
        )
    unknown = "Whether the model still does as well as at its release is not known: "
    if not found["performance"]:
        return (
            f"{unknown}in none of the last windows have enough labels come ({found['collected']['labelled']:,} of "
            f"{counted(rows, 'row')} in the newest). Send them by `POST /feedback`."
        )
    return (
        f"{unknown}{found['performance']['reason']}. That takes labels, which come by `POST /feedback`, and a release "
        f"that was tested on as many rows."
    )


def _patience(found: Record) -> str:
    fates = found["collected"]["fates"]
    if fates.get("simulated"):
        real = found["collected"]["rows"] - fates["simulated"]
        return (
            f"The log holds {real:,} real and {counted(fates['simulated'], 'simulated row')}; real ones "
            "count if there are any. "
            "`make monitor SIMULATED=1` judges the simulated ones; for real ones, wait for more predictions."
        )
    if found["silent"]:
        return "Look whether the server is up, and writes where `monitor.source` reads."
    if fates["unknown"]:
        return "Serve the champion (`make serve`), or register what serves: rows of unknown models are not judged."
    if fates["other"]:
        return "Wait: a new champion needs rows of its own. Those of the version before it are not held against it."
    return "Wait for more predictions, widen `monitor.window_days`, or lower `monitor.min_rows`."

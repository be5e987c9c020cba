"""The recommendation for a verdict of monitoring, with the reason."""

from typing import Any

from ml.io.text import counted, lasting

Record = dict[str, Any]


def advice(found: Record) -> str:
    """The recommended action, with the reason."""
    moved = [c for c in found["columns"] if c["drifted"]]
    performance = found["performance"] if found["performance"] and found["performance"]["value"] is not None else None
    source = _source(moved, found["settings"]["missing_rise"])
    match found["verdict"]:
        case "stable" if performance:
            return f"None: the inputs are distributed as in training, and the model {_holds(performance)}."
        case "stable":
            return f"Nothing now. {_blind(found)}"
        case "drift" if performance:
            what = "inputs" if moved else "predictions"
            return (
                f"**`make retrain`**, not urgent: the {what} have shifted, but on the known labels the model "
                f"{_holds(performance)}. A retrained model has seen the new inputs.{source}"
            )
        case "drift":
            return f"**`make retrain`** when labels have arrived. {_blind(found)}{source}"
        case "degraded":
            why = "The inputs have also shifted, so the model needs rows like the new ones."
            if performance and performance.get("ranking") not in {None, "worse"}:
                why = _miscalibrated(performance)
            elif not moved:
                why = (
                    "No input has shifted: the relation between inputs and outcome has changed, so "
                    "the model needs fresh labels."
                )
            return (
                f"**`make retrain`** now. {why} `make rollback` helps only if the previous version "
                f"was better on such rows.{source}"
            )
    return _patience(found)


def _source(moved: list[Record], rise: float) -> str:
    """A warning about missing or new values: the source may be broken, and no model should learn them."""
    odd = [c["column"] for c in moved if c["missing"]["after"] - c["missing"]["before"] >= rise or c["new_levels"]]
    if not odd:
        return ""
    names = ", ".join(f"`{name}`" for name in odd)
    return f" Check the source of {names} first: missing or new values there are often a fault, not a real change."


def _miscalibrated(performance: Record) -> str:
    """The problem if the metric itself has not decreased."""
    parts = [part for part in performance.get("calibration") or () if part["worse"]]
    what = " and ".join(dict.fromkeys(part.get("means") or f"{part['name']} has changed" for part in parts))
    return f"{performance['metric']} has not decreased, but {what}: uses of the score as a probability are wrong."


def _holds(performance: Record) -> str:
    if performance["outcome"].startswith("lower"):
        return "is slightly worse than at its release, but possibly within the margin: monitor it"
    return "performs as well as at its release"


def _blind(found: Record) -> str:
    rows = found["collected"]["fates"]["judged"]
    waiting, days = found["collected"].get("waiting", 0), found["collected"].get("label_days", 0)
    if waiting and days:
        return (
            f"Whether the model still performs as well as at its release is not known yet: {waiting:,} of "
            f"{counted(rows, 'row')} in "
            f"the newest window are younger than the {lasting(days)} in which labels arrive, "
            "and no older window has enough labels."
        )
    unknown = "Whether the model still performs as well as at its release is not known: "
    if not found["performance"]:
        return (
            f"{unknown}none of the last windows has enough labels ({found['collected']['labelled']:,} of "
            f"{counted(rows, 'row')} in the newest). Send them by `POST /feedback`."
        )
    return (
        f"{unknown}{found['performance']['reason']}. This needs labels, which arrive by `POST "
        "/feedback`, and a release that was tested on as many rows."
    )


def _patience(found: Record) -> str:
    fates = found["collected"]["fates"]
    if fates.get("simulated"):
        real = found["collected"]["rows"] - fates["simulated"]
        return (
            f"The log holds {real:,} real and {counted(fates['simulated'], 'simulated row')}; if "
            "the log has real rows, only these are judged. `make monitor SIMULATED=1` judges the "
            "simulated rows; for a verdict on real rows, wait for more predictions."
        )
    if found["silent"]:
        return "Check that the server runs and writes to the place that `monitor.source` reads."
    if fates["unknown"]:
        return "Serve the champion (`make serve`), or register the served model: rows of unknown models are not judged."
    if fates["other"]:
        return "Wait: a new champion needs its own rows. Rows of the previous version do not count."
    return "Wait for more predictions, widen `monitor.window_days`, or lower `monitor.min_rows`."

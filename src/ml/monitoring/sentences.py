"""Why a verdict of monitoring is what it is, in sentences."""

from ml.io.text import be, counted, lasting
from ml.monitoring.collect import FATES, Collected
from ml.monitoring.drift import Drift
from ml.settings.params import Params
from ml.tasks import live_labels


def _late(window: Collected, found: Drift) -> str:
    """A sentence on the period of the labels, if they are older than the window."""
    on = window.settled
    if found.performance is None or on.until == window.until:
        return ""
    days = f"{on.since:%Y-%m-%d} to {on.until:%Y-%m-%d}"
    return f"The labels are of predictions from {days}, the newest window with enough labels."


def reason(window: Collected, found: Drift, notes: list[str], *, silent: bool) -> str:
    """Why the verdict is what it is, with these notes, in places that show only the reason too."""
    parts = ["Simulated rows." if window.simulated else "", _last(window) if silent else "", found.reason]
    parts += [_late(window, found), *notes]
    parts += [_few(window)] if found.verdict == "not enough data" else []
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def waiting(window: Collected) -> str:
    """A sentence on the number of rows that are too young to have their labels."""
    if not window.label_days or not window.waiting:
        return ""
    return (
        f"{counted(window.waiting, 'prediction')} of the window {be(window.waiting)} younger than "
        f"{lasting(window.label_days)}, in which labels arrive, and not yet judged by labels, "
        "because early labels differ from late labels."
    )


def unconfirmed(looks: int, needed: int) -> str:
    """A sentence on how many more checks a verdict needs."""
    return (
        f"This is check {looks} of {needed} on consecutive days with this verdict "
        "(monitor.consecutive): alerts and retraining wait."
    )


def strange(window: Collected, params: Params) -> str:
    """A sentence on the number of invalid labels."""
    target, count = params.data.target, window.labels["strange"]
    if not count:
        return ""
    return f"{counted(count, 'label')} left out: no value of {target.name} ({live_labels.wanted(params.data)})."


def _few(window: Collected) -> str:
    """A sentence on the rows that are not judged, if few are judged."""
    read, others = sum(window.fates.values()), {n: c for n, c in window.fates.items() if n != "judged"}
    if not read:
        return "There are no predictions."
    most = max(others, key=lambda name: others[name])
    if not others[most]:
        return ""
    return f"Of {counted(read, 'row')} read, {others[most]:,} are {FATES[most]}."


def _last(window: Collected) -> str:
    if window.newest is None:
        return "No prediction has a plausible time." if sum(window.fates.values()) else ""
    days = (window.until - window.newest).total_seconds() / 86_400
    return f"The newest prediction is of {window.newest:%Y-%m-%d %H:%M} UTC, {days:.1f} days ago."

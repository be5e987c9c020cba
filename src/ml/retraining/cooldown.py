"""The time since the last retraining, from the branches and commits that retraining made."""

import re
from datetime import date, timedelta

from ml.io import git
from ml.io.text import counted
from ml.settings.params import Params

DAY = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
TRAILER = "Retrained-On:"  # of the commits


def last(params: Params, day: str) -> str | None:
    """The day of the last proposal if it is within the cooldown; today's own does not count."""
    branches = git.ask("ls-remote", "origin", f"refs/heads/{git.RETRAINING}*") or ""
    days = re.findall(rf"\trefs/heads/{git.RETRAINING}{DAY}$", branches, re.MULTILINE)
    merged = git.ask("log", "-20", f"--grep=^{TRAILER}", "--format=%B", git.base(params.retrain.base) or "HEAD") or ""
    days += re.findall(rf"^{TRAILER} {DAY}\s*$", merged, re.MULTILINE)  # a line ends at \n alone
    since = (date.fromisoformat(day) - timedelta(days=params.retrain.cooldown_days)).isoformat()
    return max((d for d in days if since < d < day), default=None)


def wait(day: str, params: Params) -> str:
    """The proposal of that day is too recent."""
    days = params.retrain.cooldown_days
    return (
        f"the last proposal is from {day}, less than {counted(days, 'day')} ago "
        "(retrain.cooldown_days); FORCE=1 ignores this"
    )

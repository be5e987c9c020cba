"""The figures of a build report as cells of a table, in few digits."""

from ml.io.text import LONG, figure
from ml.reports.built import Built, Record
from ml.settings.metric_names import HIGHER_IS_BETTER
from ml.tasks.resampling import kept

THOUSAND = 1000  # numbers from here on have no decimals
LEAST = 0.0001  # smaller changes of larger figures are not shown
SMALLEST = 0.001  # smaller numbers are shown with a power of ten


def change(name: str, now: float | None, before: float | None) -> str:
    """The change of a metric, and whether it is better."""
    if before is None or now is None:
        return ""
    if kept(now - before) == 0:
        return "="
    good = (now > before) == HIGHER_IS_BETTER[name]
    small = abs(now - before) < LEAST < abs(now)
    size = f"under {LEAST:.4f}" if small else figure(now - before, 4, sign=True)
    return f"{size} {'better' if good else 'worse'}"


def interval(found: Record) -> str:
    """Both ends of an interval."""
    ends = [] if found.get("low") is None else [figure(found["low"]), "to", figure(found["high"])]
    return "\N{NO-BREAK SPACE}".join(ends)


def heading(evidence: Built) -> str:
    """The heading of a column of intervals."""
    return f"{evidence.confidence:.0%} interval"


def number(value: float | None) -> str:
    """A figure in few digits."""
    if value is None:
        return ""
    if abs(value) >= LONG:
        return figure(value)
    if float(value).is_integer() or abs(value) >= THOUSAND:
        return f"{value:,.0f}"
    return f"{value:.4f}".rstrip("0") if abs(value) >= SMALLEST else f"{value:.1e}"

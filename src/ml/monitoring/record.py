"""What build/monitor.json holds, for those who read it."""

from typing import Any

Record = dict[str, Any]


def moved(found: Record) -> list[Record]:
    """What drifted: columns, and the predictions where they did, each with `column` and `reason`."""
    return [c for c in [*found.get("columns", []), found.get("prediction") or {}] if c.get("drifted")]

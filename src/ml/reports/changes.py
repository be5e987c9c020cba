"""The differences between two builds."""

from typing import Any

from ml.tasks.target_column import in_figures


def settings_changes(now: dict[str, Any], before: dict[str, Any]) -> list[list[str]]:
    """The differences between two params.yaml, as rows of dotted path, before, now."""
    return _differences(_paths(now), _paths(before))


def data_changes(now: dict[str, Any], before: dict[str, Any]) -> list[list[str]]:
    """The differences between two profiles, as rows of name, before, now."""
    return _differences(_flat(now), _flat(before))


def another_table(now: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether two profiles are of different tables, so that a comparison is meaningless: they share few columns."""
    shared = {*now["columns"]} & {*before.get("columns", {})}
    return len(shared) < min(len(now["columns"]), len(before.get("columns", {}))) / 2


def _flat(found: dict[str, Any]) -> dict[str, str]:
    period = found["period"]
    flat = {"rows": f"{found['rows']:,}"}
    flat |= in_figures(found)
    flat |= {"period": f"{period[0]} to {period[1]}"} if period else {}
    for name, column in found["columns"].items():
        flat[f"{name}: missing"] = f"{column['missing']:.2%}"
        if "levels" in column:
            flat |= {f"{name}: {level}": f"{share:.2%}" for level, share in column["levels"].items()}
        else:
            flat[f"{name}: mean ± deviation"] = f"{_number(column['mean'])} ± {_number(column['std'])}"
    return flat


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _paths(settings: Any, prefix: str = "") -> dict[str, str]:
    if not isinstance(settings, dict):
        return {prefix: str(settings)}
    flat: dict[str, str] = {}
    for key, value in settings.items():
        flat |= _paths(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _differences(now: dict[str, str], before: dict[str, str]) -> list[list[str]]:
    return [[k, before.get(k, "–"), now.get(k, "–")] for k in {**before, **now} if before.get(k) != now.get(k)]

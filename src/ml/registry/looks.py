"""The number of models judged on the same test rows, from the registry and from MLflow's runs."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from ml.registry import registry, tracking
from ml.settings.prepare import Prepare

Run = tuple[str, dict[str, str]]  # digest of the model, parameters
RUNS = """
SELECT model.value, params.key, params.value
FROM tags AS model JOIN tags AS data USING (run_uuid) LEFT JOIN params USING (run_uuid)
WHERE model.key = ? AND data.key = 'data.md5' AND data.value = ?
"""


def count(project: str, model: str, data: str, prepare: Prepare, home: Path = tracking.HOME) -> int:
    """The distinct models judged on the test rows of the table `data` (MD5) with this split, including `model`."""
    wanted = _split(prepare.model_dump(mode="json"))
    versions = [version.entry for version in registry.open_registry(project, home).state().versions]
    known = {model}
    for entry in versions:
        lineage = entry.get("run", {}).get("lineage", {})
        if (
            lineage.get("data", {}).get("md5") == data
            and _split(lineage.get("params", {}).get("prepare", {})) == wanted
        ):
            known.add(entry["model"])
    runs = _asked(project, data) if tracking.server() else _read(home / "mlflow.db", data)
    for digest, params in runs:
        theirs = {key.removeprefix("prepare."): text for key, text in params.items() if key.startswith("prepare.")}
        if _split(theirs) == wanted:
            known.add(digest)
    return len(known)


def _split(recorded: dict[str, Any]) -> dict[str, str]:
    """The settings of the split; those that older records lack have their defaults."""
    return {name: str(recorded.get(name, default)) for name, default in Prepare()}


def _read(database: Path, data: str) -> list[Run]:
    """The runs on a table in the embedded home; MLflow itself takes seconds to import."""
    if not database.exists():
        return []
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            for digest, key, value in connection.execute(RUNS, (tracking.RUN_KEY, data)):
                found[digest] |= {key: value} if key else {}
        except sqlite3.OperationalError:  # tables of another MLflow
            return []
    return list(found.items())


def _asked(project: str, data: str) -> list[Run]:
    with tracking.answered():
        client = tracking.open_client()
        found = client.search_runs([tracking.experiment(client, project)], f"tags.`data.md5` = '{data}'")
    return [(run.data.tags.get(tracking.RUN_KEY, ""), run.data.params) for run in found]

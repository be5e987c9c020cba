"""The versions and aliases in MLflow's database, made equal to the ledger."""

from typing import Any

from ml.registry import tracking
from ml.registry.ledger import State

KEY = tracking.RUN_KEY


def update(client: Any, project: str, state: State) -> None:
    """Update MLflow to this state: add missing versions and move aliases.

    MLflow assigns version numbers itself. If they differ, because versions of another clone came before ours, all
    versions are created again; the runs are kept.
    """
    expected = {v.model: v.number for v in state.versions}
    shown = {int(v.version): v.tags.get(KEY) for v in found(client, project)}
    ensure(client, project)
    if any(expected.get(model) != number for number, model in shown.items()):
        client.delete_registered_model(project)
        ensure(client, project)
        shown = {}
    for version in state.versions:
        if version.number not in shown:
            run_id = tracking.record_run(client, project, version.entry["run"])
            create(client, project, f"store:/models/{version.model}", run_id, tags(version.entry))
    point(client, project, state.aliases)


def found(client: Any, project: str) -> list[Any]:
    """All versions that MLflow has of a project."""
    versions, token = [], None
    while True:
        page = client.search_model_versions(f"name = '{project}'", max_results=10_000, page_token=token)
        versions += page
        token = page.token
        if not token:
            return versions


def create(client: Any, project: str, source: str, run_id: str, tags: dict[str, str]) -> int:
    """Create the MLflow version of a registered model and return its number."""
    return int(client.create_model_version(project, source, run_id, tags=tags).version)


def tags(entry: dict[str, Any]) -> dict[str, str]:
    """The tags of a version in MLflow; the digest identifies it."""
    lineage = entry["run"]["lineage"]
    shown = {KEY: entry["model"], "commit": lineage["commit"], "data.md5": lineage["data"]["md5"]}
    shown |= {"registered.by": entry["who"], "reason": entry["reason"]}
    return {name: str(value) for name, value in shown.items() if value}


def point(client: Any, project: str, aliases: dict[str, int]) -> None:
    """Make the aliases in MLflow exactly these."""
    current = client.get_registered_model(project).aliases
    for alias in set(current) - set(aliases):
        client.delete_registered_model_alias(project, alias)
    for alias, number in aliases.items():
        if str(current.get(alias)) != str(number):
            client.set_registered_model_alias(project, alias, str(number))


def ensure(client: Any, project: str) -> None:
    """Create the registered model if it does not exist."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        client.create_registered_model(project)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise

"""Models by their name in the registry: `models:/NAME@ALIAS` or `models:/NAME/VERSION`, in both of its homes.

The embedded home is plain files, read without MLflow; a registry on a server needs it.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

from ml.io.errors import UserError
from ml.model import model_contract, predictor
from ml.registry import tracking

SCHEME = "models:/"
SOURCE = re.compile(rf"{SCHEME}(?P<name>[^/@]+)(?:@(?P<alias>[A-Za-z0-9_-]+)|/(?P<number>[0-9]+))")


class NoVersion(UserError):  # noqa: N818 - a user error like others, but one that a challenger may have
    """The alias currently names no version."""


def is_registered(source: str) -> bool:
    """Whether a source is a name in the registry rather than a folder."""
    return source.startswith(SCHEME)


def follows(source: str | None) -> bool:
    """Whether a source is an alias, which may point to another version later."""
    return bool(source) and is_registered(source) and "@" in source


def name(source: str) -> str:
    """The registered name in a source: the project whose models it holds."""
    return _parts(source)["name"]


def current(source: str) -> int:
    """The number of the version that a source currently names; raises UserError when there is none."""
    return _version(source)[1].number


def digest(source: str) -> str:
    """The digest of the version that a source currently names; raises UserError when there is none."""
    return _version(source)[1].model


def read(source: str) -> tuple[dict[str, bytes], int, dict[str, Any]]:
    """The files of the version that a source names, its number and its lineage."""
    home, version = _version(source)
    try:
        with tempfile.TemporaryDirectory(prefix="serving-model-") as place:
            folder = Path(place, "model")
            home.fetch(version, folder)
            return (
                {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()},
                version.number,
                version.lineage.plain(),
            )
    except OSError as error:
        raise UserError(f"{source}: version {version.number} cannot be copied ({error}).") from None


def files(source: str) -> tuple[dict[str, bytes], int | None, dict[str, Any] | None]:
    """The files of the model at a path or by name; its number and lineage if it is registered.

    Raises UserError when there is no model, or a required file is missing.
    """
    built, number, lineage = read(source) if is_registered(source) else (predictor.read(Path(source)), None, None)
    if lacking := [part for part in (model_contract.CONTRACT, predictor.FORM, predictor.MODEL) if part not in built]:
        raise UserError(f"{source} is no model folder: {', '.join(lacking)} missing. Build one with `make run`.")
    return built, number, lineage


def _version(source: str) -> tuple[Any, Any]:
    parts = _parts(source)
    from ml.registry.registry import open_registry  # noqa: PLC0415  (a folder is served without it)

    try:
        home = open_registry(parts["name"])
        state = home.state()
    except ImportError:
        raise UserError(
            f"{source} is on the server {tracking.shown(tracking.server() or '')}, and MLflow is not installed here. "
            "Install the extra `pipeline`, or unset MLFLOW_TRACKING_URI and bring the folder .mlflow/ "
            "(make registry DO=pull), or set the folder of a model."
        ) from None
    except OSError as error:
        raise UserError(f"{source}: the registry cannot be read ({error}). Check it with `make models`.") from None
    version = state.named(parts["alias"]) if parts["alias"] else state.version(int(parts["number"]))
    if version is None:
        where = tracking.shown(tracking.server() or str(tracking.HOME))
        aliases = (
            ", ".join(f"{alias} is version {n}" for alias, n in sorted(state.aliases.items())) or "no alias is set"
        )
        lacking = "The registry is empty: run make register, or make registry DO=pull"
        remedy = "`make models` lists them" if state.versions else lacking
        raise NoVersion(f"{source} is not a version in the registry {where}: {aliases}. {remedy}.")
    return home, version


def _parts(source: str) -> re.Match[str]:
    parts = SOURCE.fullmatch(source)
    if not parts:
        raise UserError(f"{source} is not a model. Write models:/NAME@champion, or models:/NAME/3 for a version.")
    return parts

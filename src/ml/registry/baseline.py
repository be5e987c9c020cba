"""The champion: the registry's champion, otherwise the build of the base branch."""

from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from dvc import api
from dvc.exceptions import DvcException
from dvc_data.index import DataIndexDirError

from ml.io import files, git
from ml.model import committed
from ml.registry import registry
from ml.registry.tracking import HOME

MODEL = (files.MODEL / "model.skops").as_posix()


@dataclass(frozen=True)
class Baseline:
    """A model, its settings and its data; without loadable files `model` is None and `why` has the reason."""

    version: str
    model: bytes | None
    params: dict[str, Any] = field(default_factory=dict)  # the settings that it was built with
    data: str = ""  # MD5 of its table
    why: str = ""
    digest: str | None = None  # its name in the registry, None for a build


def find(project: str, branch: str = "main") -> Baseline | None:
    """The registry's champion; without one, the build of branch `branch`; None if there is neither."""
    return registered(project) or built(branch)


def registered(project: str) -> Baseline | None:
    """The registry's champion; None if no version has been promoted yet."""
    found = registry.champion(HOME, project)
    if found is None:
        return None
    origin = found.lineage
    return Baseline(f"version {found.version}", found.model, origin.params, origin.data.md5 or "", digest=found.digest)


def built(branch: str) -> Baseline | None:
    """The build of branch `branch`; None if it has none, or if nothing is committed here."""
    revision = git.base(branch)
    if revision is None:
        why = f"this clone has no branch {branch}, so its build is unknown. Run `git fetch origin {branch}`"
        return Baseline(f"the model of {branch}", None, why=why) if git.ask("rev-parse", "HEAD") else None
    lock = yaml.safe_load(git.show(revision, "dvc.lock") or "")
    stages = (lock or {}).get("stages", {})
    if "train" not in stages:
        return None
    params = yaml.safe_load(git.show(revision, files.PARAMS) or "") or {}
    table = params.get("data", {}).get("file")
    recorded = {entry["path"]: entry.get("md5") for s in stages.values() for entry in s["deps"] + s.get("outs", [])}
    baseline = Baseline(
        version=f"the model of {branch} ({revision[:7]})",
        model=None,
        params=params,
        data=recorded.get(table) or "",
    )
    if recorded[files.MODEL.as_posix()] == committed.digest(files.MODEL):
        return replace(baseline, model=files.read_bytes(files.MODEL / "model.skops"))  # a fresh clone has no other copy
    try:
        return replace(baseline, model=api.read(MODEL, rev=revision, mode="rb"))
    except (DvcException, DataIndexDirError, OSError) as error:
        return replace(baseline, why=f"DVC has it neither here nor in a remote ({' '.join(str(error).split())})")

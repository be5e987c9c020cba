"""The lineage of a model: everything that is needed to explain it and to build it again."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, StringConstraints

from ml.data.validation_record import ValidationRecord
from ml.io import files, git
from ml.io.saved import SavedRecord
from ml.model import identity
from ml.settings.data import Data
from ml.settings.section import Section

COMMIT = r"^[A-Za-z0-9][A-Za-z0-9._ -]*$"  # becomes an argument of git, so it must not look like an option
LOCK = Path("dvc.lock")
PACKAGES = Path("src/locks/pipeline.txt")
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")


class TableLineage(BaseModel):
    """The table that a model was trained and tested on."""

    file: str = ""
    md5: str | None
    rows: int | None = None


class Library(BaseModel):
    """The estimator's library, and the MD5 of its lock file where it has one."""

    library: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]  # becomes the name of a lock file
    lock: str | None = None


class Machine(BaseModel):
    """Python, platform and the versions of the libraries that affect a model, including the estimator's library."""

    python: str | None = None
    platform: str | None = None
    libraries: dict[str, str] = {}


class Lineage(Machine, SavedRecord):
    """The record of a model's origin in a registry and an image; versions of older code may lack fields."""

    model_config = ConfigDict(extra="allow")

    AGAIN: ClassVar[str] = "Use the code that registered it, or register the model again."

    model: str = ""
    commit: Annotated[str, StringConstraints(pattern=COMMIT)] | None
    changed: list[str]
    data: TableLineage
    params: dict[str, Any] = {}
    dvc_lock: str | None = None
    packages: str | None = None
    estimator: Library | None = None
    version: int | None = None  # in an image: the version in the registry

    @property
    def library(self) -> str:
        """The estimator's library; empty for scikit-learn."""
        return self.estimator.library if self.estimator else ""


def collect(data: Data, params: Section, library: str = "") -> Lineage:
    """Commit, data, parameters, locks, platform and model digest of the current build/; `library` comes from Train.

    `commit` is None outside git. `changed` names files that differ from the commit, so an empty list means that the
    commit alone determines the build. None of this is inside build/model: a DVC output that held the commit would
    change with every commit.
    """
    here = machine(library)
    return Lineage(
        model=identity.of(files.MODEL),
        commit=(git.ask("rev-parse", "HEAD") or "").strip() or None,
        changed=changed(),
        data=TableLineage(file=data.file, md5=md5(Path(data.file)), rows=ValidationRecord.read(files.VALIDATION).rows),
        params=params.model_dump(mode="json", by_alias=True),
        dvc_lock=pipeline_md5(),
        packages=md5(PACKAGES),
        estimator=Library(library=library, lock=md5(lock_of(library))) if library else None,
        python=here.python,
        platform=here.platform,
        libraries=here.libraries,
    )


def lock_of(library: str) -> Path:
    """The lock file of an estimator's library."""
    return PACKAGES.with_name(f"{library}.txt")


def machine(library: str = "") -> Machine:
    """The platform and versions of this machine."""
    own = _version(library)
    return Machine(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        libraries={name: version(name) for name in LIBRARIES} | ({library: own} if own else {}),
    )


def _version(library: str) -> str | None:
    """The version of an estimator's library; XGBoost comes as one of two packages."""
    for name in (library, f"{library}-cpu") if library else ():
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def md5(path: Path) -> str | None:
    """The MD5 of a file, as in DVC; None when it is absent."""
    return files.digest(path) if path.is_file() else None


def pipeline_md5() -> str | None:
    """The MD5 of dvc.lock without the stage `track`, which runs before DVC writes its entry."""
    import yaml  # noqa: PLC0415 - the image reads records of lineage, and has no PyYAML

    if not LOCK.is_file():
        return None
    stages = yaml.safe_load(LOCK.read_text(encoding="utf-8")).get("stages", {})
    kept = {name: stage for name, stage in stages.items() if name != "track"}
    return hashlib.md5(yaml.safe_dump(kept).encode(), usedforsecurity=False).hexdigest()


def changed() -> list[str]:
    """Files that differ from the commit, including new ones, at most 20; ignored files do not count."""
    return (git.changed() or [])[:20]

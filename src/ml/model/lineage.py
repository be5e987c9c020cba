"""Where a model comes from: all that is needed to explain it and to build it again."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from ml.io import files, git
from ml.model import identity
from ml.settings.data import Data
from ml.settings.section import Section

LOCK = Path("dvc.lock")
PACKAGES = Path("src/locks/pipeline.txt")
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")


def collect(data: Data, params: Section, library: str = "") -> dict[str, Any]:
    """Commit, data, parameters, locks, platform and model digest of what stands in build/ now; `library` of Train.

    `commit` is None outside git. `changed` names tracked or new files that the commit does not hold as they are, so an
    empty list means that the commit alone says what was built. None of this is inside build/model: a DVC output that
    held the commit would change with every commit.
    """
    return {
        "model": identity.of(files.MODEL),
        "commit": (git.ask("rev-parse", "HEAD") or "").strip() or None,
        "changed": changed(),
        "data": {
            "file": data.file,
            "md5": md5(Path(data.file)),
            "rows": files.read_json(files.VALIDATION)["rows"],
        },
        "params": params.model_dump(mode="json", by_alias=True),
        "dvc_lock": pipeline_md5(),
        "packages": md5(PACKAGES),
        **estimator(library),
        **machine(library),
    }


def estimator(library: str) -> dict[str, dict[str, str | None]]:
    """The estimator's library and the MD5 of its lock file, where it has one."""
    return {"estimator": {"library": library, "lock": md5(lock_of(library))}} if library else {}


def lock_of(library: str) -> Path:
    """The lock file of an estimator's library."""
    return PACKAGES.with_name(f"{library}.txt")


def machine(library: str = "") -> dict[str, Any]:
    """Python, platform and the versions of the libraries that shape a model, the estimator's own with them."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": {name: version(name) for name in LIBRARIES}
        | ({library: found} if (found := _version(library)) else {}),
    }


def _version(library: str) -> str | None:
    """The version of an estimator's library; XGBoost comes as one of two packages."""
    for name in (library, f"{library}-cpu") if library else ():
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def md5(path: Path) -> str | None:
    """The MD5 of a file, as DVC names it; None when it is absent."""
    return files.digest(path) if path.is_file() else None


def pipeline_md5() -> str | None:
    """The MD5 of dvc.lock without the stage `track`, which asks for it before DVC has written its entry."""
    if not LOCK.is_file():
        return None
    stages = yaml.safe_load(LOCK.read_text(encoding="utf-8")).get("stages", {})
    kept = {name: stage for name, stage in stages.items() if name != "track"}
    return hashlib.md5(yaml.safe_dump(kept).encode(), usedforsecurity=False).hexdigest()


def changed() -> list[str]:
    """Files that differ from the commit, at most 20, new ones too; ignored files do not count."""
    lines = (git.ask("status", "--porcelain", "--no-renames") or "").splitlines()
    return sorted(line[3:].strip('"') for line in lines)[:20]

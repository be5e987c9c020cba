"""Whether table and build match the commit: the digest of the table, and the outputs of a build without a cache."""

import json
from hashlib import md5
from pathlib import Path

import yaml

from ml.io import files, git

LOCK, DATA = Path("dvc.lock"), Path("data.dvc")
SHOWN = 12  # characters of a digest


def wrong_data() -> list[str]:
    """A sentence for each file of data.dvc whose bytes differ from its digest.

    DVC does not check downloads from a remote.
    """
    recorded = yaml.safe_load(DATA.read_text(encoding="utf-8"))["outs"] if DATA.is_file() else []
    found = {out["path"]: (out.get("md5", ""), digest(Path(out["path"]))) for out in recorded}
    return [
        f"{path} has digest {here[:SHOWN]}, but {DATA} has {said[:SHOWN]}"
        for path, (said, here) in found.items()
        if said and here != said
    ]


def unlike() -> list[str]:
    """The differences between a build without a cache and the commit: outputs with both digests, otherwise files."""
    changed = git.changed(LOCK, files.BUILD, new=False) or []
    if not LOCK.is_file() or str(LOCK) not in changed:
        return changed
    return differing(git.show("HEAD", LOCK) or "", LOCK.read_text(encoding="utf-8")) + changed


def differing(before: str, after: str) -> list[str]:
    """A sentence for each output whose digests in two texts of dvc.lock differ."""
    old, new = _outputs(before), _outputs(after)
    return [
        f"{path} has digest {new[path][:SHOWN]}, but the commit's {LOCK} has {old.get(path, 'nothing')[:SHOWN]}"
        for path in new
        if new[path] != old.get(path)
    ]


def digest(path: Path) -> str:
    """The MD5 of a file, or of a folder as DVC records it: the MD5 of the list of its files and their MD5."""
    if not path.is_dir():
        return files.digest(path) if path.is_file() else "nothing"
    paths = sorted((p for p in path.rglob("*") if p.is_file()), key=lambda p: p.relative_to(path).as_posix())
    entries = [{"md5": files.digest(p), "relpath": p.relative_to(path).as_posix()} for p in paths]
    return md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _outputs(lock: str) -> dict[str, str]:
    stages = (yaml.safe_load(lock) or {}).get("stages", {})
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}

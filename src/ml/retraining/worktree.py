"""A second checkout in which a retraining builds and commits; the user's checkout is never changed."""

import configparser
import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ml.io import dvc, git, process
from ml.registry.tracking import HOME


@contextmanager
def at(commit: str) -> Generator[Path]:
    """A temporary folder with the files of a commit; it shares DVC's cache and the registry."""
    root = Path.cwd()
    git.inside(root, "worktree", "prune")
    with tempfile.TemporaryDirectory(prefix="retrain.") as place:
        folder = Path(place) / "tree"
        git.inside(root, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            dvc.must("cache", "dir", "--local", str(_cache(root)), folder=folder)
            (root / HOME).mkdir(exist_ok=True)
            (folder / HOME).symlink_to(root / HOME)
            yield folder
        finally:
            git.inside(root, "worktree", "remove", "--force", str(folder))


def run(folder: Path, *command: str) -> int:
    """The exit code of a command that runs with the folder's own code."""
    return process.finished([*command], cwd=folder, env=os.environ | environment(folder), stdout=sys.stderr)


def environment(folder: Path) -> dict[str, str]:
    """The variables with which Python imports the folder's own code."""
    return {"PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"}


def commit(folder: Path, branch: str, message: str, day: str) -> str:
    """Commit the changes and point `branch` to the commit; the same files on the same day give the same commit."""
    stamp = f"{day}T00:00:00Z"
    who = {
        f"GIT_{role}_{part}": v
        for role in ("AUTHOR", "COMMITTER")
        for part, v in (("NAME", "retrain"), ("EMAIL", git.ROBOT))
    }
    git.inside(folder, "add", "--update")
    if remote := own_remote(folder):
        git.inside(folder, "add", "--", str(remote))
    dates = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    git.inside(folder, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", message, **who, **dates)
    git.inside(folder, "branch", "--quiet", "--force", branch)
    return git.inside(folder, "rev-parse", "HEAD")


def _cache(root: Path) -> Path:
    return (root / dvc.must("cache", "dir", folder=root).strip()).resolve()


def own_remote(folder: Path) -> Path | None:
    """The folder of DVC's default remote if it is inside the repository, whose objects must be committed."""
    config = configparser.ConfigParser()
    config.read(folder / ".dvc" / "config")
    name = config.get("core", "remote", fallback="")
    url = config.get(f"'remote \"{name}\"'", "url", fallback="")
    place = (folder / ".dvc" / url).resolve()
    return place if url and "://" not in url and place.is_relative_to(folder.resolve()) else None

"""A second checkout in which a retraining builds and commits; the user's checkout is never changed."""

import configparser
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from ml.io import dvc, files, git, process
from ml.io.errors import UserError
from ml.registry.tracking import HOME

PREFIX, TREE, LOCK = "retrain.", "tree", ".lock"


@contextmanager
def at(commit: str) -> Generator[Path]:
    """A temporary folder with the files of a commit; it shares DVC's cache and the registry."""
    root = Path.cwd()
    _sweep(root)
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX) as place,
        files.locked(Path(place, LOCK), f"another command uses {place}. Run this command again."),
    ):
        folder = Path(place, TREE)
        git.inside(root, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            dvc.must("cache", "dir", "--local", str(_cache(root)), folder=folder)
            (root / HOME).mkdir(exist_ok=True)
            (folder / HOME).symlink_to(root / HOME)
            yield folder
        finally:
            git.inside(root, "worktree", "remove", "--force", str(folder))


def _sweep(root: Path) -> None:
    """Remove what killed retrainings of this repository left: their folders are not locked any more."""
    ours = {line.removeprefix("worktree ") for line in git.inside(root, "worktree", "list", "--porcelain").splitlines()}
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        tree, lock = (place / TREE).resolve(), place / LOCK
        with suppress(OSError, UserError):
            if not lock.exists():
                place.rmdir()  # fails if it is not empty
            elif str(tree) in ours or not tree.exists():  # other repositories have such folders too
                with files.locked(lock, ""):
                    shutil.rmtree(place, ignore_errors=True)
    git.inside(root, "worktree", "prune")


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

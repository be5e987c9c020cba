"""The embedded registry on a branch of a git remote: pulled, merged and pushed without touching files or the index.

Each push is one commit whose message lists the changes. If another push came first, its ledger is merged and the push
is repeated; no push overwrites the work of another.
"""

import os
import random
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ml.io import cli, git
from ml.io.errors import UserError
from ml.io.text import one_line
from ml.model import identity
from ml.model.identity import PARTS
from ml.registry import ledger
from ml.registry.embedded_home import DEPLOYMENTS, LEDGER, VERDICTS, Embedded
from ml.registry.entries import DIGEST, dumps, loads, registered
from ml.registry.ledger import Entry, State

BRANCH = "mlflow"
SEEN = "refs/registry/seen"  # keeps the fetched commit, so that the next fetch transfers only new objects
BESIDE = (VERDICTS, DEPLOYMENTS)  # append-only logs
TRIES = 30
AS_IS = ("-c", "core.compression=0", "-c", "core.bigFileThreshold=512k")  # model files are compressed already
ABOUT = b"The model registry, written by `make registry DO=push`. docs/registry.md explains it. Do not edit by hand.\n"


def pull(home: Embedded, remote: str = "origin") -> State:
    """The state after merging the remote's branch into the home; entries that only the home has are kept.

    MLflow's database is updated by the next command that writes to it, or by `make ui`, because most pulls do not need
    it.
    """
    tip = _fetch(remote)
    home.mend()
    for name in BESIDE:
        _merge_lines(home, tip, name)
    return ledger.fold(_merge(home, tip))


def push(home: Embedded, remote: str = "origin") -> tuple[State, list[Entry]]:
    """The state after merging both ways, and the lines that were new to the remote."""
    for attempt in range(TRIES):
        tip = _fetch(remote)
        entries = _merge(home, tip)
        logs = {LEDGER: entries, **{name: _merge_lines(home, tip, name) for name in BESIDE}}
        theirs = {name: _lines(tip, name) for name in logs}
        new = [entry for name, log in logs.items() for entry in log if entry not in theirs[name]]
        if not new:
            return ledger.fold(entries), []
        commit = _commit(home, tip, logs, new)
        done = git.call(*AS_IS, "push", "--quiet", remote, f"{commit}:refs/heads/{BRANCH}")
        if done.returncode == 0:
            git.call("update-ref", SEEN, commit)
            return ledger.fold(entries), new
        if tip == _tip(remote) and attempt:
            break  # no other push came first, so the remote refused this one
        time.sleep(random.uniform(0, 0.2 * (attempt + 1)))  # noqa: S311
    raise UserError(f"{remote} refused the registry: {git.said(done)} Nothing is lost; fix this and push again.")


def _merge(home: Embedded, tip: str | None) -> list[Entry]:
    """Models first and the ledger after them, so that a crash between never leaves a version without its model."""
    theirs = _lines(tip, LEDGER)
    state = ledger.fold(ledger.merge(theirs, home.entries()))
    present = set(_models(tip))
    missing = [v.model for v in state.versions if v.model in present and not home.folder(v.model).exists()]
    _extract(home, tip, missing)
    entries = home.change(lambda ours: ledger.merge(theirs, ours))
    home.sweep(ledger.fold(entries))
    return entries


def _merge_lines(home: Embedded, tip: str | None, name: str) -> list[Entry]:
    theirs = _lines(tip, name)
    return home.change(lambda ours: ledger.union(theirs, ours), name)


def _fetch(remote: str) -> str | None:
    tip = _tip(remote)
    if tip is None or git.call("cat-file", "-e", f"{tip}^{{tree}}").returncode == 0:
        return tip
    mine = f"refs/registry/{os.getpid()}"
    shallow = git.must("rev-parse", "--is-shallow-repository").strip() == b"true"
    depth = ["--depth=1"] if shallow else []
    git.must("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *depth, remote, f"+refs/heads/{BRANCH}:{mine}")
    tip = git.must("rev-parse", mine).decode().strip()
    git.call("update-ref", SEEN, tip)
    git.must("update-ref", "-d", mine)
    return tip


def _tip(remote: str) -> str | None:
    if remote.startswith("-"):
        raise UserError(f"`{remote}` is not a remote, but an option of git. `git remote -v` lists them.")
    done = git.call("ls-remote", remote, f"refs/heads/{BRANCH}")
    if done.returncode:
        raise UserError(f"the registry cannot be reached at {remote}: {git.said(done)} Check `git remote -v`.")
    lines = [line.split("\t") for line in done.stdout.decode().split("\n") if line]
    return {name: tip for tip, name in lines}.get(f"refs/heads/{BRANCH}")


def _lines(tip: str | None, name: str) -> list[Entry]:
    """The valid lines of a file on the branch; invalid lines are reported, and the next push drops them."""
    if tip is None or name not in _tree(tip):
        return []
    where = f"{name} on branch {BRANCH}"
    found = loads(git.must("cat-file", "blob", f"{tip}:{name}"), where, torn=True)
    return registered(found, where) if name == LEDGER else found


def _models(tip: str | None) -> dict[str, str]:
    """The tree object of each model folder on the branch: each folder whose name is a digest."""
    if tip is None or git.call("cat-file", "-e", f"{tip}:models").returncode:
        return {}
    return {n: name for n, (kind, name) in _tree(f"{tip}:models").items() if kind == "tree" and DIGEST.fullmatch(n)}


def _tree(place: str) -> dict[str, tuple[str, str]]:
    """The entries of a git tree: kind and object by name."""
    lines = [
        line.split("\t", 1) for line in git.must("ls-tree", "-z", place).decode(errors="replace").split("\0") if line
    ]
    return {name: (head.split()[1], head.split()[2]) for head, name in lines}


def _extract(home: Embedded, tip: str | None, models: list[str]) -> None:
    """Fetch model folders; only plain files are accepted, and the digest must match the folder's name."""
    if not models:
        return
    with tempfile.TemporaryDirectory(dir=_made(home.home), prefix=".pull.") as folder:
        archive = Path(folder) / "models.tar"
        git.must("archive", f"--output={archive.resolve()}", str(tip), *[f"models/{model}" for model in models])
        with tarfile.TarFile(archive) as tar:
            tar.extractall(folder, members=_plain(tar), filter="data")
        for model in models:
            place = Path(folder) / "models" / model
            if all((place / name).is_file() for name in PARTS) and identity.named(identity.read(place), model):
                home.take(model, place)
            else:
                cli.say(f"registry: models/{model} on branch {BRANCH} is refused: its digest differs from its name.")


def _plain(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The files and folders of an archive; links and devices are reported and left out."""
    for member in tar:
        if member.isfile() or member.isdir():
            yield member
        else:
            cli.say(f"registry: {one_line(member.name)} on branch {BRANCH} is refused: it is not a plain file.")


def _commit(home: Embedded, tip: str | None, logs: dict[str, list[Entry]], new: list[Entry]) -> str:
    state = ledger.fold(logs[LEDGER])
    there = _models(tip)
    kept = [v.model for v in state.versions if not v.pruned]
    added = _trees({m: home.folder(m) for m in kept if m not in there and home.folder(m).exists()})
    trees = {model: tree for model, tree in {**there, **added}.items() if model in kept}
    models = _mktree(f"040000 tree {tree}\t{model}\n" for model, tree in sorted(trees.items()))
    blobs = [_blob("README.md", ABOUT), *(_blob(name, dumps(log)) for name, log in logs.items() if log)]
    root = _mktree([*blobs, f"040000 tree {models}\tmodels\n"])
    parent = ["-p", tip] if tip else []
    return git.must("commit-tree", root, *parent, data=_message(state, new).encode()).decode().strip()


def _mktree(lines: Iterable[str]) -> str:
    return git.must("mktree", data="".join(lines).encode()).decode().strip()


def _blob(name: str, content: bytes) -> str:
    return f"100644 blob {git.must('hash-object', '-w', '--stdin', data=content).decode().strip()}\t{name}\n"


def _trees(folders: dict[str, Path]) -> dict[str, str]:
    """A git tree object for each folder of files; two git processes for any number of folders."""
    paths = [path for folder in folders.values() for path in sorted(folder.iterdir())]
    if not paths:
        return {}
    names = "".join(f"{path.resolve()}\n" for path in paths).encode()
    hashes = git.must(*AS_IS, "hash-object", "-w", "--no-filters", "--stdin-paths", data=names).decode().split()
    lines = defaultdict(list)
    for path, blob in zip(paths, hashes, strict=True):
        lines[path.parent.name].append(f"100644 blob {blob}\t{path.name}\n")
    trees = git.must("mktree", "--batch", data="\n".join("".join(part) for part in lines.values()).encode())
    return dict(zip(lines, trees.decode().split(), strict=True))


def _message(state: State, new: list[Entry]) -> str:
    lines = [ledger.sentence(entry, state) for entry in new]
    return "\n".join([lines[0] if len(lines) == 1 else f"{len(lines)} changes of the registry", "", *lines]) + "\n"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder

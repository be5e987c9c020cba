"""Whether the lock files match the build, so that anyone can rebuild it."""

from dataclasses import replace

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.locks import Locks
from ml.io.text import counted
from ml.settings.section import given

SHOWN = 5


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on dvc.lock and data.dvc, on what is not committed, and on the versions of packages."""
    rule, locks = given(evidence.params.gates.freshness), evidence.locks
    binding = rule.refuse == "always" or (rule.refuse == "ci" and locks.ci)
    found = [pipeline(locks), committed(locks), packages(locks)]
    return found if binding else [replace(verdict, severity="warning") for verdict in found]


def pipeline(locks: Locks) -> Verdict:
    """The differences from dvc.lock and data.dvc."""
    if locks.dvc is None:
        return _verdict(
            "pipeline", "`dvc status` fails, so it is unknown whether dvc.lock matches. Run it to see the reason."
        )
    changed = [f"{stage}: {what}" for stage, entries in locks.dvc.items() for what in _entries(entries)]
    problem = _problem(changed, "dvc.lock or data.dvc does not match", "Run `dvc repro`")
    return _verdict("pipeline", problem, "dvc.lock and data.dvc match the code and the data")


def committed(locks: Locks) -> Verdict:
    """The lock files that differ from the last commit."""
    if locks.uncommitted is None:
        return _verdict("committed", "git fails here, so it is unknown whether the lock files are committed.")
    problem = _problem(locks.uncommitted, "different from the last commit", "Commit the build")
    return _verdict("committed", problem, "dvc.lock, data.dvc and src/locks/ are as committed")


def packages(locks: Locks) -> Verdict:
    """The requirements missing in the lock files, and the packages that differ from src/locks/pipeline.txt."""
    here = {name: locks.installed.get(name, pin) for name, pin in locks.pins.items()}
    wrong = [f"{name} {have} (lock: {locks.pins[name]})" for name, have in here.items() if have != locks.pins[name]]
    problem = (
        _problem(locks.unmet, "pyproject.toml requires packages that src/locks/ does not contain", "Run `make locks`")
        or _problem(wrong, "built with other packages than those in src/locks/pipeline.txt", "Run `make setup`")
        or ("" if locks.pins else "src/locks/pipeline.txt pins nothing. Run `make locks`.")
    )
    return _verdict(
        "packages", problem, f"all {counted(len(locks.installed), 'package')} are as in src/locks/pipeline.txt"
    )


def _verdict(name: str, problem: str, good: str = "") -> Verdict:
    return Verdict(f"locks: {name}", passed=not problem, reason=problem or good)


def _problem(items: list[str], what: str, remedy: str) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return f"{what}: {', '.join(items[:SHOWN])}{more}. {remedy}." if items else ""


def _entries(entries: list) -> list[str]:
    """The changes of a stage. `always changed` and `not in cache` do not concern content."""
    changes = [entry for entry in entries if isinstance(entry, dict)]
    return [
        f"{kind.removeprefix('changed ')} {path} {_state(state)}"
        for change in changes
        for kind, paths in change.items()
        for path, state in (paths if isinstance(paths, dict) else {paths: "changed"}).items()
        if state != "not in cache"
    ] + [entry for entry in entries if isinstance(entry, str) and entry != "always changed"]


def _state(state: object) -> str:
    """Of params.yaml, DVC lists the settings with a state each."""
    return f"({', '.join(f'{name} {how}' for name, how in state.items())})" if isinstance(state, dict) else str(state)

"""Whether the lock files match what was just built, so that anyone can build it again."""

from ml.gates.evidence import Evidence, Locks
from ml.gates.verdict import Verdict

SHOWN = 5


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on dvc.lock and data.dvc, on what is not committed, and on the versions of packages."""
    rule, locks = evidence.params.gates.freshness, evidence.locks
    binding = rule.refuse == "always" or (rule.refuse == "ci" and locks.ci)
    severity = "critical" if binding else "warning"
    found = {"pipeline": pipeline(locks), "committed": committed(locks), "packages": packages(locks)}
    return [
        Verdict(f"locks: {name}", passed=not problem, reason=problem or good, severity=severity)
        for name, (problem, good) in found.items()
    ]


def pipeline(locks: Locks) -> tuple[str, str]:
    """What differs from dvc.lock and data.dvc ("" when nothing does), and the sentence when all is well."""
    if locks.dvc is None:
        return "`dvc status` does not work here, so nobody knows whether dvc.lock fits. Run `dvc status`.", ""
    changed = [f"{stage}: {what}" for stage, entries in locks.dvc.items() for what in _entries(entries)]
    return _problem(changed, "dvc.lock or data.dvc does not match", "Run `dvc repro`"), "dvc.lock and data.dvc match"


def committed(locks: Locks) -> tuple[str, str]:
    """Which lock files the last commit holds otherwise."""
    if locks.uncommitted is None:
        return "git does not answer here, so nobody knows whether the lock files are committed.", ""
    return (
        _problem(locks.uncommitted, "not as the last commit has it", "Commit what was built"),
        "dvc.lock, data.dvc and locks/ are as committed",
    )


def packages(locks: Locks) -> tuple[str, str]:
    """Which packages differ from locks/pipeline.txt, and which requirements the lock does not meet."""
    here = {name: locks.installed.get(name, pin) for name, pin in locks.pins.items()}
    wrong = [
        f"{name} {version} (lock: {locks.pins[name]})" for name, version in here.items() if version != locks.pins[name]
    ]
    if not locks.pins:
        return "locks/pipeline.txt pins nothing. Run `make locks`.", ""
    return (
        _problem(locks.unmet, "pyproject.toml asks for what locks/pipeline.txt does not hold", "Run `make locks`")
        or _problem(wrong, "built with other packages than locked", "Run `make setup`"),
        f"all {len(locks.installed):,} installed packages are as in locks/pipeline.txt",
    )


def _problem(items: list[str], what: str, remedy: str) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return f"{what}: {', '.join(items[:SHOWN])}{more}. {remedy}." if items else ""


def _entries(entries: list) -> list[str]:
    """What changed in a stage. `always changed` and `not in cache` say nothing about content."""
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

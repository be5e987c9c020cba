"""List missing settings of this machine and of GitHub, and the effect of each."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version

from ml.deployment import container_engine
from ml.github import fork_settings, github, repository_settings, rules, runner
from ml.github.fork_settings import FINE, MISSING, UNSEEN, SettingFinding
from ml.github.github import Repository
from ml.io import cli, files, git
from ml.io.errors import UserError
from ml.io.markdown import Markup, table
from ml.registry import tracking
from ml.settings.params import read_params

WORKFLOWS = Path(".github/workflows")
BLIND = "no setting on GitHub was checked"


def main() -> int:
    """Print each setting as fine, missing, default or not seen, with its effect; exit with 1 if one is missing."""
    found = {"Here": [*_here()], "GitHub": [*_there()]}
    for place, findings in found.items():
        cli.tell("\n".join([place, *fork_settings.told(findings), ""]))
    everything = [finding for findings in found.values() for finding in findings]
    counts = [
        f"{n} {state}" for state in (FINE, MISSING, fork_settings.DEFAULT, UNSEEN) if (n := _count(everything, state))
    ]
    cli.tell(", ".join(counts))
    rows = [[f.state, f.name, f.found, Markup(f.then), Markup(f.cure)] for f in everything]
    runner.summary(table(["", "what", "found", "then", "do"], rows))
    return 1 if _count(everything, MISSING) else 0


def _count(findings: list[SettingFinding], state: str) -> int:
    return sum(finding.state == state for finding in findings)


def _here() -> Iterator[SettingFinding]:
    yield SettingFinding("Python", FINE, python_version())  # an older one does not get this far: src/tools/make_venv.py
    yield SettingFinding("git", FINE, (git.ask("--version") or "").removeprefix("git version ").strip())
    yield fork_settings.engine(_engine())
    yield fork_settings.proxy(shutil.which("haproxy") is not None)
    params = read_params()
    yield fork_settings.data(params.data.file, Path(params.data.file).exists())
    server = tracking.server()
    yield fork_settings.registry(server and tracking.shown(server), git.ask("ls-remote", "origin", "refs/heads/mlflow"))


def _engine() -> str | None:
    try:
        return container_engine.engine()[0]
    except UserError:
        return None


def _there() -> Iterator[SettingFinding]:
    environment = repository_settings.environment(os.environ, git.ask("remote", "get-url", "origin"))
    name = environment["GITHUB_REPOSITORY"]
    if not name:
        yield SettingFinding(
            "repository", UNSEEN, "origin is not on GitHub", BLIND, "Set GITHUB_REPOSITORY=owner/name."
        )
        return
    repository = github.connect(environment)
    if repository is None:
        yield SettingFinding(name, UNSEEN, "there is no token", BLIND, fork_settings.OWNER)
        return
    try:
        about = repository_settings.about(repository)
    except UserError as error:
        yield SettingFinding(name, UNSEEN, str(error), BLIND, fork_settings.OWNER)
        return
    yield from _judged(repository, about)


def _judged(repository: Repository, about: dict) -> Iterator[SettingFinding]:
    running = os.environ.get("GITHUB_ACTIONS") == "true"
    branch = about["default_branch"]
    permissions = repository_settings.asked(repository, "/actions/permissions")
    texts = {path.name: files.read_bytes(path).decode() for path in sorted(WORKFLOWS.parent.rglob("*.yml"))}
    yield fork_settings.actions(permissions, running)
    selected = repository_settings.asked(repository, "/actions/permissions/selected-actions") if permissions else None
    yield rules.allowed(permissions, selected, rules.used(texts.values()))
    yield from fork_settings.schedules(repository_settings.workflow_states(repository), fork_settings.scheduled(texts))
    yield fork_settings.quiet(about, repository_settings.newest_commit(repository, branch), datetime.now(UTC))
    yield fork_settings.pull_requests(repository_settings.asked(repository, "/actions/permissions/workflow"))
    wanted = repository_settings.asked(repository, f"/rules/branches/{branch}")
    checks = repository_settings.classic_checks(repository, branch)
    planned = repository_settings.planned(repository)
    yield rules.required(wanted, checks, branch, planned)
    yield from filter(None, (rules.queue(wanted, texts), rules.default_branch(branch)))
    if planned and tracking.server() is None:
        yield rules.registry(repository_settings.asked(repository, "/rules/branches/mlflow"))
    yield from rules.environments(repository_settings.environments(repository), about["private"])
    yield rules.attestations(about["private"])
    yield fork_settings.issues(about)
    yield from fork_settings.settings(_known(repository, running))


def _known(repository: Repository, running: bool) -> dict[str, set[str]]:
    """The settings that are there, of each kind that could be seen; doctor.yml hands them to its job as variables."""
    given = {setting.name for setting in fork_settings.SETTINGS if os.environ.get(setting.name)}
    found = {}
    for kind in ("variable", "secret"):
        listed = repository_settings.names(repository, f"{kind}s")
        if listed is not None or running:
            found[kind] = (listed or set()) | {
                s.name for s in fork_settings.SETTINGS if s.kind == kind and s.name in given
            }
    return found


if __name__ == "__main__":
    cli.run(main)

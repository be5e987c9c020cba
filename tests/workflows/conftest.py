"""Shared fixtures of the workflow tests."""

import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import ROOT, SUMMARY, once
from tests.workflows import runner, table

LONGEST = ("engine", "release", "settings", "rerun", "monitor", "reproduce", "gates")  # in their test's id
SERVICE = ROOT / "tests" / "workflows" / "languageservice"


@pytest.fixture(scope="session")
def language_service() -> list[str]:
    """The command of GitHub's own parser for workflows."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: `apt-get install nodejs npm`, or nodejs.org")
    with FileLock(SERVICE / "node_modules.lock"):  # another worker may be at it
        if not (SERVICE / "node_modules" / ".package-lock.json").exists():  # what npm writes last
            command = ["npm", "ci", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=SERVICE, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"npm could not fetch the language service: {done.stderr[-300:]}")
    return ["node", str(SERVICE / "validate.mjs")]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """The common start of all scenarios, made once: the template with its model built, registered and pushed."""
    return once(tmp_path_factory, "prepared", runner.prepare)


@pytest.fixture
def scenario(prepared, tmp_path):
    """A separate repository with a remote, a store and a GitHub, before any event."""
    with runner.begin(prepared, tmp_path) as begun:
        yield begun


@pytest.fixture
def repository(tmp_path) -> Path:
    """A folder with our .github/ and the files that it names, to plant faults in."""
    for name in (".github", "src/tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def pytest_collection_modifyitems(items):
    """Tell each report what its test expects; start two scenarios, then what is short, then the others, longest first.

    The first process gets the first two, which share its container engine, and prepares what all scenarios start from;
    meanwhile another one does what is short.
    """
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in ours:
        item.user_properties.append((table.EXPECTED, table.expected(item.function.__doc__, item.module.__doc__)))
    if len(ours) == len(items):
        long = sorted((item for item in items if table.is_scenario(item.nodeid)), key=_weight)
        items[:] = [*long[:2], *(item for item in items if item not in long), *long[2:]]


def _weight(item):
    return next((n for n, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST))


def pytest_terminal_summary(terminalreporter):
    """One row for each scenario: expected result, result and seconds; in GitHub's summary of the job too."""
    reports = [r for found in terminalreporter.stats.values() for r in found if isinstance(r, pytest.TestReport)]
    rows = table.rows(reports)
    if rows:
        terminalreporter.write_line(f"\n{table.text(rows)}")
    if rows and SUMMARY:
        with Path(SUMMARY).open("a", encoding="utf-8") as file:
            file.write(table.markdown(rows))

"""What the tests of the workflows share."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import ROOT
from tests.workflows import runner

SERVICE = ROOT / "tests" / "workflows" / "languageservice"


@pytest.fixture(scope="session")
def language_service() -> list[str]:
    """The command that has GitHub's own parser look at workflows."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: `apt-get install nodejs npm`, or nodejs.org")
    if not (SERVICE / "node_modules").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=SERVICE, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm could not fetch the language service: {done.stderr[-300:]}")
    return ["node", str(SERVICE / "validate.mjs")]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """What all scenarios start from, made once: the template with its model built, registered and pushed."""
    shared = tmp_path_factory.getbasetemp()
    shared = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "prepared"
    with FileLock(f"{shared}.lock"):
        if not (shared / "done").exists():
            runner.prepare(shared)
            (shared / "done").touch()
    return shared


@pytest.fixture
def scenario(prepared, tmp_path):
    """A repository of its own with a remote, a store and a GitHub, in which nothing has happened yet."""
    with runner.begin(prepared, tmp_path) as begun:
        yield begun


@pytest.fixture
def repository(tmp_path) -> Path:
    """A folder with our .github/ and what it names, to plant faults in."""
    for name in (".github", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def pytest_terminal_summary(terminalreporter):
    """Scenario and result, a line each; the name of a scenario says what is expected."""
    for result in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(result, []):
            if "test_scenarios" in report.nodeid:
                name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
                terminalreporter.write_line(f"{result:<8}{name}")

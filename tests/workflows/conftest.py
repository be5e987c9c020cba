"""What the tests of the workflows share."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

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


@pytest.fixture
def repository(tmp_path) -> Path:
    """A folder with our .github/ and what it names, to plant faults in."""
    for name in (".github", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path

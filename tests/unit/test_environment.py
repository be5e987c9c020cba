"""Tests do not depend on the machine, and a job lists its skipped tests."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT, SAMPLE

ASKS = """import os, subprocess, pytest
def test_it():
    assert not {"CI", "GITHUB_TOKEN", "LC_ALL", "GIT_AUTHOR_NAME"} & set(os.environ)
    asked = subprocess.run(["git", "config", "--list", "--show-origin"], capture_output=True, text=True).stdout
    assert "somebody" not in asked
    assert "test@example.invalid" in asked
def test_other():
    pytest.skip("needs a thing: apt-get install thing")
"""


@pytest.mark.slow
def test_a_machines_identity_locale_and_runner_do_not_reach_a_test_and_skips_are_listed(tmp_path):
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = somebody\n")
    (tmp_path / "test_asks.py").write_text(ASKS)
    machine = {"CI": "true", "GITHUB_TOKEN": "x", "LC_ALL": "C", "GIT_AUTHOR_NAME": "somebody", "HOME": str(tmp_path)}
    summary = tmp_path / "summary.md"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "test_asks.py"]
    shutil.copy(SAMPLE, tmp_path / "params.yaml")

    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | machine | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip

    assert "1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "| needs a thing: apt-get install thing | 1 |" in summary.read_text()

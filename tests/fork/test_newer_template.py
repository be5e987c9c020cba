"""The commands of docs/operations.md merge a newer template and keep the settings and data of a repository."""

import os
import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

NAMES = {f"GIT_{role}_{what}": "reader@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def run(folder, *commands):
    script = "\n".join(commands)
    return subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=os.environ | NAMES, capture_output=True, text=True, check=True
    ).stdout


def files(folder, **texts):
    for name, text in texts.items():
        (folder / name).write_text(text)


@pytest.fixture
def template(tmp_path):
    """A template with two commits on main; returns its folder and the first commit."""
    folder = tmp_path / "template"
    folder.mkdir()
    files(folder, params="a: 1\n\n\nb: 2\n", code="old\n", demo="x\n")
    run(folder, "git init -q -b main", "git add -A", "git commit -qm one")
    start = run(folder, "git rev-parse HEAD").strip()
    files(folder, params="a: 1\n\n\nb: 2\n\n\nc: 3\n", code="new\n", added="y\n")
    run(folder, "git add -A", "git commit -qm two")
    return folder, start


@pytest.mark.slow
@pytest.mark.parametrize("history", ["fork", "copy"])
def test_a_newer_template_is_merged_and_own_changes_are_kept(template, tmp_path, history):
    folder, start = template
    ours = tmp_path / "ours"
    run(tmp_path, f"git clone -q {folder} ours", "cd ours", f"git reset -q --hard {start}", "git remote remove origin")
    if history == "copy":  # as *Use this template* makes it
        shutil.rmtree(ours / ".git")
        run(ours, "git init -q -b main", "git add -A", "git commit -qm Initial")
    files(ours, params="a: 9\n\n\nb: 2\n")
    run(ours, "git rm -q demo", "git commit -qam ours")
    section = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("## Take a newer version")[2]
    commands = re.findall(r"^git .*", section, re.MULTILINE)

    for command in commands:
        if history == "copy" or "--allow-unrelated" not in command:
            run(
                ours,
                command.replace("ADDRESS", str(folder)).replace("START", start).replace("merge ", "merge --no-edit "),
            )

    assert len(commands) == 4
    assert (ours / "params").read_text() == "a: 9\n\n\nb: 2\n\n\nc: 3\n"
    assert ((ours / "code").read_text(), (ours / "added").exists(), (ours / "demo").exists()) == ("new\n", True, False)

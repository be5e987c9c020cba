"""The stand-ins for third-party actions accept the inputs of the real actions at the pinned versions."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflows.runner import ACTIONS, HERE

PINNED = re.compile(r"uses: ([\w-]+/[\w/-]+)@([0-9a-f]{40}) # (v\d+)")
FILES = sorted((ROOT / ".github").rglob("*.yml"))
USED = sorted({found for path in FILES for found in PINNED.findall(path.read_text())})


def given(name):
    """The inputs of an action in our workflows."""
    contents = [yaml.safe_load(path.read_text()) for path in FILES]
    steps = [step for c in contents for step in (c.get("runs") or {}).get("steps", [])]
    steps += [step for c in contents for job in c.get("jobs", {}).values() for step in job.get("steps", [])]
    return {key for step in steps if step.get("uses", "").startswith(f"{name}@") for key in step.get("with", {})}


def lint(name, version, inputs, folder):
    """The messages of actionlint, which has a list of well-known actions, about these inputs of an action."""
    step = {"uses": f"{name}@{version}", "with": dict.fromkeys(inputs, "x")}
    workflow = {"on": "push", "jobs": {"job": {"runs-on": "ubuntu-latest", "steps": [step]}}}
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "one.yml").write_text(yaml.safe_dump(workflow))
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    done = subprocess.run(["actionlint", "-no-color"], cwd=folder, capture_output=True, text=True, check=False)
    return set(re.findall(r'input "([\w-]+)" is not defined in action', done.stdout))


@pytest.mark.parametrize(("name", "commit", "version"), USED)
def test_a_stand_in_accepts_the_inputs_of_our_workflows(name, commit, version):
    stand_in = yaml.safe_load((ACTIONS / name / "action.yml").read_text())

    assert given(name) <= set(stand_in.get("inputs", {}))


@pytest.mark.parametrize(("name", "commit", "version"), USED)
def test_a_stand_in_has_no_input_that_the_real_action_lacks(name, commit, version, tmp_path):
    """Inputs that actionlint does not list are in inputs.json, by commit; review them when the pin changes."""
    inputs = set(yaml.safe_load((ACTIONS / name / "action.yml").read_text()).get("inputs", {}))
    recorded = json.loads((HERE / "inputs.json").read_text()).get(f"{name}@{commit}")

    lacking = lint(name, version, inputs | {"no-such-input"}, tmp_path) if recorded is None else inputs - set(recorded)

    assert lacking == ({"no-such-input"} if recorded is None else set()), f"{name}: see tests/workflows/inputs.json"


def test_the_documents_list_the_omissions_of_every_stand_in():
    section = (ROOT / "docs" / "workflows.md").read_text().split("## Limits of the stand-ins\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \| .+ \| .+ \|$", section, re.MULTILINE)
    used = {name for path in FILES for name in re.findall(r"uses: ([\w-]+/[\w/-]+)@", path.read_text())}

    assert sorted(rows) == sorted(used)


def again(folder, kept, **inputs):
    """The exit code of the stand-in's upload of report.md in a run that has an artifact with the name `kept`."""
    (folder / "report.md").write_text("of the second attempt")
    (folder / "artifacts" / kept).mkdir(parents=True)
    given = {"PATHS": "report.md", "MISSING": "warn", "HIDDEN": "false", **inputs}
    environment = {"PATH": "/usr/bin:/bin", "STUB_STORE": str(folder), "GITHUB_OUTPUT": str(folder / "output")}
    command = [sys.executable, str(ACTIONS / "actions" / "upload-artifact" / "upload.py")]
    code = subprocess.run(command, cwd=folder, env=environment | given, capture_output=True, check=False).returncode
    assert (folder / "artifacts" / kept / "report.md").exists() == (code == 0)
    return code


@pytest.mark.parametrize(("overwrite", "code"), [("false", 1), ("true", 0)])
def test_an_artifact_is_replaced_only_if_the_step_says_so(tmp_path, overwrite, code):
    assert again(tmp_path, "report", NAME="report", ARCHIVE="true", OVERWRITE=overwrite) == code


@pytest.mark.parametrize(("name", "code"), [("artifact", 1), ("report.md", 0)])  # the first is the default of the input
def test_an_artifact_without_archive_is_replaced_only_if_its_name_is_that_of_the_file(tmp_path, name, code):
    assert again(tmp_path, "report.md", NAME=name, ARCHIVE="false", OVERWRITE="true") == code

"""Our stand-ins for others' actions take what the real ones take at the versions that we pin."""

import re
import subprocess

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflows.runner import ACTIONS

PINNED = re.compile(r"uses: ([\w-]+/[\w/-]+)@[0-9a-f]{40} # (v\d+)")
FILES = sorted((ROOT / ".github").rglob("*.yml"))
USED = sorted({found for path in FILES for found in PINNED.findall(path.read_text())})


def given(name):
    """The inputs that our workflows give to an action."""
    contents = [yaml.safe_load(path.read_text()) for path in FILES]
    steps = [step for c in contents for step in (c.get("runs") or {}).get("steps", [])]
    steps += [step for c in contents for job in c.get("jobs", {}).values() for step in job.get("steps", [])]
    return {key for step in steps if step.get("uses", "").startswith(f"{name}@") for key in step.get("with", {})}


@pytest.mark.parametrize(("name", "version"), USED)
def test_a_stand_in_knows_what_our_workflows_give_it(name, version):
    stand_in = yaml.safe_load((ACTIONS / name / "action.yml").read_text())

    assert given(name) <= set(stand_in.get("inputs", {}))


@pytest.mark.parametrize(("name", "version"), USED)
def test_a_stand_in_has_no_input_that_the_real_action_lacks(name, version, tmp_path):
    """actionlint knows the inputs of the real ones, of all but actions/attest."""
    inputs = yaml.safe_load((ACTIONS / name / "action.yml").read_text()).get("inputs", {})
    step = {"uses": f"{name}@{version}", "with": dict.fromkeys(inputs, "x")}
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    workflow = {"on": "push", "jobs": {"job": {"runs-on": "ubuntu-latest", "steps": [step]}}}
    (folder / "one.yml").write_text(yaml.safe_dump(workflow))
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    done = subprocess.run(["actionlint", "-no-color"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "is not defined in action" not in done.stdout

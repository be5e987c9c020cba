"""The local runner of workflows gives a step the same environment as GitHub's, and names the step that hangs."""

import subprocess
import time

import psutil
import pytest

from tests.workflows import runner
from tests.workflows.again import rerun
from tests.workflows.runner import git

STEPS = """on: push
jobs:
  asks:
    runs-on: ubuntu-latest
    steps:
"""

CHAIN = """on: push
jobs:
  made:
    runs-on: ubuntu-latest
    outputs: { name: "${{ steps.make.outputs.name }}" }
    steps:
      - id: make
        run: echo made >> "$STUB_STORE/calls"; echo name=seven >> "$GITHUB_OUTPUT"
  sent:
    runs-on: ubuntu-latest
    needs: made
    steps:
      - run: echo "sent ${{ needs.made.outputs.name }}" >> "$STUB_STORE/calls"; test -e "$STUB_STORE/open"
  told:
    runs-on: ubuntu-latest
    needs: [made, sent]
    if: always()
    steps:
      - run: echo "told ${{ needs.sent.result }}" >> "$STUB_STORE/calls"
"""


@pytest.fixture
def scenario(tmp_path):
    """A repository that contains only the files of a test."""
    for name in ("repository", "store/artifacts"):
        (tmp_path / name).mkdir(parents=True)
    git(tmp_path / "repository", "init", "--quiet", "--initial-branch=main")
    git(tmp_path / "repository", "remote", "add", "origin", f"https://github.com/{runner.REPOSITORY}")
    with runner.Hub(runner.REPOSITORY, origin=tmp_path / "origin.git") as hub:
        yield runner.Scenario(tmp_path / "repository", tmp_path / "origin.git", tmp_path / "store", hub)


def with_steps(scenario, *commands):
    """The scenario with one workflow of one job."""
    with_workflow(scenario, STEPS + "".join(f"      - run: {command}\n" for command in commands))


def with_workflow(scenario, text):
    path = scenario.folder / ".github" / "workflows" / "steps.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    git(scenario.folder, "add", "--all")
    git(scenario.folder, "commit", "--quiet", "--message=steps")


def test_a_step_has_no_terminal_and_no_input(scenario):
    with_steps(scenario, "test ! -t 0 && test ! -t 1 && test ! -t 2", 'test -z "$(cat)"', "read -r answer || echo none")

    outcome = scenario.act("steps.yml", "push", {})

    assert outcome.jobs == {"asks": "success"}
    assert "none" in outcome.said("asks")


def test_a_step_fails_with_its_command(scenario):
    with_steps(scenario, "echo before; exit 3", "echo never")

    outcome = scenario.act("steps.yml", "push", {})

    assert outcome.jobs == {"asks": "failure"}
    assert "before" in outcome.said("asks")
    assert "never" not in outcome.said("asks")


@pytest.mark.slow
def test_a_failed_job_runs_again_with_the_outputs_of_the_jobs_before_it(scenario):
    """GitHub: *Re-run failed jobs*. The jobs that need it run again too; a third attempt has the same outputs."""
    with_workflow(scenario, CHAIN)

    first = scenario.act("steps.yml", "push", {})
    second = rerun(scenario, first, "sent")
    (scenario.store / "open").touch()
    third = rerun(scenario, second, "sent")

    assert first.jobs == second.jobs == {"made": "success", "sent": "failure", "told": "success"}
    assert third.jobs == {"made": "success", "sent": "success", "told": "success"}
    lines = (scenario.store / "calls").read_text().splitlines()
    assert lines == ["made", *["sent seven", "told failure"] * 2, "sent seven", "told success"]


@pytest.mark.slow
def test_a_failed_job_is_not_kept(scenario):
    with_workflow(scenario, CHAIN)
    outcome = scenario.act("steps.yml", "push", {})

    with pytest.raises(AssertionError, match="sent would run again too"):
        rerun(scenario, outcome, "told")


@pytest.mark.slow
def test_an_interrupted_run_prints_its_processes_and_ends_them(tmp_path, capsys):
    log = tmp_path / "log"
    log.write_text("the last line\n")
    process = subprocess.Popen(["sh", "-c", "sleep 600; true"])
    while not (children := psutil.Process(process.pid).children()):
        time.sleep(0.01)

    with pytest.raises(TimeoutError), runner.ended(process, log):
        raise TimeoutError

    said = capsys.readouterr().out
    assert "['sleep', '600']" in said
    assert "the last line" in said
    assert process.poll() is not None
    psutil.wait_procs(children, timeout=10)
    assert not children[0].is_running()

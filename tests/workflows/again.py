"""A further attempt of a run, as by GitHub's *Re-run failed jobs*: a job and all jobs that need it run again."""

import json
import re
from pathlib import Path

from tests.workflows.runner import Outcome, Scenario

OUTPUT = re.compile(r"\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}")


def rerun(scenario: Scenario, outcome: Outcome, first: str) -> Outcome:
    """The outcome of an attempt in which `first` and the jobs that need it run; the others keep results and outputs."""
    workflow, event, payload, variables = outcome.started
    source = scenario.folder / ".github" / "workflows" / Path(workflow).name
    text, jobs = source.read_text(), scenario.workflow(source.name)["jobs"]
    finished = jobs.keys() - _needing(jobs, first)
    for name in finished:
        assert outcome.jobs[name] == "success", f"{name} would run again too: {outcome.jobs[name]}"
        kept = f"  {name}: {json.dumps(_kept(jobs[name], outcome.outputs.get(name, {})))}\n"
        text, found = re.subn(rf"^  {name}:.*\n(?:(?:    .*)?\n)*", lambda _, kept=kept: kept, text, flags=re.MULTILINE)
        assert found == 1
    attempt = scenario.store.parent / "again" / source.name
    attempt.parent.mkdir(exist_ok=True)
    attempt.write_text(text)
    again = scenario.act(str(attempt), event, payload, **variables)
    again.outputs |= {name: outcome.outputs.get(name, {}) for name in finished}
    return again


def _needing(jobs: dict, first: str) -> set[str]:
    """The job and all that need it, directly or not."""
    needs = {
        name: {job["needs"]} if isinstance(job.get("needs"), str) else {*job.get("needs", [])}
        for name, job in jobs.items()
    }
    found = {first}
    while more := {name for name in jobs.keys() - found if needs[name] & found}:
        found |= more
    return found


def _kept(job: dict, outputs: dict) -> dict:
    """A job that does nothing and has the outputs of the one before."""
    named = {name: outputs[OUTPUT.fullmatch(text).groups()] for name, text in job.get("outputs", {}).items()}
    return {"runs-on": "ubuntu-24.04", "outputs": named, "steps": [{"run": "echo kept from the attempt before"}]}

"""The whole loop with an explanation of each step: `make story`.

It runs in a temporary fork with a bare repository as origin and a local double of GitHub: a release, a quiet month, a
month with drift, a retraining, its pull request, the merge, the next release, and a quiet month. All other parts are
real. The customers are simulated, and the table is smaller than the sample, so that it takes minutes. `TASK=multiclass`
predicts the plan of the following month, `TASK=regression` the hours used in it: `make adopt` describes that table.
With `BATCH=1` nobody calls the API: rows and labels are tables. `lab.story_fork` widens limits and margins that need
more rows.
"""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lab.story_fork import TARGETS, Story, commit, fork, score_table
from ml.github import github
from ml.github.rest import call
from ml.io import cli
from ml.io.errors import UserError
from tests.github.double import Hub

QUIET, MOVED = 13, 17  # months of the sample data: as in training, and with higher prices and more ads


def main(folder: str = "", task: str = "binary", batch: bool = False) -> None:
    """Run the story of a TASK, with BATCH of a model that scores tables alone; FOLDER keeps the fork for inspection."""
    if task not in TARGETS:
        raise UserError(f"TASK={task} has no story. Choose one of {', '.join(TARGETS)}.")
    started = time.monotonic()
    with ExitStack() as stack:
        place = (
            Path(folder).resolve()
            if folder
            else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="story.")))
        )
        tell(place, task, batch=batch)
    seconds = time.monotonic() - started
    kept = f"The fork is in {place / 'fork'}." if folder else "The fork was in a temporary folder, which is deleted."
    print(f"\nThe end, after {seconds:.0f} s. {kept} docs/monitoring.md and docs/retraining.md explain each step.")


def tell(folder: Path, task: str = "binary", last: str = "calm", *, batch: bool = False) -> dict[str, Any]:
    """Run all chapters up to `last` in a folder and return the results of each."""
    folder.mkdir(parents=True, exist_ok=True)
    with Hub("acme/churn", origin=folder / "origin.git") as hub:
        story = Story(folder, hub, TARGETS[task], batch)
        for chapter in (release, quiet, drift, retrain, propose, merge, again, calm):
            chapter(story)
            if chapter.__name__ == last:
                break
    return story.found


def release(story: Story) -> None:
    """Version 1 is trained on a quiet year and becomes champion."""
    story.begin(
        "A release",
        "A fork of this repository with 3,000 customers of a quiet year. The pipeline trains, "
        "the gates judge, and the registry stores the model as version 1. It becomes champion, "
        "because there is no other version.",
    )
    fork(story)
    story.run("make run", "ml.stages.run", shown=("train:", "PASSED"))
    commit(story, "Build")
    story.run("make register", "ml.stages.register", shown=("register: now", "register: promoted"))
    story.run("make registry DO=push", "ml.stages.registry_push")
    story.found["release"] = story.champion()


def quiet(story: Story) -> None:
    """A month like those of the training year."""
    story.begin(
        "A quiet month",
        f"January 2026: 600 simulated customers are scored by the champion. {_way(story)}",
    )
    _month(story, QUIET, 600)
    story.found["quiet"] = _monitor(story)


def drift(story: Story) -> None:
    """A month with changed prices and channels."""
    story.begin(
        "The world moves",
        "May 2026: prices have risen by 30 %, and half of the customers now come from ads. The "
        "model was not trained on such rows.",
    )
    _month(story, MOVED, 4000)
    story.found["drift"] = _monitor(story)


def retrain(story: Story) -> None:
    """A model that was trained on the new month, on its own branch."""
    story.begin(
        "Retraining",
        "The labelled rows are checked against the contract and added to the table (this fork "
        "keeps the last four months). A new model is trained on a separate branch. It is "
        "compared with the champion on fresh and on old test rows.",
    )
    story.run("make retrain", "ml.stages.retrain", shown=("PROPOSED", "REFUSED", "WAITING"))
    found = story.read("retrain.json")
    if found["outcome"] != "proposed":
        raise UserError(f"the retraining was {found['outcome']}: {' '.join(found['reasons'])}")
    story.say(*(compared["reason"] for compared in found["compared"]))
    story.found["retrain"] = found


def propose(story: Story) -> None:
    """One pull request with the evidence; no alert while it is open."""
    story.begin("The pull request", "The simulated GitHub on this machine receives the branch and one pull request.")
    job = story.hub.environment()
    story.run("make propose", "ml.stages.propose", shown=("PROPOSED",), **job)
    story.run("make alert", "ml.stages.alert", shown=("alert: no", "alert: new", "alert: still"), **job)
    (pull,) = story.hub.open()
    story.say(f"#{pull['number']}: {pull['title']}", "")
    for line in pull["body"].split("## Gates")[0].strip().splitlines()[:24]:
        print(f"   | {line[:140]}")
    story.found["pull"], story.found["alarms"] = pull, story.hub.open("issues")


def merge(story: Story) -> None:
    """A person reads the pull request and merges it."""
    story.begin("The merge", "A person reads the evidence and merges the pull request.")
    number = story.found["pull"]["number"]
    call(github.connect(story.hub.environment()), "PUT", f"/pulls/{number}/merge")
    story.git("pull", "--quiet", "--no-rebase", "origin", "main")
    story.say(f"$ git pull    ({story.git('log', '-1', '--format=%s')})")


def again(story: Story) -> None:
    """The merged commit is built, judged and released as version 2."""
    story.begin(
        "The next release",
        "The workflow on main builds the merged commit, with the same bytes as on the branch, and releases the model.",
    )
    story.run("dvc pull data.dvc", "dvc", "pull", "--quiet", "data.dvc")
    story.run("make run", "ml.stages.run", shown=("PASSED",))
    story.run("make register", "ml.stages.register", shown=("register: now", "register: promoted"))
    story.run("make registry DO=push", "ml.stages.registry_push")
    story.found["rebuilt"], story.found["again"] = _digest(story), story.champion()
    if story.found["again"] == story.found["release"]:
        raise UserError("version 2 was not promoted; `make register` above says why.")


def calm(story: Story) -> None:
    """The same distribution, with the retrained model."""
    story.begin(
        "Quiet again",
        "More customers of May arrive with the same changed prices and channels. The new model was trained on them.",
    )
    _month(story, MOVED, 1000, seed=1)
    story.found["calm"] = _monitor(story)
    story.run("make monitor HISTORY=1", "ml.stages.monitor", "--history", shown=("3 verdicts",))
    story.run("make registry DO=push", "ml.stages.registry_push", shown=("registry_push: sent monitor",))


def _way(story: Story) -> str:
    """How rows and labels come."""
    if story.batch:
        return "`make score` reads them as a table, and `make logs DO=label` adds a table of their labels."
    return "They are sent to the real API, and their labels a week later."


def _month(story: Story, month: int, rows: int, seed: int = 0) -> None:
    if story.batch:
        score_table(story, month, rows, seed)
        return
    arguments = ["--months", str(month), "--rows", str(rows), "--seed", str(seed)]
    story.run(f"make traffic MONTHS={month}", "demo.traffic", *arguments, shown=("traffic: month",))


def _monitor(story: Story) -> dict[str, Any]:
    story.run("make monitor", "ml.stages.monitor", shown=("STABLE", "DRIFT", "DEGRADED", "NOT ENOUGH"))
    return story.read("monitor.json")


def _digest(story: Story) -> str:
    from ml.io import files  # noqa: PLC0415
    from ml.model import identity  # noqa: PLC0415

    return identity.of(story.clone / files.MODEL)


if __name__ == "__main__":
    cli.run(main)

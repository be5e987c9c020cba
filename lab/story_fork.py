"""The temporary fork in which the story runs, with a bare repository as origin and a local double of GitHub.

The story widens limits and margins that need more rows: SMALLER, and the margin of the champion for a number.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.io import git
from ml.io.errors import UserError
from ml.io.text import counted
from ml.registry import registry
from ml.registry.ledger import CHAMPION
from ml.settings.params import SAMPLE, read_params
from tests.github.double import Hub
from tests.world.sample import customers, history, write

ROOT = Path(__file__).parent.parent
ANN = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
TARGETS = {"binary": "churned", "multiclass": "next_plan", "regression": "next_hours"}
OURS = ("CI", "GITHUB_", "SERVING_", "MLFLOW_", "PREDICTION_LOG", "ALERT_", "APP_TOKEN")
SMALLER = {  # the sample's limits need more rows
    "n_estimators: 150": "n_estimators: 50",
    "bootstrap: 1000": "bootstrap: 200",
    "calls: 200": "calls: 50",
    "accuracy: { min: 0.85 }": "accuracy: { min: 0.8 }",
    "calibration_error: { max: 0.1 }": "calibration_error: { max: 0.2 }",
    "slope: { min: 0.8 }": "slope: { min: 0.5 }",
    "margin: 0.005 ": "margin: 0.02 ",
    "margin: 0.05 ": "margin: 0.3 ",
    "max_flips: 0.1 ": "max_flips: 0.2 ",
    "policy: append": "policy: window",
    "window_months: 12": "window_months: 4",
}


@dataclass
class Story:
    """The fork, its double of GitHub, and the results of each chapter."""

    folder: Path
    hub: Hub
    target: str = TARGETS["binary"]
    batch: bool = False  # rows and labels are tables
    found: dict[str, Any] = field(default_factory=dict)
    chapter: int = 0

    @property
    def clone(self) -> Path:
        """The fork's checkout."""
        return self.folder / "fork"

    def begin(self, title: str, text: str) -> None:
        """Print the heading of a chapter."""
        self.chapter += 1
        print(
            f"\n{self.chapter}. {title}\n\n{textwrap.fill(text, 100, initial_indent='   ', subsequent_indent='   ')}\n"
        )

    def run(self, command: str, *arguments: str, shown: tuple[str, ...] = (), **environment: str) -> str:
        """Run a command, print its lines that start with one of `shown`, and return its output.

        Raises UserError if it fails.
        """
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        code = f"{self.clone / 'src'}{os.pathsep}{self.clone}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        variables = kept | {"PATH": path, "PYTHONPATH": code} | environment
        module = [sys.executable, "-m", *arguments]
        done = subprocess.run(module, cwd=self.clone, env=variables, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        if done.returncode:
            raise UserError(f"`{command}` failed:\n{said[-3000:]}")
        self.say(f"$ {command}", *(line for line in said.splitlines() if line.startswith(shown or ("\0",))))
        return said

    def git(self, *arguments: str) -> str:
        """The output of git in the fork."""
        return git.inside(self.clone, *ANN, *arguments)

    def say(self, *lines: str) -> None:
        """Print lines of the chapter, wrapped."""
        for line in lines:
            print(textwrap.fill(line, 112, initial_indent="   ", subsequent_indent="     "), flush=True)

    def read(self, name: str) -> Any:
        """A JSON file of the fork's build."""
        return json.loads((self.clone / "build" / name).read_text(encoding="utf-8"))

    def champion(self) -> int | None:
        """The number of the champion's version."""
        project = read_params(self.clone / "params.yaml").project
        version = registry.open_registry(project, self.clone / ".mlflow").state().named(CHAMPION)
        return version and version.number


def fork(story: Story) -> None:
    """The repository's files with a small table, committed and pushed to a bare origin."""
    names = git.inside(ROOT, "ls-files").splitlines()
    for name in names:
        if not name.startswith((".dvc/remote/", "data.dvc", "dvc.lock", "build/")):
            (story.clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, story.clone / name)
    text = (ROOT / SAMPLE).read_text(encoding="utf-8")
    wider = {"margin: 0.005 ": "margin: 0.15 "} if story.target == TARGETS["regression"] else {}  # a share of the error
    for old, new in (SMALLER | wider).items():
        if old not in text:
            raise UserError(f"{SAMPLE} has no `{old}`, which the story replaces. Correct SMALLER in lab/story_fork.py.")
        text = text.replace(old, new)
    (story.clone / "params.yaml").write_text(text, encoding="utf-8")
    write(history(range(1, 13), rows=250), story.clone / "data" / "customers.parquet")
    git.inside(story.folder, "init", "--quiet", "--bare", "-b", "main", "origin.git")
    story.git("init", "--quiet", "-b", "main")
    story.git("config", "user.name", "Ann")
    story.git("config", "user.email", "ann@example.com")
    story.git("remote", "add", "origin", str(story.folder / "origin.git"))
    story.run("dvc add data", "dvc", "add", "--quiet", "data")
    commit(story, "A fork with its own table")
    if story.target != TARGETS["binary"]:
        _adopt(story)


def score_table(story: Story, month: int, rows: int, seed: int) -> None:
    """Score the customers of a month as a table, and add a table of their labels."""
    frame, name = customers(month, rows, seed, story.target), f"month-{month}-{seed}"
    table, labels, out = (story.folder / f"{name}{end}" for end in (".parquet", "-labels.csv", "-scores"))
    frame.drop(columns=story.target).to_parquet(table)
    frame[["customer_id", story.target]].to_csv(labels, index=False)
    command = f"make score DATA=../{table.name} OUT=../{out.name} CHAMPION=1"
    arguments = ["--data", str(table), "--out", str(out), "--champion"]
    story.run(command, "ml.stages.score", *arguments, shown=(f"score: {counted(rows, 'row')}",))
    command = f"make logs DO=label DATA=../{labels.name}"
    story.run(command, "ml.stages.label", "--data", str(labels), shown=("label:",))


def _adopt(story: Story) -> None:
    """The same customers with another target, as a table of the user."""
    table = story.folder / f"{story.target}.parquet"
    write(history(range(1, 13), rows=250, target=story.target), table)
    arguments = ["--data", str(table), "--target", story.target, "--time", "snapshot"]
    command = f"make adopt DATA=../{table.name} TARGET={story.target} TIME=snapshot"
    story.run(command, "ml.stages.adopt", *arguments, shown=("adopt: gates", "adopt: limits", "adopt: derived"))
    commit(story, "Adopt a table")


def commit(story: Story, message: str) -> None:
    """Commit everything, and push it with its rows."""
    story.git("add", "-A")
    story.git("commit", "--quiet", "-m", message)
    story.run("dvc push", "dvc", "push", "--quiet", "data.dvc")
    story.git("add", "-A")
    story.git("commit", "--quiet", "--allow-empty", "-m", "Its rows")
    story.git("push", "--quiet", "origin", "main")

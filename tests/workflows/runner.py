"""Workflows run for real on this machine: `act` in host mode, a double for GitHub, our stand-ins for others' actions.

A scenario is a repository in some state, an event, and what must be there afterwards. What act cannot show (tokens'
permissions, triggers, path filters, approvals) is held by test_policy.py and the live run in docs/workflows.md.
"""

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from py_compile import PycInvalidationMode

import psutil
import yaml

from tests.conftest import ROOT
from tests.github.double import BOT, Hub

HERE = Path(__file__).parent
ACTIONS = HERE / "actions"
OWNER = "acme"
REPOSITORY = f"{OWNER}/churn"
ABOUT = {"full_name": REPOSITORY, "private": False, "is_template": False, "default_branch": "main"}
PATH = f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"  # as on a runner
SMALLER = {  # a model that is built in half the time, and limits that a busy machine does not reach
    "n_estimators: 150": "n_estimators: 30",
    "bootstrap: 1000": "bootstrap: 200",
    "calls: 200": "calls: 50",
    "p99_ms: 50.0": "p99_ms: 1000.0",
    "p50_ms: 30.0, p99_ms: 100.0": "p50_ms: 500.0, p99_ms: 5000.0",
}
SHOWN_LINES = 40  # of the end of a failed job, when its test fails
USED = re.compile(r"uses: ([\w-]+/[\w-]+)[\w/-]*@([0-9a-f]{40})")


def git(folder: Path, *command: str) -> str:
    """The output of git in a folder."""
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.invalid"]
    done = subprocess.run(["git", *who, *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def copy_repository(folder: Path) -> None:
    """The current files of this repository as one commit on `main` of a new one, in a form that act can read."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for path in (folder / ".github").rglob("*.yml"):
        text = path.read_text().replace("uses: $/", "uses: ./")  # act knows neither `$/` nor queues
        path.write_text(re.sub(r"^ *queue: max.*\n", "", text, flags=re.MULTILINE))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=the template")


def prepare(folder: Path) -> None:
    """In `folder`: the template as `repository` and bare `origin.git`, built and registered, its cache in `caches`.

    Its model is SMALLER, since these tests judge no model.
    """
    source = folder / "repository"
    source.mkdir()
    copy_repository(source)
    settings = (source / "params.yaml").read_text()
    for old, new in SMALLER.items():
        assert old in settings
        settings = settings.replace(old, new)
    (source / "params.yaml").write_text(settings)
    git(source, "commit", "--quiet", "--all", "--message=a smaller model")
    (source / ".venv").symlink_to(sys.prefix)
    (source / ".git" / "info" / "exclude").write_text(".venv\n")
    git(folder, "clone", "--quiet", "--bare", "repository", "origin.git")
    git(source, "remote", "add", "origin", f"file://{folder / 'origin.git'}")
    for target in ("run", "register", "registry DO=push"):
        _make(source, target)
        if target == "run" and git(source, "status", "--porcelain"):
            git(source, "commit", "--quiet", "--all", "--message=what was built")
            git(source, "push", "--quiet", "origin", "main")
    shutil.copytree(source / ".dvc" / "cache", folder / "caches" / "dvc-prepared")
    compile_code(source, folder / "compiled")


def compile_code(source: Path, folder: Path) -> None:
    """Bytecode of the repository that is valid in any copy, because Python compares the text and not its date."""
    for name in ("src", "serving", "tests/world"):
        flags = {"invalidation_mode": PycInvalidationMode.CHECKED_HASH, "force": True, "quiet": 1}
        assert compileall.compile_dir(source / name, **flags)
        for path in (source / name).rglob("__pycache__"):
            shutil.copytree(path, folder / path.relative_to(source))


@contextmanager
def begin(prepared: Path, folder: Path) -> Iterator["Scenario"]:
    """A scenario in `folder` with its own copies of the prepared files; git's objects are shared."""
    git(folder, "clone", "--quiet", "--bare", "--shared", str(prepared / "origin.git"), "origin.git")
    git(folder, "clone", "--quiet", "--shared", str(prepared / "origin.git"), "repository")
    git(folder / "repository", "remote", "set-url", "origin", f"https://github.com/{REPOSITORY}")
    (folder / "store" / "artifacts").mkdir(parents=True)
    shutil.copytree(prepared / "caches", folder / "store" / "caches", copy_function=os.link)
    (folder / "store" / "compiled").symlink_to(prepared / "compiled")
    with Hub(REPOSITORY, origin=folder / "origin.git") as hub:
        yield Scenario(folder / "repository", folder / "origin.git", folder / "store", hub)


@contextmanager
def ended(process: subprocess.Popen, log: Path) -> Iterator[None]:
    """If the block is interrupted, for instance by a time limit, print what the process runs, and end all of it."""
    try:
        yield
    finally:
        if process.poll() is None:
            left = psutil.Process(process.pid)
            for each in [left, *left.children(recursive=True)]:
                with suppress(psutil.Error):
                    print(f"{each.pid} {each.status()} {time.time() - each.create_time():.0f} s: {each.cmdline()}")
            print(*log.read_text().splitlines()[-40:], sep="\n")
            kill(left)
            process.wait()


def kill(process: psutil.Process) -> None:
    """End a process and all of its descendants at once."""
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def _make(folder: Path, target: str) -> None:
    environment = {"HOME": str(folder.parent), "PATH": PATH, "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["make", *target.split()], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Outcome:
    """The result of a run."""

    log: list[dict]
    store: Path
    jobs: dict[str, str] = field(default_factory=dict)
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    summaries: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)  # of a job by step and name
    started: tuple[str, str, dict, dict] | None = None  # the arguments of `act`

    def __post_init__(self):
        for line in self.log:
            job = line.get("jobID")
            if "jobResult" in line:
                self.jobs[job] = line["jobResult"]
            if line.get("stage") == "Main" and "stepResult" in line:
                self.steps.setdefault(job, {})[line["step"]] = line["stepResult"]
            if line.get("command") == "set-output":
                self.outputs.setdefault(job, {})[line["stepID"][0], line["name"]] = line["arg"]
            if line.get("command") == "summary":
                self.summaries[job] = self.summaries.get(job, "") + line["content"]
        for job in (name for name, result in self.jobs.items() if result == "failure"):
            print(f"--- the end of job {job}, which failed:", *self.said(job).splitlines()[-SHOWN_LINES:], sep="\n")

    def said(self, job: str) -> str:
        """The output of a job."""
        return "\n".join(line["msg"] for line in self.log if line.get("jobID") == job and "msg" in line)

    def artifact(self, name: str) -> bytes:
        """An artifact as GitHub returns it: a zip archive."""
        archive = BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted((self.store / "artifacts" / name).rglob("*")):
                file.write(path, path.relative_to(self.store / "artifacts" / name))
        return archive.getvalue()

    def artifacts(self) -> list[str]:
        """The names of the uploaded artifacts."""
        return sorted(path.name for path in (self.store / "artifacts").glob("*"))


@dataclass
class Scenario:
    """A clone of the prepared repository, its remote, the double of GitHub, and a store for artifacts and caches."""

    folder: Path
    origin: Path
    store: Path
    hub: Hub
    settings: dict[str, str] = field(default_factory=dict)  # variables of the repository
    secrets: dict[str, str] = field(default_factory=dict)

    def change(self, changes: dict[str, str]) -> None:
        """Replace texts in files: `{"params.yaml": "old -> new"}`, a line for each."""
        for name, lines in changes.items():
            path = self.folder / name
            for line in lines.splitlines():
                old, new = line.split(" -> ")
                assert old in path.read_text(), f"{name} has no {old}"
                path.write_text(path.read_text().replace(old, new))

    def build(self, changes: dict[str, str]) -> None:
        """Change files and build the model, as before a commit."""
        self.change(changes)
        cache = self.folder / ".dvc" / "cache"
        shutil.copytree(self.store / "caches" / "dvc-prepared", cache)
        variables = {"HOME": str(self.store.parent), "PATH": f"{sys.prefix}/bin:{PATH}", "PYTHONPATH": "src:."}
        for verb in ("checkout", "repro"):
            command = ["dvc", verb, "--quiet"]
            done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"dvc {verb}: {done.stdout}{done.stderr}"

    def commit(self, changes: dict[str, str], branch: str) -> str:
        """A commit on a new branch with the current changes and these."""
        git(self.folder, "switch", "--quiet", "--create", branch)
        self.change(changes)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", f"--message=change {branch}")
        return git(self.folder, "rev-parse", "HEAD")

    def pull_request(self, head: str) -> None:
        """Check out the commit that GitHub checks out for a pull request: its merge with main."""
        git(self.folder, "switch", "--quiet", "--detach", "main")
        git(self.folder, "merge", "--quiet", "--no-ff", "--message=merge", head)

    def finished(self, number: int, workflow: str, outcome: Outcome, **about: str) -> dict:
        """Put a finished run with its jobs and artifacts on GitHub; returns the event `workflow_run`."""
        names = {key: job["name"] for key, job in self.workflow(workflow)["jobs"].items()}
        jobs = [
            {
                "name": names[key],
                "conclusion": result,
                "steps": [{"name": n, "conclusion": r} for n, r in outcome.steps.get(key, {}).items()],
            }
            for key, result in outcome.jobs.items()
        ]
        good = set(outcome.jobs.values()) <= {"success", "skipped"}
        owner = about.pop("owner", OWNER)
        run = {
            "id": number, "path": f".github/workflows/{workflow}", "event": "pull_request", "status": "completed",
            "conclusion": "success" if good else "failure", "created_at": "2026-01-31T06:00:00Z",
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{number}", "jobs": jobs,
            "head_repository": {"full_name": f"{owner}/churn", "owner": {"login": owner}}, **about,
        }  # fmt: skip
        self.hub.runs[number] = run
        for name in outcome.artifacts():
            key = self.hub.number()
            self.hub.artifacts[key] = {"id": key, "name": name, "run": number, "content": outcome.artifact(name)}
        return run

    def open_pull_request(self, branch: str, commit: str, owner: str = "acme") -> int:
        """A pull request that a person opened, from our own repository or from a fork of it."""
        number = self.hub.number()
        url = f"https://github.com/{REPOSITORY}/pull/{number}"
        self.hub.issues[number] = {
            "number": number, "id": number, "state": "open", "title": branch, "body": "", "labels": [],
            "user": {"login": owner, "type": "User"}, "html_url": url, "pull_request": {"html_url": url},
            "head": {
                "ref": branch, "label": f"{owner}:{branch}", "sha": commit, "repo": {"full_name": f"{owner}/churn"},
            },
            "base": {"ref": "main", "sha": git(self.folder, "rev-parse", "main"), "repo": {"full_name": REPOSITORY}},
            "merged_at": None,
        }  # fmt: skip
        return number

    def comments(self, number: int) -> list[str]:
        """The comments on a pull request or issue."""
        return [comment["body"] for comment in self.hub.comments.values() if comment["issue"] == number]

    def workflow(self, name: str) -> dict:
        """A workflow in the scenario's repository."""
        return yaml.safe_load((self.folder / ".github" / "workflows" / name).read_text())

    def act(self, workflow: str, event: str, payload: dict, **variables: str) -> Outcome:
        """Run a workflow for an event; every job skipped by a condition is listed as `skipped`."""
        place, path = self.store.parent, Path(".github", "workflows", workflow)
        (place / "event.json").write_text(json.dumps({"ref": "refs/heads/main", "repository": ABOUT} | payload))
        log = place / f"{path.name}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [
                    str(Path(sys.executable).with_name("act")), event, "--json",
                    "--workflows", str(path),
                    "--eventpath", str(place / "event.json"), *self._mapped(), "--secret", f"GITHUB_TOKEN={BOT}",
                    *[f"--platform={label}=-self-hosted" for label in ("ubuntu-latest", "ubuntu-24.04")],
                    "--action-cache-path", str(place / "actions"), "--no-cache-server",
                    *[f"--env={name}={value}" for name, value in {**self._github(), **variables}.items()],
                    *[f"--var={name}={value}" for name, value in self.settings.items()],
                    *[f"--secret={name}={value}" for name, value in self.secrets.items()],
                ],
                cwd=self.folder, env=self._environment(place), stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
            with ended(process, log):
                code = process.wait()
        printed = log.read_text()
        outcome = Outcome([json.loads(line) for line in printed.splitlines() if line.startswith("{")], self.store)
        outcome.started = (workflow, event, payload, variables)
        assert outcome.jobs or code == 0, printed
        for job in self.workflow(workflow)["jobs"]:
            outcome.jobs.setdefault(job, "skipped")
        return outcome

    def _mapped(self) -> Iterator[str]:
        used = {found for path in (self.folder / ".github").rglob("*.yml") for found in USED.findall(path.read_text())}
        for name, commit in sorted(used):
            assert (ACTIONS / name).is_dir(), f"{name} has no stand-in in {ACTIONS}"
            yield from ("--local-repository", f"{name}@{commit}={ACTIONS / name}")

    def _github(self) -> dict[str, str]:
        return {"GITHUB_API_URL": self.hub.url, "GITHUB_GRAPHQL_URL": f"{self.hub.url}/graphql"}

    def _environment(self, place: Path) -> dict[str, str]:
        home = place / "home"
        (home / ".config" / "act").mkdir(parents=True, exist_ok=True)
        (home / ".config" / "act" / "actrc").touch()
        instead = f'[url "file://{self.origin}"]\n\tinsteadOf = https://github.com/{REPOSITORY}\n'
        (home / ".gitconfig").write_text(f"{instead}[safe]\n\tdirectory = *\n")
        return {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "PATH": f"{HERE / 'shell'}:{PATH}",
            "LANG": "C.UTF-8",
            "ACT_DISABLE_VERSION_CHECK": "1",
            "STUB_STORE": str(self.store),
            "STUB_VENV": sys.prefix,
        }

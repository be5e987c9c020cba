"""Our own rules for workflows, which no linter checks."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from ml.github.ci import CHECKS
from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
FILES = [*WORKFLOWS, *ACTIONS]
PIN = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
COMMANDS = re.compile(r"(src/tools/\S+\.sh |)make |cat build/|src/tools/\S+\.sh src/tools/\S+\.sh$|echo approved$")
GIVEN = re.compile(r"\$\{\{[^}]*\b(inputs|github\.event|github\.head_ref|needs)\b")  # text that others write


@cache
def load(path):
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # every scalar as it is written: `on` is no truth


def jobs(path):
    return load(path)["jobs"].items()


def steps(path):
    content = load(path)
    if "runs" in content:
        return content["runs"]["steps"]
    return [step for job in content["jobs"].values() for step in job.get("steps", [])]


def targets():
    return set(re.findall(r"^([a-z][a-z-]*):", makefiles(), re.MULTILINE))


def makefiles():
    """The Makefile and the files that it includes."""
    return "".join(path.read_text() for path in (ROOT / "Makefile", *ROOT.glob("*/*.mk")))


each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT / ".github")))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)


@each_file
def test_every_action_is_ours_or_pinned_by_commit_with_its_version(path):
    used = re.findall(r"\buses:\s*(.+)$", path.read_text(), re.MULTILINE)

    wrong = [name for name in used if not name.startswith("$/") and not PIN.fullmatch(name)]

    assert not wrong


def test_one_action_has_one_pin():
    pins = set(re.findall(r"uses:\s*([\w-]+/[\w-]+)\S*@([0-9a-f]{40} # \S+)", "".join(p.read_text() for p in FILES)))

    assert len(pins) == len({name for name, _ in pins})


@each_workflow
def test_permissions_are_granted_only_per_job(path):
    assert load(path)["permissions"] == {}
    for name, job in jobs(path):
        assert isinstance(job["permissions"], dict), name


@each_workflow
def test_every_permission_has_a_reason(path):
    granted = re.findall(r"^ {6}([a-z-]+: (?:read|write))(.*)$", path.read_text(), re.MULTILINE)

    assert granted
    assert all(re.match(r" # \w+", comment) for _, comment in granted)


@each_workflow
def test_every_job_has_a_name_and_a_timeout(path):
    for name, job in jobs(path):
        assert {"name", "timeout-minutes"} <= set(job), name


@each_file
def test_every_step_has_a_name(path):
    assert all("name" in step for step in steps(path))


@each_workflow
def test_runs_of_a_workflow_are_not_concurrent(path):
    assert "group" in load(path)["concurrency"]


@each_workflow
def test_every_workflow_can_be_started_by_hand(path):
    assert "workflow_dispatch" in load(path)["on"]


@each_file
def test_no_expression_is_pasted_into_a_script(path):
    assert not [step["name"] for step in steps(path) if "${{" in step.get("run", "")]


@each_file
def test_steps_only_call_make(path):
    lines = [step["run"].strip() for step in steps(path) if "run" in step]

    assert all("\n" not in line and COMMANDS.match(line) for line in lines), lines


@each_file
def test_every_called_make_target_and_script_exists(path):
    called = re.findall(r"make ([a-z][a-z-]*)", " ".join(step.get("run", "") for step in steps(path)))
    asked = " ".join(step.get("with", {}).get("target", "") for step in steps(path))
    given = re.findall(r"setup|[a-z]+-venv", asked)
    scripts = re.findall(r"(src/tools/\S+\.sh)", path.read_text())

    assert {*called, *given} <= targets()
    assert all(Path(ROOT / script).stat().st_mode & 0o100 for script in scripts)


@each_file
def test_versions_are_quoted(path):
    """Without quotes, 3.10 is the number 3.1, which no linter reports."""
    assert not re.findall(r"version:\s*\d", path.read_text())


@each_workflow
def test_the_last_job_waits_for_all_others(path):
    last = [(name, job) for name, job in jobs(path) if "always()" in job.get("if", "")]
    for name, job in last:
        assert set(job["needs"]) == {other for other, _ in jobs(path)} - {name}


@pytest.mark.parametrize("check", CHECKS)
def test_a_required_check_runs_after_any_result_of_earlier_jobs(check):
    assert load(ROOT / f".github/workflows/{check}.yml")["jobs"][check]["if"] == "always()"


@each_workflow
def test_workflows_wait_only_for_existing_workflows(path):
    names = {load(other)["name"] for other in WORKFLOWS}

    assert set(load(path)["on"].get("workflow_run", {}).get("workflows", [])) <= names


@each_workflow
def test_a_workflow_has_the_name_of_its_file(path):
    assert load(path)["name"] == path.stem


@each_workflow
def test_only_runs_of_pull_requests_are_cancelled(path):
    cancels = load(path)["concurrency"]["cancel-in-progress"] == "true"

    assert cancels == (path.stem in CHECKS)


@each_file
def test_checkout_does_not_store_the_token(path):
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]

    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


@each_file
def test_a_job_that_runs_again_replaces_its_artifacts(path):
    """An artifact belongs to the run: without `overwrite` the upload of a second attempt fails.

    With `archive: false` the file names the artifact, but `overwrite` deletes the one that the input `name` names.
    """
    uploads = [step["with"] for step in steps(path) if step.get("uses", "").startswith("actions/upload-artifact@")]
    single = [given for given in uploads if given.get("archive") == "false"]

    assert all(given.get("overwrite") == "true" for given in uploads)
    assert [given.get("name") for given in single] == [Path(given["path"]).name for given in single]


def test_the_site_of_a_second_attempt_has_an_artifact_of_its_own():
    """Its upload replaces nothing, and its publication refuses two artifacts of one name.

    The job that publishes may run again alone, so the name is an output of the attempt that built the site.
    """
    site = load(ROOT / ".github" / "workflows" / "docs.yml")["jobs"]
    actions = [step for job in site.values() for step in job["steps"] if "uses" in step]
    given = {step["uses"].split("@")[0]: step.get("with") for step in actions}
    own = "github-pages-${{ github.run_attempt }}"

    assert site["build"]["outputs"] == {"artifact": own}
    assert given["actions/upload-pages-artifact"]["name"] == own
    assert given["actions/deploy-pages"] == {"artifact_name": "${{ needs.build.outputs.artifact }}"}


@each_workflow
def test_no_untrusted_event_has_a_token_with_write_permission(path):
    if "pull_request" in load(path)["on"]:
        granted = [right for _, job in jobs(path) for right in job["permissions"].values()]

        assert set(granted) <= {"read"}


@each_file
def test_no_workflow_takes_a_build_from_a_cache_or_a_remote(path):
    """Build outputs from a pull request are not trusted: with CI=true, as on runners, `make run` builds every stage."""
    restored = [step for step in steps(path) if step.get("uses", "").startswith("actions/cache")]
    runs = " ".join(step.get("run", "") for step in steps(path))
    told = [env["CI"] for step in steps(path) if "CI" in (env := step.get("env", {}))]

    assert not restored
    assert "dvc pull" not in runs + (ROOT / "Makefile").read_text().split("# Targets that only workflows call")[1]
    assert not told or path.stem == "template"  # which judges for nobody


def test_only_pull_requests_of_our_own_branches_restore_packages_from_a_cache():
    """A cache of the default branch may be filled by any of its jobs, also by the one that tries newer packages.

    The cache of a fork's pull request may be filled by any of its commits, also by one that nobody sees in the end.
    """
    [step] = [step for step in steps(ACTIONS[-1]) if step.get("uses", "").startswith("astral-sh/setup-uv@")]
    installing = [step["uses"] for path in WORKFLOWS for step in steps(path) if "setup-uv@" in step.get("uses", "")]

    ours = "github.event.pull_request.head.repo.full_name == github.repository"
    assert step["with"]["enable-cache"] == f"${{{{ github.event_name == 'pull_request' && {ours} }}}}"
    assert installing == []  # each job installs by that action
    assert not [step["name"] for path in WORKFLOWS for step in steps(path) if "cache" in step.get("with", {})]


@each_workflow
def test_runners_are_pinned_except_for_the_job_with_the_newest(path):
    labels = {name: job["runs-on"] for name, job in jobs(path)}
    newest = {name for name, label in labels.items() if label.endswith("-latest")}

    assert newest == ({"system"} if path.stem == "newest" else set())
    assert "schedule" in load(path)["on"] or not newest
    assert all(re.search(r"-\d|matrix\.os", label) for name, label in labels.items() if name not in newest)


def test_uv_has_the_same_version_everywhere():
    [step] = [step for step in steps(ACTIONS[-1]) if step.get("uses", "").startswith("astral-sh/setup-uv@")]
    fetched = re.findall(r"\buv==([\d.]+)", (ROOT / ".ci" / "run").read_text())

    assert fetched == [step["with"]["version"]]


@each_file
def test_programs_come_from_locks_and_pinned_runners_only(path):
    """`make setup` installs by hash, npm by package-lock.json, and apt from the runner's own release."""
    runs = " ".join(step.get("run", "") for step in steps(path))

    assert not re.search(r"\b(curl|wget|pip install|npm (install|i)|npx|uvx|go install)\b", runs)


@each_workflow
def test_what_others_write_reaches_a_recipe_only_in_quotes(path):
    """Passed by env, and read by the recipe as "$${NAME…}": neither make nor the shell expands its content."""
    makefile = makefiles()
    given = {name for step in steps(path) for name, value in step.get("env", {}).items() if GIVEN.search(value)}
    bare = [name for name in given if re.search(rf"\$\(\S*\b{name}\b|(?<![\"{{=])\$\${name}\b", makefile)]

    assert bare == []


def test_a_hostile_input_of_report_yml_runs_nothing(tmp_path):
    for number, text in enumerate(
        ["1; touch ran", "$(touch ran)", "`touch ran`", "$(shell touch ran)", "--run=1\ntouch ran"]
    ):
        environment = {"PATH": "/usr/bin:/bin", "RUN": text, "HOME": str(tmp_path), "PYTHON": "true"}
        command = ["make", "-f", str(ROOT / "Makefile"), "ci-comment"]
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)

        assert list(tmp_path.iterdir()) == [], number


def test_the_login_is_of_the_engine_that_builds_and_pushes(tmp_path):
    """On a runner of one's own docker may be absent, or without a daemon: then podman pushes, and needs the login."""
    for name, script in (("docker", "exit 1"), ("podman", f'echo "$@" > {tmp_path}/told; cat >> {tmp_path}/told')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "IMAGE_REGISTRY": "ghcr.io/acme/churn"}
    secret = {"REGISTRY_USER": "ada", "REGISTRY_PASSWORD": "a $(touch ran) b"}

    done = subprocess.run(
        ["make", "image-login"], cwd=ROOT, env=environment | secret, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "told").read_text() == "login --username ada --password-stdin ghcr.io\na $(touch ran) b\n"


@pytest.mark.parametrize("check", CHECKS)
def test_a_required_check_is_behind_no_filter(check):
    """A workflow skipped by a filter leaves its required check pending for ever."""
    event = load(ROOT / f".github/workflows/{check}.yml")["on"]["pull_request"]

    assert not set(event or ()) & {"paths", "paths-ignore", "branches", "branches-ignore"}


@pytest.mark.parametrize("check", CHECKS)
def test_the_required_check_runs_for_merge_queues_too(check):
    events = load(ROOT / f".github/workflows/{check}.yml")["on"]

    assert events["merge_group"] == {"types": ["checks_requested"]}


@each_workflow
def test_the_jobs_token_is_sent_only_to_githubs_image_registry(path):
    given = [env["REGISTRY_PASSWORD"] for step in steps(path) if "REGISTRY_PASSWORD" in (env := step.get("env", {}))]

    assert all("startsWith(env.IMAGE_REGISTRY, 'ghcr.io/') && github.token" in password for password in given)


@pytest.mark.parametrize(("clone", "commits"), [([], "2"), (["--depth=1"], "1")])
def test_main_is_fetched_without_making_a_full_clone_shallow(tmp_path, clone, commits):
    git = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.invalid"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main", tmp_path / "origin"], check=True)
    for message in ("one", "two"):
        command = [*git, "commit", "--quiet", "--allow-empty", f"--message={message}"]
        subprocess.run(command, cwd=tmp_path / "origin", check=True)
    subprocess.run([*git, "clone", "--quiet", *clone, f"file://{tmp_path}/origin", tmp_path / "clone"], check=True)

    subprocess.run([ROOT / "src" / "tools" / "fetch_main.sh"], cwd=tmp_path / "clone", check=True)

    count = [*git, "rev-list", "--count", "origin/main"]
    assert subprocess.check_output(count, cwd=tmp_path / "clone", text=True).strip() == commits


def test_the_token_is_given_to_git_and_removed_afterwards(tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    ask = "git config --get-urlmatch http.extraheader https://github.com/acme/churn"
    environment = {"PATH": "/usr/bin:/bin", "GITHUB_TOKEN": "ghs_x", "HOME": str(tmp_path)}
    done = subprocess.run(
        [ROOT / "src" / "tools" / "with_token.sh", "bash", "-c", ask],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    after = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stdout == "AUTHORIZATION: basic eC1hY2Nlc3MtdG9rZW46Z2hzX3g=\n"
    assert after.stdout == ""

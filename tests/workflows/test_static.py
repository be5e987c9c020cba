"""Four linters find nothing in .github/, and each finds a planted fault."""

import re
import subprocess

import pytest

from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
SCRIPTS = sorted([*ROOT.glob("src/tools/*.sh"), ROOT / ".ci" / "run"])


def look(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def actionlint(folder):
    return look(folder, "actionlint", "-no-color")


def zizmor(folder):
    return look(folder, "zizmor", "--offline", "--no-progress", "--no-config", "--persona=pedantic", ".")


def schema(folder, kind="vendor.github-workflows", files=".github/workflows"):
    paths = [folder / files] if (folder / files).is_file() else sorted((folder / files).rglob("*.yml"))
    return look(folder, "check-jsonschema", "--builtin-schema", kind, *map(str, paths))


@pytest.mark.slow
def test_actionlint_and_shellcheck_find_nothing():
    assert actionlint(ROOT) == (0, "")


def test_zizmor_finds_nothing_at_its_most_pedantic():
    code, text = zizmor(ROOT)

    assert code == 0, text
    assert "No findings to report" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("vendor.github-workflows", ".github/workflows"),
        ("vendor.github-actions", ".github/actions"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/data.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/wrong.yml"),
    ],
)
def test_every_file_matches_githubs_schema(kind, files):
    code, text = schema(ROOT, kind, files)

    assert code == 0, text


@pytest.mark.slow
def test_githubs_own_parser_finds_nothing(language_service):
    assert look(ROOT, *language_service, *map(str, WORKFLOWS)) == (0, "")


def test_shellcheck_finds_nothing_in_scripts():
    assert look(ROOT, "shellcheck", *map(str, SCRIPTS)) == (0, "")


@pytest.mark.slow
def test_actions_get_only_inputs_that_they_have(repository):
    """actionlint has the inputs of actions by major version, which the comments of our pins contain."""
    for path in sorted((repository / ".github").rglob("*.yml")):
        path.write_text(re.sub(r"@[0-9a-f]{40} # (v\d+)[.\d]*", r"@\1", path.read_text()))

    code, text = actionlint(repository)

    assert code == 0, text


FAULTS = {
    "an input in a script": (actionlint, "run: make ci-plan", "run: echo ${{ github.event.pull_request.title }}"),
    "a variable without quotes": (actionlint, "run: make ci-result", "run: rm -r $HOME/x/$1"),
    "an unknown need": (actionlint, "needs: plan", "needs: plam"),
    "an unknown runner": (actionlint, "runs-on: ubuntu-24.04", "runs-on: ubuntu-newest"),
    "an unknown input": (actionlint, "target: setup", "targt: setup"),
    "a tag for a pin": (zizmor, r"@[0-9a-f]{40} # v7.0.1", "@v7"),
    "all permissions": (zizmor, "permissions: {}", "permissions: write-all"),
    "credentials left behind": (zizmor, "persist-credentials: false", "lfs: false"),
    "pull_request_target": (zizmor, "pull_request:", "pull_request_target:"),
    "an unknown key": (schema, "timeout-minutes:", "timeout_minutes:"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(repository, fault):
    tool, old, new = FAULTS[fault]
    path = repository / ".github" / "workflows" / "code.yml"
    for other in {*path.parent.iterdir()} - {path}:
        other.unlink()
    before = path.read_text()
    path.write_text(re.sub(old, lambda _: new, before))

    code, text = tool(repository)

    assert path.read_text() != before
    assert code != 0
    assert "code.yml" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("github.event.pull_request.number", "github.event.pull_request.numbr"),
        ("${{ toJSON(needs) }}", "${{ format('{0}') }}"),
        ("cancel-in-progress: true", "cancel_in_progress: true"),
    ],
)
def test_githubs_own_parser_finds_faults_that_linters_miss(repository, language_service, old, new):
    path = repository / ".github" / "workflows" / "code.yml"
    path.write_text(path.read_text().replace(old, new))

    code, text = look(repository, *language_service, str(path))

    assert code == 1
    assert "code.yml:" in text

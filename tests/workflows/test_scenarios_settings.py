"""With every possible setting (MLflow server, image registry, database, cluster, chat, App) nothing leaks.

All other scenarios have the opposite: no secret and no variable.
"""

import base64
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from ml.registry import registry
from tests import engine
from tests.conftest import ROOT
from tests.github.double import APP, BOT
from tests.workflows import services as company
from tests.workflows.runner import ABOUT, git
from tests.workflows.test_scenarios_engine import shop
from tests.workflows.test_scenarios_release import JOBS, issues, results

pytestmark = [pytest.mark.slow, pytest.mark.template, pytest.mark.timeout(1800)]  # minutes on a busy machine

EMBEDDED = {"Fetch the registry", "Push the registry", "Fetch the champion", "Push the history of verdicts"}
UNSEEN = {"add-mask", "set-output"}  # commands to the runner, which GitHub's log leaves out
SETTING = re.compile(r"^\| (`[A-Z_`, ]+`) \| (?:variable|secret)", re.MULTILINE)


@pytest.fixture
def services(tmp_path):
    with company.services(tmp_path) as running:
        yield running


@pytest.fixture
def variables(scenario, services, monkeypatch):
    """The environment of a runner for a repository with all settings, in which branch `mlflow` never existed."""
    git(scenario.origin, "update-ref", "-d", "refs/heads/mlflow")
    scenario.settings |= services.settings
    scenario.secrets |= services.secrets
    actrc = scenario.store.parent / "home" / ".config" / "act" / "actrc"
    actrc.parent.mkdir(parents=True)
    actrc.write_text("--insecure-secrets\n")  # act must not hide what we show
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, {**scenario.settings, **scenario.secrets}[name])
    lent = {"STUB_VENV": str(services.environment), "KUBECTL_REAL": str(company.KUBECTL)}
    return shop(scenario, services.images) | lent


SEND = """
from ml.settings.params import read_params
from tests.world.sending import Client, send, server
with server(read_params()) as url:
    for month in range(13, 18):
        send(Client(url), month, 1000, 0)
"""


def run(scenario, module, *flags, **environment):
    """Run a module of the repository in this environment."""
    code = {"PYTHONPATH": f"{scenario.folder}/src:{scenario.folder}"}
    command = [sys.executable, "-m", module, *flags]
    subprocess.run(command, cwd=scenario.folder, env={**os.environ, **code, **environment}, check=True)


def customers(scenario, log):
    """Customers with drift are only in the database."""
    code = {"PYTHONPATH": f"{scenario.folder}/src:{scenario.folder}"}
    subprocess.run([sys.executable, "-c", SEND], cwd=scenario.folder, env={**os.environ, **code}, check=True)
    run(scenario, "ml.stages.ship", "--once", PREDICTION_LOG=log)


def ran(outcome):
    """The steps that ran."""
    return {step for job in outcome.steps.values() for step in job}


def pushed(origin):
    """The content of every commit, folder and file on branches other than main, to which no workflow pushed."""
    listed = git(origin, "rev-list", "--objects", "--no-object-names", "--all", "^main")
    command = ["git", "cat-file", "--batch"]
    return subprocess.run(command, cwd=origin, input=listed.encode(), capture_output=True, check=True).stdout


def shown(scenario, services, outcomes, image):
    """All text that others can read afterwards, by its location."""
    place, hub = scenario.store.parent, scenario.hub
    files = [path for path in (scenario.store / "artifacts").rglob("*") if path.is_file()]
    tracked = [path for path in (place / "mlflow").rglob("*") if path.is_file() and "auth" not in path.name]
    return {
        "log": "".join(line["msg"] for o in outcomes for line in o.log if line.get("command") not in UNSEEN).encode(),
        "summaries": "".join(text for outcome in outcomes for text in outcome.summaries.values()).encode(),
        "artifacts": b"".join(path.read_bytes() for path in files),
        "GitHub": repr([hub.calls, hub.issues, hub.comments, hub.statuses, hub.dispatches]).encode(),
        "git": pushed(scenario.origin),
        "MLflow": b"".join(path.read_bytes() for path in tracked),
        "chat": "".join(services.told).encode(),
        "image": (engine.podman("image", "inspect", image).stdout + engine.podman("history", image).stdout).encode(),
    }


def forms(secrets):
    """Every secret as it is, each of its lines, and as base64, which a mask would not recognise."""
    lines = {line for secret in secrets for line in [secret, *secret.splitlines()] if len(line) > 10}
    lines -= {line for line in lines if line.startswith("-----")}
    return {line.encode() for line in lines} | {base64.b64encode(line.encode()) for line in lines}


def test_everything_is_used_that_is_set_and_no_secret_is_shown(scenario, services, variables):
    """Version and champion are on the server, the image in the cluster, the App's retraining open; nothing leaks."""
    known = {name for names in SETTING.findall((ROOT / "docs/workflows.md").read_text()) for name in names.split("`")}
    known -= {"BATCH_DATA", "BATCH_QUERY", "PAGES"}  # of `batch` and `docs`, which this scenario does not run
    assert {*scenario.settings, *scenario.secrets} == {name for name in known if name.isupper()}
    scenario.hub.workflow_states["monitor.yml"] = "disabled_inactivity"

    release = scenario.act("release.yml", "push", {"ref": "refs/heads/main", "repository": ABOUT}, **variables)

    store = registry.open_registry("churn", scenario.store.parent / "home")
    assert release.jobs == results(JOBS)
    assert not ran(release) & {*EMBEDDED, "Install HAProxy"}
    [version], [start, end] = store.state().versions, store.deployments()[2:]
    assert store.state().aliases == {"champion": 1}
    assert (start["env"], start["model"], end["action"]) == ("production", version.model, "deployed")
    assert start["image"].startswith(f"{services.images}/churn@sha256:")
    assert services.pods("churn-staging") == services.pods("churn-production") == start["image"]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://{services.images}/v2/churn/tags/list")
    assert issues(scenario) == ["Silent schedule: monitoring has stopped running"]
    assert ["Silent schedule" in text for text in services.told] == [True]
    assert git(scenario.origin, "for-each-ref", "--format=%(refname:short)", "refs/heads") == "main"

    customers(scenario, services.log)
    monitor = scenario.act("monitor.yml", "schedule", {}, **variables)

    [pull], [branch] = (
        scenario.hub.open(),
        git(scenario.origin, "for-each-ref", "--format=%(refname:short)", "refs/heads/retrain").split(),
    )
    [verdict] = store.verdicts()
    assert monitor.jobs == {"monitor": "success", "retrain": "success", "tell": "success"}
    assert not ran(monitor) & EMBEDDED
    assert (verdict["verdict"], verdict["model"]) == ("drift", version.model)
    assert (pull["user"]["login"], pull["head"]["ref"]) == ("churn-app[bot]", branch)
    assert (scenario.hub.dispatches, scenario.hub.statuses) == ([], [])  # the App's pull request has runs of its own
    assert "mlflow" not in git(scenario.origin, "for-each-ref", "--format=%(refname)", "refs/heads")

    seen = shown(scenario, services, [release, monitor], start["image"])
    assert all(seen.values())
    assert b"***" not in seen["log"]
    assert all(services.images.encode() in seen[place] for place in ("log", "artifacts", "MLflow"))  # no secret: found
    wanted = forms([*scenario.secrets.values(), APP, BOT])
    assert {(place, form) for place, content in seen.items() for form in wanted if form in content} == set()

"""A pull request, a release and its rollback with a real container engine and a real image registry on this machine."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from os import kill
from pathlib import Path
from signal import SIGKILL

import pytest
import yaml

from tests import engine
from tests.workflows.again import rerun
from tests.workflows.runner import ABOUT, git
from tests.workflows.test_scenarios_ci import CODE, MODEL, commented, judged
from tests.workflows.test_scenarios_release import JOBS, issues, registry, results

pytestmark = [pytest.mark.slow, pytest.mark.template, pytest.mark.timeout(1800)]  # minutes on a busy machine

SCAN = "\nscan:\n\t@echo '{}' > build/sbom.json\n"  # asks a service about known holes


def free_ports(number):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture
def images(tmp_path):
    """The address of an image registry that is removed after the test."""
    with image_registry(tmp_path) as address:
        yield address


def container_engine():
    """Make the container engine ready, or skip."""
    if reason := engine.lacking():
        pytest.skip(reason)
    engine.prepare()


@contextlib.contextmanager
def image_registry(folder, users=""):
    """The address of an image registry that requires a password if `users` has lines of htpasswd."""
    if absent := [part for part in ("docker-registry", "haproxy") if not shutil.which(part)]:
        pytest.skip(f"needs {', '.join(absent)}: apt-get install {' '.join(absent)}")
    container_engine()
    with serving(folder, users) as address:
        yield address
    names = ("image", "list", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={address}/*")
    for name in engine.podman(*names).stdout.split():
        engine.podman("image", "rm", name, check=False)  # others may use the same layers


@contextlib.contextmanager
def serving(folder, users):
    [port] = free_ports(1)
    address = f"127.0.0.1:{port}"
    (folder / "htpasswd").write_text(users)
    asked = {"auth": {"htpasswd": {"realm": "images", "path": str(folder / "htpasswd")}}} if users else {}
    settings = {"version": 0.1, "http": {"addr": address}, **asked}
    settings["storage"] = {"filesystem": {"rootdirectory": str(folder / "images")}}
    (folder / "registry.yml").write_text(yaml.safe_dump(settings))
    (folder / "registries.conf").write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
    try:
        for _ in range(100):
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def shop(scenario, address):
    """The settings with which a scenario uses our engine and that registry, with environments on free ports."""
    staging, production = free_ports(2)
    change = f"staging: 8001, production: 8000 -> staging: {staging}, production: {production}"
    scenario.change({"params.yaml": change})
    with (scenario.folder / "Makefile").open("a") as file:
        file.write(SCAN)
    git(scenario.folder, "commit", "--quiet", "--all", "--message=ports")
    git(scenario.folder, "push", "--quiet", str(scenario.origin), "main")
    scenario.settings |= {"IMAGE_REGISTRY": address, "PRODUCTION": "yes"}
    conf = scenario.folder.parent / "registries.conf"
    auth = scenario.folder.parent / "auth.json"
    auth.write_text("{}")
    return {**engine.environment(), "CONTAINERS_REGISTRIES_CONF": str(conf), "REGISTRY_AUTH_FILE": str(auth)}


def new_runner(scenario):
    """End the processes of `local` environments, because the next job runs on a new machine."""
    names = engine.podman("ps", "--all", "--format", "{{.Names}}").stdout.split()
    for name in names:
        if name.startswith(("churn-staging-", "churn-production-")):
            engine.podman("rm", "--force", "--volumes", name)
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = entry.read_bytes().split(b"\0")
            if command[0] == b"haproxy" and (entry.parent / "cwd").readlink().is_relative_to(scenario.folder.parent):
                kill(int(entry.parent.name), SIGKILL)


@contextlib.contextmanager
def one_runner(scenario):
    """A run on a runner that is gone after it."""
    try:
        yield
    finally:
        new_runner(scenario)


def deployments(scenario):
    """The record of deployments on origin, with one line for each start and each end."""
    return [json.loads(line) for line in git(scenario.origin, "show", "mlflow:deployments.jsonl").splitlines()]


def deployed_since(scenario, images, image):
    """Another image, derived from this one, is deployed to production; the branch of the registry records it."""
    tag = f"{images}/churn:other"
    engine.derive(tag, f"FROM {image}\nLABEL other=yes\n")
    engine.podman("push", "--tls-verify=false", tag)
    found = json.loads(engine.podman("image", "inspect", tag).stdout)[0]["RepoDigests"]
    other = next(name for name in found if name.startswith(f"{images}/churn@"))
    start, end = deployments(scenario)[-2:]
    lines = [*deployments(scenario), start | {"id": "other", "image": other, "before": image}, end | {"id": "other"}]
    clone = scenario.folder.parent / "somebody"
    git(scenario.folder.parent, "clone", "--quiet", "--branch=mlflow", str(scenario.origin), "somebody")
    (clone / "deployments.jsonl").write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))
    git(clone, "commit", "--quiet", "--all", "--message=another deployment")
    git(clone, "push", "--quiet", "origin", "mlflow")


def test_a_good_pull_request_is_built_judged_and_told_with_nothing_replaced(scenario):
    """A fork's: its token only reads. Image and gates are proven; one comment has the report, then both results."""
    container_engine()
    changes = "n_estimators: 30 -> n_estimators: 28\naccuracy: { min: 0.85 } -> accuracy: { min: 0.84 }"
    scenario.build({"params.yaml": changes})
    commit = scenario.commit({}, "fewer-trees")
    scenario.hub.read_only = True

    outcome = judged(scenario, commit, **engine.environment())

    engine.podman("image", "rm", f"localhost/churn:{git(scenario.folder, 'rev-parse', 'HEAD')[:12]}")
    assert outcome.jobs == results(MODEL)
    assert set(outcome.steps["pipeline"].values()) == {"success"}
    assert not scenario.hub.made("POST|PATCH|PUT|DELETE")
    scenario.hub.read_only = False
    comment = commented(scenario, outcome, "fewer-trees", commit, owner="mallory")
    assert outcome.artifacts() == ["report", "report.html"]
    assert "# ✅ churn: the model passes its gates" in outcome.summaries["pipeline"]
    assert "PASSED" in outcome.said("model")
    assert "✅ **model passed**" in comment
    assert "⏳ **code has not started**" in comment
    assert "[report.html](https://github.com/acme/churn/actions/runs/7001/artifacts/" in comment
    assert "| train.random_forest.n_estimators | 30 | 28 |" in comment
    assert "| gates.limits.accuracy.min | 0.85 | 0.84 |" in comment
    assert "version 1" in comment  # the champion came with the registry

    code = judged(scenario, commit, "code.yml")

    later = commented(scenario, code, "fewer-trees", commit, owner="mallory")
    assert code.jobs == results(CODE, tests="skipped", workflows="skipped")  # settings can break no other tests
    assert "faults caught by" in code.said("prove")
    assert later == comment.replace(
        "⏳ **code has not started**",
        "✅ **code passed** in [run 7002](https://github.com/acme/churn/actions/runs/7002)",
    )


def test_a_version_is_built_shipped_served_and_an_image_is_taken_back(scenario, images):
    """The tested image serves by its digest, and after a rollback the earlier one serves."""
    variables = shop(scenario, images)
    event = {"ref": "refs/heads/main", "repository": ABOUT}

    with one_runner(scenario):
        outcome = scenario.act("release.yml", "workflow_dispatch", event, **variables)

    assert outcome.jobs == results(JOBS)
    assert issues(scenario) == []
    [start, end] = deployments(scenario)
    assert (start["env"], end["action"]) == ("production", "deployed")
    assert start["model"] == registry(scenario).version(1).model
    assert start["image"].startswith(f"{images}/churn@sha256:")
    assert f"attest {start['image']} build/sbom.json" in (scenario.store / "calls").read_text()

    with one_runner(scenario):
        again = rerun(scenario, outcome, "image")

    assert again.jobs == results(JOBS)
    assert "it is reused, not built again" in again.said("image")
    assert {line["image"] for line in deployments(scenario) if "image" in line} == {
        start["image"]
    }  # nothing new was deployed

    deployed_since(scenario, images, start["image"])
    with one_runner(scenario):
        outcome = scenario.act(
            "rollback.yml", "workflow_dispatch", {"inputs": {"to": "", "reason": "odd"}}, **variables
        )

    assert outcome.jobs == {"approval": "success", "rollback": "success"}
    *_, back, held = deployments(scenario)
    assert (back["image"], held["action"]) == (start["image"], "deployed")

"""src/deploy/batch: valid Kubernetes objects, pods as restricted as those of the API, and existing commands."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ml.stages import score, ship
from tests.deploy.schemas import problems

HERE = Path("src/deploy/batch")
STAGES = {"score": score, "ship": ship}


@pytest.fixture(scope="module")
def objects():
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed: make setup")
    made = subprocess.run(["kubectl", "kustomize", HERE], capture_output=True, text=True, check=True, timeout=60)
    return [*yaml.safe_load_all(made.stdout)]


def pods(objects):
    for thing in objects:
        job = thing["spec"].get("jobTemplate", thing)
        if "template" in job["spec"]:
            yield job["spec"]["template"]["spec"]


def test_every_object_fits_the_schema_of_kubernetes(objects):
    assert {thing["kind"] for thing in objects} >= {"CronJob", "Deployment", "NetworkPolicy", "PersistentVolumeClaim"}
    assert not [found for thing in objects if (found := problems(thing))]


def test_pods_meet_the_restricted_standard_and_are_held_to_memory(objects):
    found = [*pods(objects)]

    assert len(found) == 3
    for pod in found:
        (one,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert one["resources"]["limits"].keys() == {"cpu", "memory"}


def test_the_job_calls_stages_with_existing_options(objects):
    (job,) = (thing for thing in objects if thing["kind"] == "CronJob")
    script = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][-1]

    called = re.findall(r"python -m ml\.stages\.(\w+)(.*)", script)

    assert [name for name, _ in called] == ["score", "ship"]
    for name, line in called:
        known = options(STAGES[name])
        assert {option.replace("-", "_") for option in re.findall(r"--([\w-]+)", line)} <= known


def options(stage):
    """The options of a stage."""
    code = stage.main.__code__
    return {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}


def test_scheduler_and_workers_are_those_of_the_compose_file(objects):
    services = yaml.safe_load((HERE / "compose.yaml").read_text())["services"]
    deployed = {
        thing["metadata"]["name"]: thing["spec"]["template"]["spec"]["containers"][0]["command"]
        for thing in objects
        if thing["kind"] == "Deployment"
    }

    assert deployed == {name: service["command"] for name, service in services.items()}
    assert services["scheduler"]["ports"] == ["127.0.0.1:8786:8786"]

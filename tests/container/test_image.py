"""The image from the real Dockerfile: its contents, identical repeated builds, and bad images that smoke refuses."""

import json
import re
import shutil

import pytest
import yaml

from tests.engine import derive, environment, podman

pytestmark = pytest.mark.slow
OWN = """

from sklearn.linear_model import LogisticRegression


class Own(LogisticRegression):
    pass
"""
# Each line breaks one promise, and smoke must name all of them. {image} is the good one.
BAD = """FROM {image}
USER 0
RUN sed -i 's/"mean": *-*[0-9.]*/"mean": 1.5/' /app/model/compiled.json
LABEL ml.model.digest=0000
ENV SERVING_LOG_DIRECTORY=/tmp/logs
CMD ["sh", "-c", "trap : TERM; python -m serving & wait; wait; wait"]
"""
REASONS = {
    "lineage": "labels and GET /model differ: ml.model.digest",
    "recorded answers": "differ from the recorded answers",
    "unprivileged": "runs as user 0",
    "kill -9": "are lost",
    "SIGTERM": "exit code",
}


def inspect(image):
    return json.loads(podman("image", "inspect", image).stdout)[0]


def test_the_labels_describe_the_contents(shop, image):
    labels = inspect(image)["Config"]["Labels"]
    lineage = json.loads((shop / "build" / "image" / "model" / "lineage.json").read_text())

    assert labels["org.opencontainers.image.revision"] == lineage["commit"]
    assert labels["ml.model.digest"] == lineage["model"]
    assert labels["ml.data.digest"] == lineage["data"]["md5"]
    assert labels["ml.model.version"] == "unregistered"


def test_it_contains_the_packages_of_the_lock_and_no_build_tool(image):
    look = "ls /app/lib; ls -A /app; for tool in gcc cc make; do command -v $tool; done; true"
    listed = podman("run", "--rm", "--network=none", image, "sh", "-c", look)
    names = set(listed.stdout.lower().split())

    assert {"fastapi", "onnxruntime", "uvicorn"} <= names
    assert not {"mlflow", "pandas", "sklearn", "dvc", ".cache", "/usr/bin/gcc", "/usr/bin/cc", "/usr/bin/make"} & names


def test_a_second_build_of_a_commit_has_the_same_layers(shop, image, stage):
    first = inspect(image)

    done = stage(shop, "image", CONTAINER_BUILD_FLAGS=f"--no-cache {environment()['CONTAINER_BUILD_FLAGS']}")

    second = inspect(image)
    assert done.returncode == 0, done.stderr
    assert second["RootFS"]["Layers"] == first["RootFS"]["Layers"]
    assert second["Config"] == first["Config"]


def test_a_good_image_passes_smoke_and_leaves_nothing_behind(shop, image, stage):
    done = stage(shop, "smoke")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert done.stdout.count("passed") == 8
    started = podman("ps", "--all", "--no-trunc", "--format", "{{.ImageID}} {{.Names}}").stdout
    assert f"{inspect(image)['Id']} smoke-" not in started  # other tests may use the same engine
    assert not [name for name in podman("volume", "ls", "--quiet").stdout.split() if name.startswith("smoke-")]


def test_smoke_refuses_an_image_and_names_each_check_that_fails(shop, image, stage):
    bad = derive("localhost/bad", BAD.format(image=image))

    done = stage(shop, "smoke", "--image", bad)

    assert done.returncode == 1
    failed = dict(re.findall(r"^FAILED  (.+?)  +(.+)$", done.stdout, re.MULTILINE))
    assert failed.keys() == REASONS.keys()
    assert all(reason in failed[check] for check, reason in REASONS.items()), failed


def test_smoke_refuses_an_image_without_a_model(shop, image, stage):
    bad = derive("localhost/bad-ready", f"FROM {image}\nENV SERVING_MODEL=/app/nothing")

    done = stage(shop, "smoke", "--image", bad)

    assert done.returncode == 1
    assert re.search("^FAILED  ready  .*holds no model", done.stdout, re.MULTILINE)


def test_a_missing_image_gives_one_sentence(shop, stage):
    done = stage(shop, "smoke", "--image", "localhost/never:built", CONTAINER_PULL_FLAGS="--tls-verify=false")

    assert done.returncode == 1
    assert "is neither on this machine nor in its registry" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_own_class_serves_from_an_image_that_holds_scikit_learn_too(shop, stage, tmp_path):
    folder = shutil.copytree(shop, tmp_path / "own", symlinks=True)
    path, settings = folder / "src" / "features.py", yaml.safe_load((folder / "params.yaml").read_text())
    path.write_text(path.read_text() + OWN)
    settings["train"]["model"] = "features.Own"
    (folder / "params.yaml").write_text(yaml.safe_dump(settings | {"project": "own"}))

    done = [stage(folder, name) for name in ("train", "image", "smoke")]

    assert all(one.returncode == 0 for one in done), done[-1].stdout + "".join(one.stderr[-1500:] for one in done)
    name = yaml.safe_load((folder / "build" / "image.json").read_text())["image"]
    listed = set(podman("run", "--rm", "--network=none", name, "ls", "/app/lib").stdout.split())
    assert {"sklearn", "pandas", "skops", "fastapi"} <= listed
    assert not {"mlflow", "dvc", "onnx", "lightgbm"} & listed

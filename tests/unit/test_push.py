"""One image from build to production: the tested image is pushed, and a pushed image is not built again."""

import json
import sys

import pytest

from ml.deployment import container_engine, images
from ml.deployment.image_record import ImageRecord, SmokeRecord
from ml.io import files
from ml.io.errors import UserError
from ml.stages import image as image_stage
from ml.stages import push as push_stage

DIGEST = "registry.example/team/churn@sha256:" + "d" * 64
NAME = "registry.example/team/churn:v1-abc"
LABELS = {key: key.lower() for key in image_stage.LABELS}
ENGINE = """#!{python}
import json, os, sys
state = json.load(open({state!r}))
asked = " ".join([*sys.argv[1:], os.environ.get("BUILDX_NO_DEFAULT_ATTESTATIONS", "")])
open({state!r} + ".calls", "a").write(asked + "\\n")
if sys.argv[1] in state["fails"] or sys.argv[-1] in state["fails"]: sys.exit(1)
if sys.argv[1:3] == ["image", "inspect"]: print(json.dumps([state["image"]]))
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A docker that responds from a file, as the only engine; its state and its recorded calls."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTAINER_ENGINE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    state = {"fails": [], "image": {"Id": "1" * 64, "RepoDigests": [DIGEST], "Config": {"Labels": labelled(LABELS)}}}
    install(tmp_path, "docker", state)
    container_engine.answers.cache_clear()
    return state, tmp_path


def labelled(labels):
    return {image_stage.LABELS[key]: value for key, value in labels.items()}


def install(folder, name, state):
    (folder / f"{name}.json").write_text(json.dumps(state))
    (folder / name).write_text(ENGINE.format(python=sys.executable, state=str(folder / f"{name}.json")))
    (folder / name).chmod(0o755)


def asked(folder, name="docker"):
    path = folder / f"{name}.json.calls"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def built(digest=None, smoked=True):
    origin = {"version": None, "model": "m", "revision": "r", "size": 1}
    ImageRecord(image=NAME, id="sha256:" + "1" * 64, digest=digest, **origin).write(files.IMAGE)
    SmokeRecord(image="sha256:" + ("1" if smoked else "2") * 64, passed=True, checks=()).write(files.SMOKE)


def test_the_tested_image_is_pushed_and_its_digest_is_recorded(engine):
    _, folder = engine
    built()

    push_stage.main()

    assert files.read_json(files.IMAGE)["digest"] == DIGEST
    assert "push" in asked(folder)
    assert "build" not in asked(folder)


def test_an_untested_image_is_not_pushed(engine):
    built(smoked=False)

    with pytest.raises(UserError, match="make smoke"):
        push_stage.main()


def test_a_tag_that_now_names_another_image_is_not_pushed(engine):
    state, folder = engine
    built()
    install(folder, "docker", state | {"image": state["image"] | {"Id": "3" * 64}})

    with pytest.raises(UserError, match="was tested"):
        push_stage.main()


def test_an_image_already_in_the_registry_is_not_pushed_again(engine):
    _, folder = engine
    built(DIGEST)

    push_stage.main()

    assert asked(folder) == []


def test_a_repeated_release_uses_the_pushed_image(engine, monkeypatch):
    monkeypatch.setenv("IMAGE_REGISTRY", "registry.example/team")

    assert image_stage._pushed(NAME, LABELS) == DIGEST


def test_it_is_taken_by_the_digest_that_the_registry_knows(engine, monkeypatch):
    """Podman reports the digest from before it compressed the image."""
    state, folder = engine
    monkeypatch.setenv("IMAGE_REGISTRY", "registry.example/team")
    before = DIGEST.replace("d" * 64, "b" * 64)
    two = state["image"] | {"RepoDigests": [before, DIGEST]}
    install(folder, "docker", state | {"fails": [before], "image": two})

    assert image_stage._pushed(NAME, LABELS) == DIGEST


@pytest.mark.parametrize("label", ["REVISION", "MODEL_DIGEST", "LOCK_DIGEST", "MODEL_VERSION"])
def test_an_image_of_another_commit_model_or_lock_is_built(engine, monkeypatch, label):
    monkeypatch.setenv("IMAGE_REGISTRY", "registry.example/team")

    assert image_stage._pushed(NAME, LABELS | {label: "other"}) is None


def test_an_image_absent_from_the_registry_or_uncommitted_is_built(engine, monkeypatch):
    state, folder = engine
    without = image_stage._pushed(NAME, LABELS)
    monkeypatch.setenv("IMAGE_REGISTRY", "registry.example/team")
    dirty = image_stage._pushed(NAME, LABELS | {"REVISION": "abc-dirty"})
    install(folder, "docker", state | {"fails": ["pull"]})

    assert (without, dirty, image_stage._pushed(NAME, LABELS)) == (None, None, None)


def test_docker_adds_no_record_with_the_build_time(engine):
    _, folder = engine

    images.build("churn:x", {}, 0)

    calls = (folder / "docker.json.calls").read_text().splitlines()
    assert [line.split()[-1] for line in calls if line.startswith("build")] == ["1"]


@pytest.mark.parametrize(("fails", "chosen"), [(["version"], "podman"), ([], "docker")])
def test_podman_is_used_if_docker_has_no_daemon(engine, fails, chosen):
    state, folder = engine
    install(folder, "docker", state | {"fails": fails})
    install(folder, "podman", state)

    assert container_engine.engine() == [chosen]


def test_without_podman_the_error_of_docker_is_shown(engine):
    state, folder = engine
    install(folder, "docker", state | {"fails": ["version"]})

    assert container_engine.engine() == ["docker"]

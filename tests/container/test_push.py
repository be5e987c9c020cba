"""The digest that `make image PUSH=1` records finds the pushed image again."""

import json
import re
import shutil
import subprocess
import time
import urllib.request

import pytest

from ml.deployment import images
from ml.io.errors import UserError
from tests.engine import environment, podman

pytestmark = pytest.mark.slow
INSECURE = {"CONTAINER_PUSH_FLAGS": "--tls-verify=false", "CONTAINER_PULL_FLAGS": "--tls-verify=false"}
SETTINGS = """version: 0.1
storage: {filesystem: {rootdirectory: %s}}
http: {addr: "127.0.0.1:0"}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """The address of a real registry on a free port."""
    program = shutil.which("docker-registry")
    if not program:
        pytest.skip("needs docker-registry: apt-get install docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    (folder / "config.yml").write_text(SETTINGS % (folder / "data"))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "serve", folder / "config.yml"], stderr=log, stdout=log)
    try:
        yield _address(folder / "log")
    finally:
        process.kill()
        process.wait()


def _address(log):
    for _ in range(100):
        if found := re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_the_registry_knows_a_pushed_image_by_the_recorded_digest(shop, image, registry, stage):
    done = stage(shop, "image", "--push", IMAGE_REGISTRY=f"{registry}/Team", **INSECURE)

    assert done.returncode == 0, done.stderr
    record = json.loads((shop / "build" / "image.json").read_text())
    name, digest = record["digest"].split("@")
    assert record["image"].startswith(f"{registry}/team/churn:")
    assert name == f"{registry}/team/churn"
    kind = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    asked = urllib.request.Request(f"http://{registry}/v2/team/churn/manifests/{digest}", headers=kind)
    with urllib.request.urlopen(asked) as answer:
        assert json.load(answer)["config"]["digest"] == record["id"]


def test_an_unreachable_registry_gives_one_sentence(image, monkeypatch):
    for name, value in {**environment(), **INSECURE}.items():
        monkeypatch.setenv(name, value)
    podman("tag", image, "127.0.0.1:9/churn:lost")

    with pytest.raises(UserError, match=r"churn:lost could not be pushed"):
        images.push("127.0.0.1:9/churn:lost")

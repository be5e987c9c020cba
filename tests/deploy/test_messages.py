"""The messages of a deployment about missing or failing parts."""

import pytest

from ml.deployment.compose import Compose
from ml.io import files
from ml.io.errors import UserError
from ml.stages import manifests
from tests.conftest import SAMPLE


def test_a_failed_compose_gives_its_reason_and_the_command(tmp_path, monkeypatch):
    fake = tmp_path / "compose"
    fake.write_text(
        "#!/bin/sh\necho 'Error response from daemon: port is already allocated' >&2\n"
        'for step in 1 2 3 4; do echo "Container $step Created" >&2; done\nexit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("COMPOSE_COMMAND", str(fake))

    with pytest.raises(
        UserError, match=r"compose -p shop .* up --detach --no-deps db` failed: Error response .* allocated"
    ):
        Compose("shop", tmp_path / "shop", 1, ("db",)).around("image")


def test_manifests_without_an_image_explain_how_to_set_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes(SAMPLE.read_bytes())

    with pytest.raises(UserError, match=r"no image is set.* IMAGE=registry/name@sha256:"):
        manifests.main(env="staging")

    built = {"image": "a:1", "id": "sha256:1", "version": None, "model": "m", "revision": "r", "size": 1}
    files.write_json(built | {"digest": None}, files.IMAGE)
    with pytest.raises(UserError, match="no image is set"):
        manifests.main(env="staging")

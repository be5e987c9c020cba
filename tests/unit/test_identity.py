"""The name of a model covers everything that determines its predictions."""

import hashlib
import subprocess

import pytest

from ml.io.errors import UserError
from ml.model import identity


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.skops").write_bytes(b"trees")
    (tmp_path / "contract.json").write_text('{"threshold": 0.5}')
    return tmp_path


def test_another_threshold_or_other_trees_make_another_model(folder):
    names = [identity.of(folder)]
    (folder / "contract.json").write_text('{"threshold": 0.3}')
    names.append(identity.of(folder))
    (folder / "model.skops").write_bytes(b"other trees")
    names.append(identity.of(folder))

    assert len(set(names)) == 3


def test_the_shell_computes_the_same_name(folder):
    joined = "cat model.skops contract.json | sha256sum"
    said = subprocess.run(joined, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout

    assert said.split()[0] == identity.of(folder)


def test_a_version_older_than_the_contract_digest_keeps_its_name(folder):
    assert identity.named(identity.read(folder), hashlib.sha256(b"trees").hexdigest())


def test_a_contract_changed_afterwards_is_detected(folder):
    name = identity.of(folder)
    (folder / "contract.json").write_text('{"threshold": 0.3}')

    assert not identity.named(identity.read(folder), name)


def test_a_folder_without_a_contract_has_no_name(folder):
    (folder / "contract.json").unlink()

    with pytest.raises(UserError, match=r"contract\.json is missing"):
        identity.of(folder)

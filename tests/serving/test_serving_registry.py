"""Models by name: from both homes of the registry, and swapped when an alias moves."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from ml.io.errors import UserError
from ml.registry.embedded_home import Embedded
from serving.lineup import load_models, moved
from serving.loaded_model import load
from serving.recorder import Recorder
from serving.server_settings import read_settings
from serving.service import Service
from tests.serving.load import Load
from tests.serving.server import ROOT, built, lines, promote, register, rows, running

PROJECT = "churn"


@pytest.fixture(scope="module")
def folders(tmp_path_factory, customers, params):
    """Three models of one contract, and one of another."""
    place = tmp_path_factory.mktemp("models")
    other = params.data.model_copy(update={"columns": {k: v for k, v in params.data.columns.items() if k != "plan"}})
    return [
        built(place / "1", customers, params),
        built(place / "2", customers, params, "random_forest"),
        built(place / "3", customers, params.model_copy(update={"data": other})),
    ]


@pytest.fixture
def home(tmp_path, monkeypatch, folders):
    """An embedded registry in the current folder: version 1 is champion, version 2 challenger."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    embedded = Embedded(PROJECT, tmp_path / ".mlflow")
    register(embedded, folders[0])
    promote(embedded, 1)
    register(embedded, folders[1])
    return embedded


def shown(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/model", timeout=5) as answer:
        found = json.load(answer)
    return tuple(found[part] and found[part]["model"] for part in ("champion", "challenger"))


def wait_for(port, expected):
    end = time.monotonic() + 20
    while shown(port) != expected:
        assert time.monotonic() < end, f"{shown(port)} serve, not {expected}"
        time.sleep(0.1)


def test_aliases_and_numbers_name_versions_with_their_lineage(home):
    promote(home, 2)

    found = {source: load(f"models:/churn{source}") for source in ("@champion", "@previous", "/1", "/2")}

    assert {k: m.name for k, m in found.items()} == {
        "@champion": "churn@2", "@previous": "churn@1", "/1": "churn@1", "/2": "churn@2",
    }  # fmt: skip
    assert [found[f"/{v.number}"].digest for v in home.state().versions] == [v.model for v in home.state().versions]
    assert found["/1"].lineage["commit"] == found["@previous"].digest[:40]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("models:/churn@winner", "champion is version 1"),
        ("models:/churn/7", "there is no version 7"),
        ("models:/churn", "models:/NAME@champion"),
        ("models:/loans@champion", "is a model of churn"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(home, source, said):
    with pytest.raises(UserError, match=said):
        load(source)


def test_a_version_changed_on_disk_is_refused(home):
    (home.folder(home.state().version(1).model) / "model.skops").write_bytes(b"another")

    with pytest.raises(UserError, match="not the model that was registered"):
        load("models:/churn@champion")


@pytest.mark.slow
def test_the_embedded_home_needs_only_the_serving_environment(home):
    absent = ("mlflow", "pandas", "sklearn", "skops", "filelock", "dvc")
    code = (
        f"import sys; sys.modules |= dict.fromkeys({absent}); from serving.loaded_model import load; "
        "print(load('models:/churn@champion').name)"
    )
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=home.home.parent, capture_output=True, text=True, check=False
    )
    on_a_server = subprocess.run(
        [sys.executable, "-c", code], env=environment | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        cwd=home.home.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "churn@1\n", done.stderr
    assert "Install the extra `pipeline`, or unset MLFLOW_TRACKING_URI" in on_a_server.stderr


@pytest.fixture
def following(home, folders):
    """Settings that follow both aliases: version 2 is champion, and the challenger has other columns."""
    promote(home, 2)
    register(home, folders[2])
    names = {"SERVING_MODEL": "models:/churn@champion", "SERVING_CHALLENGER": "models:/churn@challenger"}
    return read_settings({**names, "SERVING_POLL_SECONDS": "1"})


def test_the_server_follows_the_champion_if_the_challenger_has_other_columns(home, following, params):
    service = Service(load_models(following), None, Recorder(params.data, following), following)
    settled = moved(following, service.models)
    promote(home, 1)
    noticed = moved(following, service.models)
    service.swap()

    assert (settled, noticed, moved(following, service.models)) == (False, True, False)
    assert service.models.champion.model.name == "churn@1"
    assert service.models.challenger is None


def test_the_next_valid_challenger_is_served(home, following, folders, tmp_path):
    models = load_models(following)
    fits = shutil.copytree(folders[1], tmp_path / "fits")
    contract = (fits / "contract.json").read_text()
    (fits / "contract.json").write_text(contract.replace('"threshold":0.5', '"threshold":0.4'))
    register(home, fits)

    assert models.challenger is None
    assert moved(following, models)
    assert load_models(following).challenger.model.name == "churn@4"


def test_a_challenger_of_other_columns_that_is_named_by_number_is_refused(following):
    with pytest.raises(UserError, match="plan differ"):
        load_models(following.model_copy(update={"challenger": "models:/churn/3"}))


def test_polling_without_an_alias_is_refused():
    with pytest.raises(UserError, match="SERVING_POLL_SECONDS needs a model named by alias"):
        read_settings({"SERVING_POLL_SECONDS": "5", "SERVING_MODEL": "models:/churn/3"})


@pytest.mark.slow
def test_a_moved_alias_is_served_without_a_failed_request_and_an_invalid_model_is_not(
    home, folders, tmp_path, customers, params
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    names = {"challenger": "models:/churn@challenger", "canary": 0.5, "poll_seconds": 0.2}
    row = rows(customers, params.data, 1)[0]
    row.pop(params.data.id)
    with running("models:/churn@champion", tmp_path / "logs", port, cwd=tmp_path, **names), Load(port, row) as load_:
        wait_for(port, ("churn@1", "churn@2"))
        promote(home, 2)
        wait_for(port, ("churn@2", None))
        register(home, folders[2])
        promote(home, 3)
        time.sleep(1)
        refused = shown(port)
        promote(home, 1)
        wait_for(port, ("churn@1", None))

    assert refused == ("churn@2", None)
    assert load_.failed == []
    assert {(line["model"], line["variant"]) for line in lines(tmp_path / "logs")} >= {
        ("churn@1", "champion"), ("churn@2", "challenger"), ("churn@2", "champion"),
    }  # fmt: skip

"""The worked examples of docs/features.md, unchanged: each passes every gate beside the forest of the sample."""

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from ml.deployment.image_locks import SERVING, UNCOMPILED, locks_of
from ml.io import files
from ml.model import estimators, search
from ml.model.model_contract import read_contract
from ml.model.predictor import FORM, MODEL, from_files, read
from ml.registry import baseline
from ml.registry.baseline import Baseline
from ml.settings import feature_source
from ml.settings.params import Params, read_params
from ml.stages import evaluate, gate, prepare, train, validate
from tests.conftest import ROOT, SAMPLE, once
from tests.world.sample import history

pytestmark = pytest.mark.slow
TEXT = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").split("## Three worked examples")[1]
RATIO, TUNED, OWN = (block for _, block in re.findall(r"```(python|yaml)\n(.*?)```", TEXT, re.DOTALL))
# Of the machine, not of the example: the time of a row, and the lock files that this folder lacks.
GATES = {"latency": None, "api": None, "freshness": None}


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A folder with the sample's table, split, and the model of its settings."""

    def make(folder):
        (folder / "src").mkdir()
        (folder / "data").mkdir()
        shutil.copy(ROOT / feature_source.FEATURES, folder / feature_source.FEATURES)
        settings = yaml.safe_load(SAMPLE.read_text())
        settings["evaluate"]["bootstrap"] = 100
        settings["gates"] |= GATES
        (folder / files.PARAMS).write_text(yaml.safe_dump(settings))
        history().to_parquet(folder / "data" / "customers.parquet")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for stage in (validate, prepare, train):
                stage.main()

    return once(tmp_path_factory, "sample", make)


@pytest.fixture
def judged(sample, tmp_path, monkeypatch):
    """A function from other settings, and more for src/features.py, to the built files once the gates have passed."""
    folder = shutil.copytree(sample, tmp_path / "copy")
    monkeypatch.chdir(folder)
    monkeypatch.delitem(estimators.sys.modules, "features", raising=False)
    settings = yaml.safe_load(files.PARAMS.read_text())
    forest = Baseline("the forest", (files.MODEL / MODEL).read_bytes(), settings)
    monkeypatch.setattr(baseline, "find", lambda project: forest)

    def judge(more="", **sections):
        path = feature_source.FEATURES
        path.write_text(path.read_text() + "\n\n" + more)
        files.PARAMS.write_text(yaml.safe_dump(settings | sections))
        train.main()
        evaluate.main()

        assert gate.main() == 0
        verdicts = {verdict["gate"]: verdict for verdict in files.read_json(files.VERDICT)["verdicts"]}
        assert verdicts["champion"]["passed"]
        return read(files.MODEL), verdicts

    yield judge
    estimators.sys.modules.pop("features", None)


@pytest.mark.parametrize("more", [RATIO, OWN])
def test_an_example_passes_the_linter(more):
    shipped, start = (ROOT / feature_source.FEATURES).read_text(), re.search("^(@|class )", more, re.MULTILINE).start()
    whole = shipped.replace("from ml.model", f"{more[:start].strip()}\n\nfrom ml.model".lstrip(), 1)
    place = ["--ignore=INP001", "--stdin-filename", str(feature_source.FEATURES), "-"]  # in no package, on disk as here
    command = [sys.executable, "-m", "ruff", "check", "--quiet", *place]

    done = subprocess.run(
        command, input=f"{whole}\n\n{more[start:]}", cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == ""


def test_a_ratio_is_a_column_of_the_model_and_of_its_compiled_form_and_gates_name_it(judged):
    gates = yaml.safe_load(SAMPLE.read_text())["gates"] | GATES
    gates["slices"]["columns"] = ["contract", "cost_per_hour"]

    built, verdicts = judged(RATIO, gates=gates)

    assert from_files(built).kind == "onnx"
    assert "cost_per_hour" in built[FORM].decode()
    assert verdicts["slices: cost_per_hour"]["passed"]
    assert locks_of(built[FORM]) == [SERVING]


def test_lightgbm_is_tuned_calibrated_and_compiled(judged):
    given = yaml.safe_load(TUNED)
    params = Params.model_validate(read_params(SAMPLE).model_dump(by_alias=True) | given, strict=False)
    trial = SimpleNamespace(suggest_int=lambda name, low, *_, **__: low, suggest_float=lambda name, low, *_, **__: low)

    drawn = search.suggest(trial, params)
    built, _ = judged(**given)

    assert drawn.parameters() == {"n_estimators": 150, "num_leaves": 7, "learning_rate": 0.02}
    assert from_files(built).kind == "onnx"
    assert locks_of(built[FORM]) == [SERVING]
    assert 0 < read_contract(built).threshold < 1
    assert read_contract(built).chosen.false_negative == 2


def test_an_own_estimator_is_stored_and_serves_with_scikit_learn_after_compiled_preprocessing(judged):
    built, verdicts = judged(OWN, train={"seed": 0, "model": "features.Blend"})

    assert from_files(built).kind == "sklearn"
    assert "numbers" in built[FORM].decode()
    assert "Blend is not an estimator that" in verdicts["compiled form"]["reason"]
    assert locks_of(built[FORM]) == [SERVING, UNCOMPILED]

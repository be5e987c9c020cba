"""The worked examples of docs/features.md, unchanged."""

import re
from types import SimpleNamespace

import pytest
import yaml

from ml.io.errors import UserError
from ml.model import compiled_parity, decision, estimators, feature_checks, model, model_file, search
from ml.model.model_contract import CONTRACT, decided_by, read_contract
from ml.model.predictor import MODEL, from_files
from ml.model.shipped import contract_of, form_of
from ml.settings import feature_source
from ml.settings.params import Params, read_params
from ml.stages import image
from tests.conftest import ROOT, SAMPLE

TEXT = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").split("## Three worked examples")[1]
RATIO, TUNED, OWN = (block for _, block in re.findall(r"```(python|yaml)\n(.*?)```", TEXT, re.DOTALL))
PARAMS = read_params(SAMPLE)


def settings(**sections):
    """The sample's settings with other sections."""
    content = PARAMS.model_dump(by_alias=True) | sections
    return Params.model_validate(content, strict=False)


@pytest.fixture
def built(customers, tmp_path, monkeypatch):
    """A function from settings and additions to src/features.py to the files of the trained model."""
    monkeypatch.chdir(tmp_path)
    feature_source.FEATURES.parent.mkdir()
    shipped = feature_source.source(ROOT / feature_source.FEATURES)
    monkeypatch.delitem(estimators.sys.modules, "features", raising=False)

    def build(params, more=""):
        feature_source.FEATURES.write_text(
            shipped.replace("from ml.model", "import numpy as np\n\nfrom ml.model", 1) + more
        )
        text = feature_source.source()
        feature_checks.check(text, customers, params.data)
        fitted = model.fit(customers, params.data, params.train, text)
        found = decision.chosen(customers, params.data, params.train, params.evaluate, text)
        params = decided_by(params, found) if found else params
        content = {MODEL: model_file.dumps(fitted), CONTRACT: contract_of(params, customers)}
        content |= form_of(fitted, content, customers, params)[0]
        served = compiled_parity.served(from_files(content), customers, params.data)
        assert served == pytest.approx(model.scores(model_file.loads(content[MODEL]), customers, params.data), abs=1e-6)
        return fitted, content

    yield build
    estimators.sys.modules.pop("features", None)


@pytest.mark.slow
def test_a_ratio_is_a_column_of_the_model_and_of_its_compiled_form(built):
    fitted, content = built(PARAMS, "\n\n" + RATIO)

    assert "cost_per_hour" in fitted["preprocessing"].feature_names_in_
    assert from_files(content).kind == "onnx"
    image._must_be_compiled(content)


@pytest.mark.slow
def test_lightgbm_is_tuned_calibrated_and_compiled(built, customers):
    given = yaml.safe_load(TUNED)
    params = settings(train=given["train"], tune=given["tune"])
    trial = SimpleNamespace(suggest_int=lambda name, low, *_, **__: low, suggest_float=lambda name, low, *_, **__: low)

    drawn = search.suggest(trial, params)
    _, content = built(params)

    assert drawn.parameters() == {"n_estimators": 150, "num_leaves": 7, "learning_rate": 0.02}
    assert from_files(content).kind == "onnx"
    assert 0 < read_contract(content).threshold < 1
    assert read_contract(content).chosen.false_negative == 2


def test_a_custom_estimator_is_stored_and_serves_and_gets_no_image(built):
    params = settings(train={"seed": 0, "model": "features.Saturating"})

    _, content = built(params, "\n\n" + OWN)

    assert from_files(content).kind == "sklearn"
    with pytest.raises(UserError, match="the image contains no scikit-learn"):
        image._must_be_compiled(content)

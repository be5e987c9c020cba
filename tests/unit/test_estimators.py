import re

import numpy as np
import pytest

from ml.io.errors import UserError
from ml.model import estimators, features, model, model_file, monotone, shipped
from ml.model.compiled_parity import served
from ml.model.model_contract import CONTRACT
from ml.model.predictor import MODEL, from_files
from ml.settings import feature_source
from ml.settings.params import read_params
from ml.settings.train import Train
from ml.settings.yaml_reading import check
from tests.conftest import SAMPLE

PARAMS = read_params(SAMPLE)
DATA = PARAMS.data
MODELS = {
    "lightgbm.LGBMClassifier": ({"n_estimators": 20, "class_weight": "balanced"}, "onnx"),
    "xgboost.XGBClassifier": ({"n_estimators": 5, "max_depth": 3, "scale_pos_weight": 2}, "onnx"),
    "catboost.CatBoostClassifier": ({"iterations": 5}, "onnx"),
    "sklearn.naive_bayes.GaussianNB": ({"var_smoothing": 1e-8}, "sklearn"),
}


def settings(name, given):
    return Train.model_validate({"model": name, name: given})


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_an_estimator_by_its_path_is_stored_without_pickle_and_serves_its_own_scores(customers, name):
    given, kind = MODELS[name]
    fitted = model.fit(customers, DATA, settings(name, given))
    again = model.fit(customers, DATA, settings(name, given))
    content = model_file.dumps(fitted)
    built = {MODEL: content, CONTRACT: shipped.contract_of(PARAMS, customers)}

    built |= shipped.form_of(fitted, built, customers, PARAMS)[0]

    score = model.scores(model_file.loads(content), customers, DATA)
    assert content == model_file.dumps(again)
    assert from_files(built).kind == kind
    assert served(from_files(built), customers, DATA) == pytest.approx(score, abs=5e-7)
    assert np.ptp(score) > 0.2


@pytest.mark.slow
def test_a_custom_class_is_loaded_from_the_file_that_defines_it(customers, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    feature_source.FEATURES.parent.mkdir()
    text = "import sklearn.tree\n\n\nclass Mine(sklearn.tree.DecisionTreeClassifier):\n    pass\n"
    feature_source.FEATURES.write_text(text)
    fitted = model.fit(customers, DATA, settings("features.Mine", {"max_depth": 3}), text)

    found = model_file.loads(model_file.dumps(fitted))

    assert np.array_equal(model.scores(found, customers, DATA), model.scores(fitted, customers, DATA))
    feature_source.FEATURES.write_text(text + "# another\n")
    with pytest.raises(UserError, match=r"another src/features\.py"):
        model_file.loads(model_file.dumps(fitted))
    feature_source.FEATURES.write_text("Mine = 1\n")
    monkeypatch.delitem(estimators.sys.modules, "features")
    with pytest.raises(UserError, match=r"features\.Mine"):
        model_file.loads(model_file.dumps(fitted))


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("lightgbm.LGBMClassifier", {"num_leafs": 3}, "no parameter `num_leafs`; did you mean `num_leaves`?"),
        ("xgboost.XGBClassifier", {"max_dept": 3}, "did you mean `max_depth`?"),
        ("lightgbm.LGBMClassifer", {}, "Did you mean `lightgbm.LGBMClassifier`?"),
        ("nowhere.Model", {}, "nowhere is not installed. Correct the path, or install the package."),
        ("lightgmb.LGBMClassifier", {}, "lightgmb is not installed. Did you mean `lightgbm`?"),
        ("lightgbm.LGBMRegressor", {}, "is no classifier. Choose lightgbm.LGBMClassifier."),
        ("lightgbm.LGBMClassifier", {"categorical_feature": [2]}, "the preprocessing has encoded the levels"),
        ("sklearn.linear_model.Ridge", {}, "is no classifier"),
        ("lightgbm.LGBMClassifier", {"early_stopping_rounds": 3}, "has no use here. Set train.early_stopping"),
        ("catboost.CatBoostClassifier", {"cat_features": ["plan"]}, "the preprocessing has encoded the levels"),
    ],
)
def test_a_wrong_name_suggests_the_right_one(name, given, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        estimators.estimator(settings(name, given))


def test_an_estimator_that_cannot_be_fitted_says_so(customers):
    with pytest.raises(UserError, match=r"xgboost\.XGBClassifier cannot be fitted: .*guess"):
        model.fit(customers, DATA, settings("xgboost.XGBClassifier", {"tree_method": "guess"}))


def test_class_weights_by_name_state_the_numbering_of_classes(customers):
    given = {"class_weight": {"yes": 2, "no": 1}}
    with pytest.raises(UserError, match="1 is the positive class and 0 the other"):
        model.fit(customers, DATA, settings("lightgbm.LGBMClassifier", given))


@pytest.mark.parametrize("name", ["random_forest", "catboost.CatBoostClassifier"])
def test_a_monotone_constraint_for_several_classes_is_refused_if_the_library_has_none(name):
    given = {"monotonic_cst" if name == "random_forest" else "monotone_constraints": {"usage_hours": 1}}
    found = estimators.estimator(settings(name, given), "multiclass")
    with pytest.raises(UserError, match=r"no monotone constraint for several classes\. Remove it"):
        monotone.spread(found, features.preprocessing(DATA), classes=3)


def test_a_classifier_for_a_number_names_the_regressor_of_its_library():
    with pytest.raises(UserError, match=r"is no regressor\. Choose xgboost\.XGBRegressor\."):
        estimators.estimator(settings("xgboost.XGBClassifier", {}), "regression")


def test_weights_of_classes_are_refused_for_a_number():
    params = Train.model_validate(
        {"model": "lightgbm.LGBMRegressor", "lightgbm.LGBMRegressor": {"class_weight": "balanced"}}
    )
    with pytest.raises(UserError, match="a number has no classes"):
        estimators.estimator(params, "regression")


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(estimators.sys.modules, "lightgbm", None)

    with pytest.raises(UserError, match=r"-r src/locks/lightgbm\.txt"):
        estimators.found("lightgbm.LGBMClassifier")


@pytest.mark.parametrize("section", [{"model": "random_forrest"}, {"random_forrest": {}}, {"lightgbm.LGBM": 3}])
def test_a_misspelt_model_or_section_stops_the_run(section):
    with pytest.raises(UserError, match="random_forest"):
        check(Train, section)

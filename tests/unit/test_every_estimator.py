"""Every classifier and regressor of scikit-learn trains, is stored and serves its own scores, or is refused."""

import inspect

import pytest
from sklearn.utils import all_estimators

from ml.io.errors import UserError
from ml.model import estimators
from tests.unit.test_own_estimators import built, settings

SMALL = {"n_estimators": 3, "max_iter": 20}  # of those that take long
NEEDED = {
    "NuSVC": {"probability": True, "nu": 0.2},
    "SVC": {"probability": True},
    "SGDClassifier": {"loss": "log_loss"},
    "QuadraticDiscriminantAnalysis": {"reg_param": 0.1},
    "OrthogonalMatchingPursuitCV": {"max_iter": 2},
    "CCA": {"n_components": 1},
    "PLSCanonical": {"n_components": 1},
}
REFUSED = {
    "from other estimators": {
        *("ClassifierChain", "FixedThresholdClassifier", "MultiOutputClassifier", "OneVsOneClassifier"),
        *("OneVsRestClassifier", "OutputCodeClassifier", "StackingClassifier", "TunedThresholdClassifierCV"),
        *("VotingClassifier", "MultiOutputRegressor", "RegressorChain", "StackingRegressor", "VotingRegressor"),
    },
    "Negative values": {"CategoricalNB", "ComplementNB", "MultinomialNB"},
    "Calibrate it": {
        *("LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV"),
    },
    "cannot be fitted": {
        *("SelfTrainingClassifier", "IsotonicRegression", "MultiTaskElasticNet", "MultiTaskElasticNetCV"),
        *("MultiTaskLasso", "MultiTaskLassoCV"),
    },
}
TASKS = {"classifier": "binary", "regressor": "regression"}
EVERY = [(TASKS[kind], *found) for kind in TASKS for found in all_estimators(type_filter=kind)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("task", "name", "kind"), EVERY, ids=[name for _, name, _ in EVERY])
def test_an_estimator_of_scikit_learn_serves_or_is_refused_in_a_sentence(task, name, kind):
    path, taken = f"{kind.__module__}.{name}", inspect.signature(kind).parameters
    given = {key: value for key, value in SMALL.items() if key in taken} | NEEDED.get(name, {})
    params = settings(task, model=path, **{path: given})
    refused = next((sentence for sentence, names in REFUSED.items() if name in names), None)

    if refused:
        with pytest.raises(UserError, match=refused):
            built(params, task)
    else:
        compiles = kind in estimators.KNOWN[task].values()
        assert (built(params, task).kind != "sklearn") == compiles

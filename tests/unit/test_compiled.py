import numpy as np
import pytest
from onnxruntime import InferenceSession

from ml import model
from ml.compiled import compiled
from ml.params import read_params
from ml.parity import served
from ml.predictor import ESTIMATOR, from_files
from tests.conftest import SAMPLE

PARAMS = read_params(SAMPLE)
DATA = PARAMS.data


def forest(frame):
    small = PARAMS.train.random_forest.model_copy(update={"n_estimators": 10})
    return model.fit(frame, DATA, PARAMS.train.model_copy(update={"model": "random_forest", "random_forest": small}))


def test_trees_decide_as_scikit_learns_on_and_beside_their_own_thresholds(customers):
    fitted = forest(customers)
    estimator, rng = fitted.named_steps["estimator"], np.random.default_rng(0)
    nodes = [tree.tree_ for tree in estimator.estimators_]
    at = [np.concatenate([n.threshold[n.feature == c] for n in nodes]) for c in range(estimator.n_features_in_)]
    x = np.stack([rng.choice(known if len(known) else [0.5], 2000) for known in at], axis=1).astype("float32")
    beside = [np.nextafter(x, np.float32(side)) for side in (-np.inf, np.inf)]

    for rows in (x, *beside):
        (found,) = InferenceSession(compiled(fitted)[ESTIMATOR]).run(None, {"x": rows})

        assert found[:, 0] == pytest.approx(estimator.predict_proba(rows)[:, 1], abs=1e-6)


def test_a_forest_that_is_sure_answers_one_and_not_more(customers):
    sure = customers.assign(**{DATA.target.name: customers["tenure_months"] > 12})

    scores = served(from_files(compiled(forest(sure))), customers, DATA)

    assert scores.max() == 1

"""The importance of columns equals scikit-learn's, with less than half of its predictions."""

import pytest
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score

from ml.data import schema
from ml.model import importance, model
from ml.settings.train import Train
from ml.tasks.choose import task_of


@pytest.mark.slow
def test_a_column_may_have_any_name(customers, params):
    names = dict(zip(params.data.columns, ("self", "level", "axis", "frame", *params.data.columns), strict=False))
    columns = {names[name]: column for name, column in params.data.columns.items()}
    data = params.data.model_copy(update={"columns": columns})
    table = customers[:100].rename(columns=names)
    fitted = model.fit(table, data, Train(model="logistic_regression"))

    found = importance.importance(fitted, table, data)

    assert {row["column"] for row in found} == {*columns}


@pytest.mark.slow
def test_the_importance_of_a_column_is_scikit_learns(customers, params, monkeypatch):
    monkeypatch.setattr(importance, "REPEATS", 2)
    table = customers[:300]
    fitted = model.fit(table, params.data, Train(model="logistic_regression"))
    rows = table.sample(len(table), random_state=0)
    truth = task_of(params.data).truth(rows[params.data.target.name])
    theirs = permutation_importance(
        fitted,
        schema.inputs(rows, params.data),
        truth,
        scoring=lambda fitted, x, truth: roc_auc_score(truth, fitted.predict_proba(x)[:, 1]),
        n_repeats=2,
        random_state=0,
    )

    found = importance.importance(fitted, table, params.data)

    ours = {row["column"]: (row["importance"], row["deviation"]) for row in found}
    means = dict(zip(schema.features(params.data), theirs.importances_mean, strict=True))
    deviations = dict(zip(schema.features(params.data), theirs.importances_std, strict=True))
    assert ours == {name: pytest.approx((means[name], deviations[name]), abs=1e-6) for name in means}
    assert [*ours] == sorted(means, key=lambda name: -means[name])

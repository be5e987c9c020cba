import io
import zipfile

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings

from ml.io.errors import UserError
from ml.model import model, model_file
from ml.model.estimators import CLASSIFIERS
from ml.settings.params import read_params
from ml.tasks import two_words
from tests.conftest import SAMPLE
from tests.rows import tables

PARAMS = read_params(SAMPLE)


def fitted(frame, name="random_forest"):
    small = PARAMS.train.random_forest.model_copy(update={"n_estimators": 10})
    return model.fit(frame, PARAMS.data, PARAMS.train.model_copy(update={"model": name, "random_forest": small}))


@pytest.fixture(scope="module")
def forest(customers):
    return fitted(customers)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_each_model_survives_its_file_with_the_same_scores(customers, name):
    before = fitted(customers, name)

    after = model_file.loads(model_file.dumps(before))

    scores = model.scores(before, customers, PARAMS.data)
    assert np.array_equal(scores, model.scores(after, customers, PARAMS.data))


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_same_rows_give_the_same_bytes(customers, name):
    assert model_file.dumps(fitted(customers, name)) == model_file.dumps(fitted(customers, name))


@pytest.mark.slow
def test_another_seed_gives_other_bytes(customers, forest):
    other = model.fit(customers, PARAMS.data, PARAMS.train.model_copy(update={"seed": 1}))

    assert model_file.dumps(other) != model_file.dumps(forest)


def test_the_model_ranks_its_training_customers_well(customers, forest):
    scores = model.scores(forest, customers, PARAMS.data)
    churned = two_words.labels(customers, PARAMS.data) == 1

    assert scores[churned].mean() > scores[~churned].mean() + 0.3


@pytest.mark.slow
@given(tables(PARAMS.data))
@settings(max_examples=40, deadline=None)
def test_every_row_that_meets_the_contract_gets_a_probability(forest, frame):
    scores = model.scores(forest, frame, PARAMS.data)

    assert ((scores >= 0) & (scores <= 1)).all()


def test_an_unknown_level_counts_as_no_level(customers, forest):
    scores = model.scores(forest, customers.assign(device="watch"), PARAMS.data)

    assert np.isfinite(scores).all()


def test_a_long_table_is_scored_in_parts_with_the_same_scores(forest, customers, monkeypatch):
    scores = model.scores(forest, customers, PARAMS.data)

    monkeypatch.setattr(model, "ROWS", 700)

    assert np.array_equal(model.scores(forest, customers, PARAMS.data), scores)


def test_a_file_with_an_unreviewed_type_is_not_loaded():
    content = skops.io.dumps({"harmless": io.BytesIO})

    with pytest.raises(UserError, match=r"_io\.BytesIO"):
        model_file.loads(content)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "empty zip"])
def test_a_file_that_is_no_model_is_reported(content):
    with pytest.raises(UserError, match="not a skops file"):
        model_file.loads(content)


def test_a_truncated_file_is_reported(forest):
    content = model_file.dumps(forest)

    with pytest.raises(UserError, match="not a skops file"):
        model_file.loads(content[: len(content) // 2])


def test_the_file_contains_no_time_and_no_path(forest):
    members = zipfile.ZipFile(io.BytesIO(model_file.dumps(forest))).infolist()

    assert {m.date_time for m in members} == {(1980, 1, 1, 0, 0, 0)}
    assert all(int(m.filename.split(".")[0]) <= 10 * len(members) for m in members if m.filename != "schema.json")


def test_a_single_class_is_refused(customers):
    with pytest.raises(UserError, match="all 1,200 training rows are False"):
        fitted(customers.assign(churned=False))

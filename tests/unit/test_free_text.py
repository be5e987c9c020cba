"""A column of free text is left out unless it is asked for; then its words reach model, server and monitoring."""

import zlib

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from ml.adoption import inference, proposed_contract
from ml.data import schema, texts
from ml.data.breaches import breaches
from ml.data.others import pooled
from ml.gates.leakage import columns
from ml.io.errors import UserError
from ml.model import explanation, importance, model, model_file
from ml.model.compiled import compiled
from ml.model.compiled_parity import served
from ml.model.distributions import of_levels
from ml.model.model_contract import CONTRACT, Contract
from ml.model.predictor import from_files
from ml.model.reference import Reference, profiled
from ml.model.word_columns import hashed
from ml.monitoring import with_made
from ml.monitoring.released import Released
from ml.settings.data import Data, Text
from ml.settings.train import Train
from serving.request_model import body

ROWS = 400
NOTE = {"type": "text", "words": 64, "length": 300, "missing": 0.2}
COLUMNS = {"x": {"type": "number", "missing": 0.1}, "k": {"type": "category", "values": ["a", "b"]}, "note": NOTE}
TARGETS = {
    "two classes": {"positive": "yes"},
    "three classes": {"task": "multiclass", "classes": ["low", "mid", "top"]},
    "a number": {"task": "regression"},
}
CASES = [
    *[(target, "random_forest") for target in TARGETS],
    ("two classes", "hist_gradient_boosting"),
    ("three classes", "logistic_regression"),
    ("a number", "ridge"),
    ("two classes", "lightgbm.LGBMClassifier"),
]
SMALL = {"random_forest": {"n_estimators": 5}, "lightgbm.LGBMClassifier": {"n_estimators": 5}}


def contract(target="two classes"):
    wanted = {"name": "y", **TARGETS[target]}
    return Data.model_validate({"file": "t.csv", "id": "id", "target": wanted, "columns": COLUMNS})


def table(target="two classes"):
    """Only words tell the target: of `paid`, `late` and `lost` one is in each text; a tenth of the texts is missing."""
    rng = np.random.default_rng(0)
    place = rng.integers(0, 3, ROWS)
    filler = [" ".join(rng.choice(["the", "customer", "called", "again", "über"], rng.integers(1, 9))) for _ in place]
    note = [f"{text}, {('paid', 'LATE', 'lost')[n]}!" for text, n in zip(filler, place, strict=True)]
    names = TARGETS[target].get("classes", ["no", "yes", "yes"])
    y = place.astype(str) if target == "a number" else [names[n] for n in place]
    frame = pd.DataFrame({"id": [f"r{n}" for n in range(ROWS)], "x": rng.normal(size=ROWS), "note": note, "y": y})
    return frame.assign(k=rng.choice(["a", "b"], ROWS), note=frame["note"].mask(rng.random(ROWS) < 0.1, None))


@pytest.fixture(scope="module")
def built():
    """The files of a forest of two classes."""
    files = {"model.skops": model_file.dumps(model.fit(table(), contract(), Train.model_validate(SMALL)))}
    known = Contract(project="p", threshold=0.5, data=contract()).model_dump_json().encode()
    return {CONTRACT: known, **files, **compiled(model_file.loads(files["model.skops"]))}


@pytest.mark.slow
@pytest.mark.parametrize(("target", "name"), CASES)
def test_serving_and_explanation_say_what_the_stored_model_says(target, name):
    data, frame = contract(target), table(target)
    files = {"model.skops": model_file.dumps(model.fit(frame, data, Train.model_validate({"model": name, **SMALL})))}
    fitted = model_file.loads(files["model.skops"])
    known = Contract(project="p", threshold=0.5, data=data).model_dump_json().encode()
    predictor = from_files({CONTRACT: known, **files, **compiled(fitted)})
    rows = frame.head(60).assign(note=["Words nobody used", None, "?!", "PAID paid"] * 15)

    score = model.scores(fitted, rows, data)
    found = explanation.explainer(files, data)(rows)

    plain = rows[[*data.columns]].astype(object).where(rows[[*data.columns]].notna(), None).to_dict("records")
    assert served(predictor, rows, data) == pytest.approx(score, abs=1e-9)
    assert predictor.scores(plain) == pytest.approx(score, abs=1e-9)
    assert {*found.columns} == {"x", "k", "note"}
    told = score if score.ndim == 1 else score.max(axis=1)
    assert found.base + found.added.sum(axis=1) == pytest.approx(told, abs=1e-5)


@pytest.mark.slow
def test_words_alone_can_tell_the_target(built):
    rows = table().head(60)

    score = served(from_files(built), rows.assign(note="she paid"), contract())
    ranked = importance.importance(model_file.loads(built["model.skops"]), table(), contract())

    assert score.mean() + 0.2 < served(from_files(built), rows.assign(note="it is lost"), contract()).mean()
    assert ranked[0]["column"] == "note"


def test_the_frequencies_are_those_of_scikit_learn_in_hashed_columns():
    notes, size = ["One two TWO three", "", "three; three. three", "naïve Straße 東京"], 64
    counter = CountVectorizer(analyzer=texts.words)

    counts = counter.fit_transform(notes).toarray()

    wanted = np.zeros((len(notes), size - 1))
    for word, place in counter.vocabulary_.items():
        wanted[:, zlib.crc32(word.encode()) % (size - 1)] += counts[:, place]
    found = np.array([hashed(note, size) for note in notes])
    assert found[:, 1:] == pytest.approx(normalize(wanted))
    assert not found[:, 0].any()
    assert hashed(None, 4) == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't PAY 3.50!", ["don", "t", "pay", "3", "50"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("cafe\u0301 café", ["café", "café"]),
        ("東京 tower", ["東", "京", "tower"]),
        ("\ud800 ?", []),
        (" \n", []),
    ],
)
def test_words_are_read_in_lower_case_without_punctuation(text, words):
    assert texts.words(text) == words


@pytest.mark.parametrize(("count", "level"), [(0, "no word"), (1, "1 word"), (2, "2 to 3 words"), (8, "8 to 15 words")])
def test_a_text_is_counted_by_the_class_of_its_length(count, level):
    assert texts.length_class("word " * count) == level
    assert pooled(pd.DataFrame({"note": ["word " * count, None]}), contract())["note"].tolist() == [level, None]


@pytest.mark.parametrize("sent", ["x" * 301, ["a"], {}, "a\x00b"])
def test_the_api_refuses_what_is_no_text(sent):
    with pytest.raises(ValidationError):
        body(contract(), 10, "refuse").rows.validate_python([{"x": 1.0, "k": "a", "note": sent}])


@pytest.mark.parametrize("sent", ["x" * 300, "two\nlines", "  spaced ", 7, None, ""])
def test_the_api_reads_a_text_as_the_table_does(sent):
    (read,) = body(contract(), 10, "refuse").rows.validate_python([{"x": 1.0, "k": "a", "note": sent}])

    raw = pd.DataFrame({"id": ["1"], "x": [1.0], "k": ["a"], "note": pd.Series([sent], dtype=object), "y": ["yes"]})
    assert schema.conform(raw, contract())["note"].tolist() == [read["note"]]


def test_a_text_that_is_too_long_breaks_the_contract():
    rows = table().head(2).assign(note=["x" * 300, "x" * 301])

    found = {name: (wrong.tolist(), why) for name, wrong, why in breaches(rows, contract())}

    assert found["note"][0] in ([False, False], [False, True])
    assert [why for _, wrong, why in breaches(rows, contract()) if wrong.any()] == ["longer than 300 characters"]


def test_texts_of_a_row_each_do_not_give_the_target_away():
    alone = table().assign(x=0.0, note=[f"row {n}" for n in range(ROWS)])

    assert columns(alone, contract(), suspect=0.98).passed


def test_monitoring_sees_longer_and_missing_texts():
    before = profiled(table(), contract())["note"]
    log = pd.DataFrame({"features.note": ["a b c d", "paid", None]})

    counted = with_made.add(log, released(), contract())

    assert before.rows + before.missing == ROWS
    assert {*before.levels} <= {"2 to 3 words", "4 to 7 words", "8 to 15 words"}
    after = of_levels(counted["features.note"], before)
    assert (after.levels, after.missing) == ({"1 word": 1, "4 to 7 words": 1}, 1)


def released():
    return Released("the last build", Reference.model_construct(features=""))


def test_adopt_leaves_a_text_out_and_says_how_to_ask_for_it():
    found, left = proposed_contract.infer(unasked(), "data/t.csv", "y", {})

    assert "note" not in found["columns"]
    assert any("use its words as features with TEXT=note" in sentence for sentence in left)


@pytest.mark.parametrize(
    "value", ["u{}@mail.example.com", "10.0.{}.7", "https://a.at/b/{}?c=d", "47.{}, 15.2", "A-{}-B-C", "47°3'{}\"N"]
)
def test_adopt_offers_no_words_of_addresses_codes_and_coordinates(value):
    table = pd.DataFrame({"note": [value.format(n % 390) for n in range(ROWS)], "x": np.arange(ROWS) / 7})

    _, left = proposed_contract.infer(table.assign(y=["yes", "no"] * (ROWS // 2)), "data/t.csv", "y", {})

    assert [("TEXT=" in sentence) for sentence in left] == [False]


def test_a_long_code_is_counted_at_once():
    assert texts.spoken("7" * 200_000 + " " + "the end") == 2


@pytest.mark.parametrize("value", ["the customer called {}", "送金が遅れました {}"])
def test_adopt_offers_the_words_of_sentences(value):
    table = pd.DataFrame({"note": [value.format(n % 390) for n in range(ROWS)], "x": np.arange(ROWS) / 7})

    _, left = proposed_contract.infer(table.assign(y=["yes", "no"] * (ROWS // 2)), "data/t.csv", "y", {})

    assert [("TEXT=note" in sentence) for sentence in left] == [True]


def test_adopt_describes_a_text_that_is_asked_for():
    typed = inference.typed(unasked(), "y", "note")

    found, left = proposed_contract.infer(typed.frame, "data/t.csv", "y", {"text": "note"})

    assert found["columns"]["note"] == {"type": "text", "words": 256, "length": 5000, "missing": 0.2}
    assert left == []
    assert Data.model_validate(found).columns["note"] == Text(type="text", missing=0.2)


@pytest.mark.parametrize(
    ("asked", "told"), [("nota", "did you mean note"), ("y", "TEXT=y is also the target"), ("note,id", "is also")]
)
def test_adopt_refuses_a_text_that_is_absent_or_has_another_role(asked, told):
    with pytest.raises(UserError, match=told):
        proposed_contract.infer(unasked(), "data/t.csv", "y", {"id": "id", "text": asked})


def test_a_text_has_no_levels_and_models_of_other_numbers_of_words_take_the_same_requests():
    wide = contract().model_dump() | {"columns": {**COLUMNS, "note": {**NOTE, "words": 512}}}

    assert Data.model_validate(wide).as_sent() == contract().as_sent()
    with pytest.raises(ValidationError, match="a text has only words, length and missing"):
        Text.model_validate({"type": "text", "values": ["a"]})


def unasked():
    rng = np.random.default_rng(0)
    some = [" ".join(rng.choice([*"abcdefghij"], 7)) for _ in range(ROWS)]
    some = pd.Series(some).mask(np.arange(ROWS) % 10 == 0, None)
    return table().assign(note=some, id=[f"r{n}" for n in range(ROWS)])

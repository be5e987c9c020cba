"""Champion against challenger in production: from real predictions and labels, through the log."""

import json
import time

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from ml.io.errors import UserError
from ml.monitoring import live_comparison, live_sides
from ml.prediction_log import condensed, predictions
from ml.prediction_log.log_parts import Wanted
from ml.tasks.live_labels import AnsweredRule
from serving.service import share
from tests.serving.server import application, built, rows

pytestmark = pytest.mark.slow
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def good(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("good"), customers, params)


@pytest.fixture(scope="module")
def bad(tmp_path_factory, customers, params):
    """A model trained on labels of other customers."""
    shuffled = customers.assign(churned=customers["churned"].sample(frac=1, random_state=0).to_numpy())
    return built(tmp_path_factory.mktemp("bad"), shuffled, params)


@pytest.fixture(params=["worse", "better"])
def outcome(request):
    """The expected outcome for the challenger."""
    return request.param


@pytest.fixture
def pair(good, bad, outcome):
    """The champion and a challenger with that outcome."""
    return (bad, good) if outcome == "better" else (good, bad)


@pytest.fixture
def served(tmp_path, customers, params):
    """Make the log of a server that predicted 1,000 customers and got their labels, and predicted one more."""

    def serve(champion, **settings):
        sent = rows(customers, params.data, 1000)
        truth = zip(sent, customers["churned"], strict=False)
        labels = [{"id": row[params.data.id], "label": bool(label)} for row, label in truth]
        sent.insert(500, sent[0] | {params.data.id: "nobody knows"})
        with TestClient(application(champion, tmp_path / "logs", **settings)) as client:
            for start in range(0, 1001, 91):
                client.post("/predict", content=json.dumps({"rows": sent[start : start + 91]}), headers=JSON)
            time.sleep(0.05)  # the shadow answers after its client has its answer
            client.post("/feedback", json={"labels": labels})
        return tmp_path / "logs"

    return serve


def test_a_shadow_is_judged_on_the_rows_of_the_champion(served, pair, outcome, params):
    log = predictions.read_log(served(pair[0], challenger=pair[1]))

    found = live_sides.duel(log, params)

    said, sentence = live_comparison.judge(found, params)
    assert said == outcome, sentence
    assert found.paired
    for side in (found.champion, found.challenger):
        assert (side.answers, side.labelled, len(side.label)) == (1001, 1000, 1000)
    assert (found.champion.label == found.challenger.label).all()


def test_a_canary_is_judged_on_its_own_ids(served, pair, outcome, params):
    log = predictions.read_log(served(pair[0], challenger=pair[1], canary=0.5))

    found = live_sides.duel(log, params)

    said, sentence = live_comparison.judge(found, params)
    assert said == outcome, sentence
    assert not found.paired
    assert log["id"].is_unique
    assert [ratio.share for ratio in found.ratios] == [0.5]
    assert found.challenger.answers == sum(share(i) < 0.5 for i in log["id"])
    assert found.champion.labelled + found.challenger.labelled == 1000


def table(answers, labels):
    """A log of (minute, request, id, variant, model, score), with labels by id as (minute, label)."""
    start = pd.Timestamp("2026-11-21", tz="UTC")
    frame = pd.DataFrame(answers, columns=["minute", "request_id", "id", "variant", "model", "score"])
    frame = frame.assign(time=start + pd.to_timedelta(frame["minute"], unit="min"), row=0, simulated=False)
    frame = frame.assign(label=frame["score"] >= 0.5)
    known = frame["id"].map(labels)
    return frame.assign(
        actual=known.map(lambda v: v[1], na_action="ignore").astype(object),
        actual_time=pd.to_datetime(
            known.map(lambda v: start + pd.Timedelta(minutes=v[0]), na_action="ignore"), utc=True
        ),
    )


def test_a_canary_that_lacks_a_third_of_its_predictions_gets_no_verdict(served, pair, params):
    log = predictions.read_log(served(pair[0], challenger=pair[1], canary=0.5))
    lost = (log["variant"] == "challenger") & (log.index % 3 == 0)
    back = log.assign(variant=log["variant"].mask(lost, "champion"), model=log["model"].mask(lost, log["model"][0]))

    said, sentence = live_comparison.judge(live_sides.duel(back, params), params)

    assert said == "no verdict"
    assert "canary share 0.5: the challenger answered" in sentence


def test_each_id_counts_once_with_its_newest_prediction_before_the_label(params):
    log = table(
        [
            *[
                (m, f"r{m}", "a", side, model, m / 10)
                for m in (1, 2, 3)
                for side, model in (("champion", "1"), ("shadow", "2"))
            ],
            (4, "r4", "b", "champion", "1", 0.4),
            (4, "r4", "b", "shadow", "2", 0.4),
        ],
        {"a": (2.5, True)},
    )

    found = live_sides.duel(log, params)

    assert (found.challenger.answers, found.challenger.labelled) == (4, 2)
    assert found.challenger.score.tolist() == found.champion.score.tolist() == [0.2]
    assert live_comparison.judge(found, params)[0] == "not enough evidence"


def test_predictions_are_paired_if_a_client_reuses_its_request_id(params):
    answers = [
        (m, "again", identity, side, model, score)
        for m, identity, score in ((1, "a", 0.1), (2, "b", 0.2), (3, "a", 0.3))
        for side, model in (("champion", "1"), ("shadow", "2"))
    ]

    found = live_sides.duel(table(answers, {"a": (9, True), "b": (9, False)}), params)

    assert found.champion.score.tolist() == found.challenger.score.tolist() == [0.2, 0.3]


@pytest.fixture(scope="module")
def timid(tmp_path_factory, customers, params):
    """The good model with a high threshold."""
    return built(tmp_path_factory.mktemp("timid"), customers, params, threshold=0.999)


@pytest.mark.parametrize("way", [{}, {"canary": 0.5}])
def test_each_model_is_judged_by_the_threshold_of_its_predictions(served, good, timid, params, way):
    rule = params.gates.champion.model_copy(update={"metric": "f1"})
    params = params.model_copy(update={"gates": params.gates.model_copy(update={"champion": rule})})

    found = live_sides.duel(predictions.read_log(served(good, challenger=timid, **way)), params)

    assert live_comparison.judge(found, params)[0] == "worse"
    assert float(live_comparison.figure(found.challenger, params)[0]) < 0.1
    assert float(live_comparison.figure(found.champion, params)[0]) > 0.5


def test_only_the_newest_pair_of_models_is_compared_unless_one_is_named(params):
    answers = [
        (1, "r1", "a", "champion", "1", 0.1), (1, "r1", "a", "shadow", "2", 0.2),
        (2, "r2", "b", "champion", "3", 0.3), (2, "r2", "b", "shadow", "4", 0.4),
    ]  # fmt: skip
    log = table(answers, {"a": (9, True), "b": (9, False)})

    newest, named = live_sides.duel(log, params), live_sides.duel(log, params, "2")

    assert (newest.champion.model, newest.challenger.model) == ("3", "4")
    assert (named.champion.model, named.challenger.model) == ("1", "2")
    with pytest.raises(UserError, match="these models have: 2, 4"):
        live_sides.duel(log, params, "5")


def test_simulated_customers_count_only_without_real_ones(params):
    answers = [
        (minute, f"r{minute}", "a", side, model, 0.5)
        for minute in (1, 2, 3)
        for side, model in (("champion", "1"), ("shadow", "2"))
    ]
    log = table(answers, {"a": (9, True)})

    mixed, alone = (live_sides.duel(log.assign(simulated=log["minute"] <= last), params) for last in (2, 3))

    assert (mixed.challenger.answers, mixed.simulated) == (1, False)
    assert (alone.challenger.answers, alone.simulated) == (3, True)


def test_equally_good_canaries_seldom_differ(params):
    rng, rule = np.random.default_rng(0), params.gates.champion.model_copy(update={"bootstrap": 200})
    few = params.model_copy(update={"gates": params.gates.model_copy(update={"champion": rule})})
    told = 0
    for _ in range(100):
        sides = []
        for variant in ("champion", "challenger"):
            label = (rng.random(200) < 0.4).astype("int8")
            score = np.clip(rng.normal(0.4 + 0.2 * label, 0.2), 0, 1)
            sides.append(live_sides.Side(variant, variant, 200, 200, label, score, AnsweredRule("binary", 0.5)))
        told += live_comparison.unpaired(*sides, few).outcome in {"better", "worse"}

    assert 1 <= told <= 12  # a 95 % interval misses 5 of 100


def test_the_command_says_who_is_better_and_without_a_challenger_what_to_do(served, good, bad, stage, tmp_path):
    logs = served(good, challenger=bad)

    both = stage("compare_live", PREDICTION_LOG=str(logs))
    alone = stage("compare_live", PREDICTION_LOG=str(tmp_path / "none"))

    assert both.returncode == 0, both.stderr
    assert "1,000 (100%)" in both.stdout
    assert both.stdout.splitlines()[-1].startswith("worse: ")
    assert alone.returncode == 1
    assert "make serve CHALLENGER=" in alone.stderr


def test_a_log_without_features_gives_the_same_comparison(served, good, bad, params):
    logs = served(good, challenger=bad)

    whole, short = predictions.read_log(logs), condensed.read_condensed([logs], Wanted())

    known, found = (live_comparison.judge(live_sides.duel(log, params), params) for log in (whole, short))
    assert known == found

"""The paired comparison against scipy, a closed form, published examples and simulation; and its outcomes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm
from sklearn.metrics import roc_auc_score

from ml.data import split
from ml.gates import champion, refused, stability
from ml.gates.champion import mcnemar, unseen
from ml.tasks import duel
from ml.tasks.duel import outcome
from ml.tasks.score_rows import rank
from tests.gates.pairs import pair, separation, shares, truth
from tests.gates.world import good, params, scored, table


@pytest.fixture(scope="module")
def two():
    """Labels, champion's and challenger's scores of 1,500 rows; the challenger's true ROC AUC is higher by 0.01."""
    apart = [separation("roc_auc", value) for value in (0.90, 0.91)]
    return pair(apart, 1500, np.random.default_rng(0))


def rule(**settings):
    return params({"champion": {"bootstrap": 2000} | settings})


def compare(label, old, new, settings):
    """The comparison with a threshold of 0.5 for both models."""
    return duel.compare(rank(label, old, 0.5), rank(label, new, 0.5), settings.gates.champion)


@pytest.mark.slow
def test_the_interval_of_accuracy_is_that_of_scipys_paired_bootstrap(two):
    label, old, new = two
    right = [((score >= 0.5) == label).astype(float) for score in (old, new)]
    theirs = bootstrap(
        right, lambda a, b, axis: (b - a).mean(axis=axis), paired=True, n_resamples=2000, method="percentile", rng=0
    ).confidence_interval

    ours = compare(label, old, new, rule(metric="accuracy"))

    assert ours.value == pytest.approx(right[1].mean() - right[0].mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.0015)


def delong(label, old, new):
    """Difference of two correlated ROC AUCs and its standard error; DeLong, DeLong and Clarke-Pearson, 1988."""
    ahead = [np.sign(s[label == 1][:, None] - s[label == 0][None, :]) / 2 + 0.5 for s in (old, new)]
    gap = ahead[1] - ahead[0]
    rows, columns = gap.mean(axis=1), gap.mean(axis=0)
    return gap.mean(), np.sqrt(rows.var(ddof=1) / len(rows) + columns.var(ddof=1) / len(columns))


@pytest.mark.slow
def test_the_interval_of_roc_auc_is_that_of_delong(two):
    value, error = delong(*two)
    half = norm.ppf(0.975) * error

    ours = compare(*two, rule())

    assert ours.value == pytest.approx(value)
    assert (ours.low, ours.high) == pytest.approx((value - half, value + half), abs=0.2 * half)


@pytest.mark.slow
def test_a_metric_that_is_better_when_lower_counts_the_other_way_round(two):
    label, old, new = two

    ours = compare(label, old, new, rule(metric="brier"))

    assert ours.value == pytest.approx(((old - label) ** 2).mean() - ((new - label) ** 2).mean())
    assert 0 < ours.low < ours.value < ours.high


@pytest.mark.slow
def test_swapping_the_models_swaps_the_sign(two):
    label, old, new = two

    forth, back = compare(label, old, new, rule()), compare(label, new, old, rule())

    assert (back.value, back.low, back.high) == pytest.approx((-forth.value, -forth.high, -forth.low))


@pytest.mark.slow
def test_a_model_is_not_worse_than_itself(two):
    label, old, _ = two

    assert compare(label, old, old.copy(), rule()).outcome == "not worse"


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.001, 0.01, "better"),
        (0.0, 0.01, "not worse"),
        (-0.005, 0.01, "not worse"),
        (-0.004, -0.001, "not worse"),  # surely worse, and surely by less than the margin
        (-0.006, 0.0, "not enough evidence"),
        (-0.006, -0.001, "worse"),
    ],
)
def test_the_outcome_follows_from_the_interval(low, high, says):
    assert outcome(low, high, margin=0.005) == says


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 0.1))
def test_no_interval_is_both_better_and_worse(low, width, margin):
    better_when_shifted_up = {"worse": 0, "not enough evidence": 1, "not worse": 2, "better": 3}

    here, higher = (outcome(low + up, low + width + up, margin) for up in (0.0, 0.01))

    assert better_when_shifted_up[higher] >= better_when_shifted_up[here]


def discordant(won, lost, both=40):
    """Labels and scores of two models, with so many rows that only one of them predicts correctly."""
    right_old = np.r_[np.ones(lost), np.zeros(won), np.ones(both)]
    right_new = np.r_[np.zeros(lost), np.ones(won), np.ones(both)]
    return np.ones(won + lost + both), right_old, right_new


@pytest.mark.parametrize(
    ("won", "lost", "p"),
    [
        (2, 12, 0.0129),  # Armitage and Berry, Statistical Methods in Medical Research, 1994, page 127: two media
        (121, 59, 0.000004),  # statsmodels' reference table, from Vassar College's calculator
        (30, 60, 0.00206),
        (10, 10, 1.0),
    ],
)
def test_mcnemars_exact_test_agrees_with_published_examples(won, lost, p):
    assert mcnemar(*discordant(won, lost), rule()).value == pytest.approx(p, abs=5e-5)


def test_mcnemar_warns_only_of_lost_decisions():
    assert not mcnemar(*discordant(won=2, lost=12), rule()).passed
    assert mcnemar(*discordant(won=12, lost=2), rule()).passed
    assert mcnemar(*discordant(won=0, lost=0), rule()).passed


def test_no_row_that_tests_by_hash_has_ever_trained_whatever_the_table_was():
    """The comparison requires this: no current test row was a training row of a champion from an earlier table."""
    settings = params()
    today = table(rows=3000)
    tested = set(today["id"][split.is_test(today, settings.data, settings.prepare)])
    for size, seed in ((500, 0), (1700, 0), (3000, 0), (3000, 1)):  # the table grew; other rows came
        past = table(rows=3000, seed=seed).sample(size, random_state=size)
        trained = set(past["id"][~split.is_test(past, settings.data, settings.prepare)])

        assert tested
        assert not tested & trained


@pytest.mark.parametrize(("theirs", "ours"), [(0.1, 0.2), (0.2, 0.1), (0.5, 0.2), (0.2, 0.2)])
def test_rows_that_the_champion_trained_on_under_another_share_are_left_out(theirs, ours):
    settings, before = (params(prepare={"test_share": share}) for share in (ours, theirs))
    frame = table(rows=2000)
    test = frame[split.is_test(frame, settings.data, settings.prepare)]
    trained = ~split.is_test(test, before.data, before.prepare)

    rows, doubt = unseen(test, settings, before.model_dump(mode="json", by_alias=True), same_data=True)

    assert (rows == ~trained).all()
    assert bool(doubt) == trained.any()
    assert not doubt or f"{trained.sum():,} of {len(test):,}" in doubt


@pytest.mark.parametrize(
    ("ours", "theirs", "same_data", "sure"),
    [
        ({"split_by": "time"}, {"split_by": "time"}, True, True),
        ({"split_by": "time"}, {"split_by": "time"}, False, False),
        ({"split_by": "time"}, {"split_by": "hash"}, True, False),
        ({"split_by": "hash"}, {"split_by": "time"}, True, False),
        ({"split_by": "time"}, {"split_by": "time", "test_share": 0.3}, True, False),
        ({"split_by": "hash"}, {"split_by": "hash"}, False, True),
    ],
)
def test_the_verdict_says_when_the_champion_was_trained_on_other_sides(ours, theirs, same_data, sure):
    before = params(prepare=theirs).model_dump(mode="json", by_alias=True)
    mine = params(prepare=ours)
    champion_ = replace(good().champion, params=before, data="one" if same_data else "another")

    verdicts = champion.judge(replace(good(), params=mine, champion=champion_))

    doubts = [v for v in verdicts if v.gate == "champion split"]
    assert bool(doubts) is not sure
    assert all(not v.passed and v.severity == "warning" for v in doubts)


def test_another_id_column_or_a_missing_record_of_the_split_raises_a_doubt():
    other = params().model_dump(mode="json", by_alias=True)
    other["data"]["id"] = "email"

    for theirs in (other, {}):
        rows, doubt = unseen(good().test, params(), theirs, same_data=True)

        assert rows.all()
        assert "may have trained on" in doubt


def test_cold_start_is_its_own_verdict():
    (verdict,) = champion.judge(replace(good(), champion=None))

    assert verdict.passed
    assert verdict.outcome == "no champion"
    assert verdict.reason.startswith("cold start")


def test_the_champion_itself_is_named_and_not_compared():
    (verdict,) = champion.judge(replace(good(), champion=replace(good().champion, same=True)))

    assert (verdict.passed, verdict.outcome) == (True, "not worse")
    assert "version 1 itself" in verdict.reason


def lowered(metric="roc_auc"):
    """The champion's own scores with a threshold of 0.2; the champion's is 0.5."""
    theirs = replace(good().champion, score=good().score)
    settings = params({"champion": {"bootstrap": 300, "metric": metric}}, evaluate={"threshold": 0.2})
    return replace(good(), params=settings, champion=theirs)


def test_rows_that_another_threshold_alone_moves_count_as_changed():
    (verdict,) = stability.judge(lowered())

    assert verdict.value == ((good().score >= 0.2) != (good().score >= 0.5)).mean()
    assert "(threshold 0.5, now 0.2)" in verdict.reason
    assert not verdict.passed


def test_the_champions_decisions_are_those_of_its_own_threshold():
    right = [(good().score >= cut) == good().label for cut in (0.5, 0.2)]

    compared, decisions, _ = champion.judge(lowered("accuracy"))

    assert compared.value == pytest.approx(right[1].mean() - right[0].mean())
    assert decisions.reason.startswith(f"{(right[0] & ~right[1]).sum()} rows")
    assert not decisions.passed


@pytest.mark.parametrize(
    ("theirs", "cut"),
    [({"evaluate": {"threshold": 0.3}}, 0.3), ({"evaluate": None}, 0.5), ({"data": {}}, 0.5), ({}, 0.2)],
)
def test_a_threshold_that_is_not_on_record_is_the_default_and_without_a_record_ours(theirs, cut):
    assert champion.task_of_champion(theirs, params(evaluate={"threshold": 0.2})).cut == cut


def judged(noise, refuse):
    """The comparison with a challenger that adds noise, with some outcomes set to refuse."""
    rng = np.random.default_rng(0)
    score = np.clip(good().score + rng.normal(0, noise, len(good().score)), 0.001, 0.999)
    settings = params({"champion": {"bootstrap": 300, "refuse": refuse}})
    return champion.judge(replace(scored(good(), score), params=settings))


@pytest.mark.parametrize(
    ("noise", "outcome", "refuse", "refuses"),
    [
        (0.4, "worse", ["worse"], True),
        (0.4, "worse", [], False),
        (0.037, "not enough evidence", ["worse"], False),
        (0.037, "not enough evidence", ["worse", "not enough evidence"], True),
        (0.0001, "not worse", ["worse", "not enough evidence"], False),
        (0.0001, "not worse", ["not worse"], True),
    ],
)
def test_a_setting_selects_the_refusing_outcomes(noise, outcome, refuse, refuses):
    verdicts = judged(noise, refuse)

    assert verdicts[0].outcome == outcome
    assert verdicts[0].passed == (outcome == "not worse" and not refuses)
    assert bool(refused(verdicts)) is refuses


def test_the_simulated_pairs_have_the_metric_they_claim():
    for metric, value in (("roc_auc", 0.93), ("accuracy", 0.89)):
        apart = separation(metric, value)
        label, score, _ = pair([apart, apart], 200_000, np.random.default_rng(0))
        found = roc_auc_score(label, score) if metric == "roc_auc" else ((score >= 0.5) == label).mean()

        assert found == pytest.approx(truth(metric, apart), abs=0.003)


@pytest.mark.slow
def test_the_gate_is_wrong_no_more_often_than_it_says():
    """A smaller version of the table in docs/gates.md: each kind of error has 2.5 %, so 8 of 100 have one in 500."""
    settings = params({"champion": {"bootstrap": 200, "margin": 0.02}})

    alike, worse, clearly = (shares(settings, d, pairs=100, rows=600) for d in (0.0, -0.02, -0.1))

    assert alike["worse"] <= 0.08
    assert alike["better"] <= 0.08
    assert worse["better"] + worse["not worse"] <= 0.08
    assert clearly["worse"] >= 0.95


@pytest.mark.parametrize(("refuse", "severity"), [(["worse"], "warning"), (["not enough evidence"], "critical")])
def test_a_champion_that_cannot_score_the_rows_is_reported(refuse, severity):
    lost = replace(good().champion, served=None, score=None, why="it needs other columns (age)")
    evidence = replace(good(), champion=lost, params=params({"champion": {"refuse": refuse}}))

    (verdict,) = champion.judge(evidence)

    assert (verdict.passed, verdict.severity, verdict.outcome) == (False, severity, "no champion")
    assert "it needs other columns (age)" in verdict.reason


def test_a_champion_trained_on_nearly_all_test_rows_gives_not_enough_evidence():
    before = params(prepare={"test_share": 0.0001}).model_dump(mode="json", by_alias=True)

    (verdict,) = champion.judge(replace(good(), champion=replace(good().champion, params=before)))

    assert (verdict.passed, verdict.outcome) == (False, "not enough evidence")
    assert "they are left out" in verdict.reason


def test_more_flips_than_allowed_refuse_only_if_significant():
    rows = 60
    few = replace(good(), test=good().test.head(rows), label=good().label[:rows], score=good().score[:rows])
    theirs = np.where(np.arange(rows) < 7, 1 - few.score, few.score)

    (verdict,) = stability.judge(replace(few, champion=replace(good().champion, score=theirs)))

    assert verdict.value > 0.1
    assert (verdict.passed, verdict.severity) == (False, "warning")
    assert "too few rows to be significant" in verdict.reason

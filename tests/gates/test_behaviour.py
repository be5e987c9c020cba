from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.gates import behaviour
from ml.gates.behaviour import direction, invariance, typical
from ml.settings.gates import Case, Direction, Invariance
from tests.gates.world import good, params

DATA = params().data
FRAME = pd.DataFrame(
    {
        "id": ["a", "b", "c"],
        "usage": [10.0, 99.0, np.nan],
        "visits": [1.0, 2.0, 3.0],
        "plan": ["basic", "pro", None],
        "region": ["north", "north", "south"],
    }
)


def by_usage(frame):
    return frame["usage"].fillna(0).to_numpy() / 200


def by_region(frame):
    south = (frame["region"] == "south").to_numpy()
    return 0.5 + 0.1 * south + 0.1 * (south & (frame["usage"] == 99).to_numpy())


def test_a_column_that_does_not_matter_passes():
    verdict = invariance(FRAME, by_usage, Invariance(column="region"), DATA)

    assert verdict.passed
    assert verdict.value == 0


def test_the_worst_counter_example_is_shown_with_its_row_and_both_scores():
    verdict = invariance(FRAME, by_region, Invariance(column="region", max_change=0.05), DATA)

    assert not verdict.passed
    assert verdict.evidence == ({"id": "b", "from": "north", "to": "south", "before": 0.5, "after": 0.7},)
    assert "b, north to south, score 0.500 to 0.700" in verdict.reason


@pytest.mark.parametrize(("allow", "passes"), [(0.0, False), (1 / 3, True)])
def test_a_share_of_rows_may_be_allowed_to_move(allow, passes):
    rule = Invariance(column="region", max_change=0.15, allow=allow)

    verdict = invariance(FRAME, by_region, rule, DATA)

    assert verdict.value == pytest.approx(1 / 3)
    assert verdict.passed is passes


def test_a_number_is_moved_both_ways_and_stays_inside_its_contract():
    seen = []

    def score(frame):
        seen.append(frame["usage"].tolist())
        return np.zeros(len(frame))

    invariance(FRAME.head(2), score, Invariance(column="usage", by=20), DATA)

    assert seen[1] == [0.0, 79.0, 30.0, 100.0]


@pytest.mark.parametrize(("score", "passes"), [("up", True), ("down", False)])
def test_a_direction_is_judged_both_ways(score, passes):
    rule = Direction(column="usage", by=5, score=score)

    verdict = direction(FRAME, by_usage, rule, DATA)

    assert verdict.passed is passes


def test_a_small_step_the_wrong_way_is_tolerated():
    rule = Direction(column="usage", by=5, score="down", tolerance=0.025)

    assert direction(FRAME, by_usage, rule, DATA).passed


@pytest.mark.slow
def test_an_easy_case_takes_what_it_leaves_out_from_a_typical_row():
    evidence = good()
    seen = []

    def score(frame):
        seen.append(frame.iloc[0].to_dict())
        return np.array([0.9])

    behaviour.judge(replace(evidence, model=replace(evidence.model, score=lambda f: score(f.tail(1)).repeat(len(f)))))

    assert seen[-1] == typical(evidence.train, evidence.params.data) | {"usage": 1, "plan": "basic"}


def test_an_easy_case_separates_thousands():
    case = Case(name="rich", row={"usage": 12500.0}, min=12345.5, max=1e6)
    rule = {"easy": [{"name": "busy", "row": {"usage": 12500.0}, "label": "positive"}]}

    (verdict,) = behaviour.judge(replace(good(), params=params({"behaviour": rule})))

    assert "(usage 12,500)" in verdict.reason
    assert case.wanted == "at least 12,345.5 and at most 1,000,000"


def test_an_easy_case_that_is_missed_names_the_case_and_its_score():
    rule = {"easy": [{"name": "busy", "row": {"usage": 99}, "label": "positive"}]}

    (verdict,) = behaviour.judge(replace(good(), params=params({"behaviour": rule})))

    assert not verdict.passed
    assert verdict.gate == "easy case: busy"
    assert "must be positive (usage 99" in verdict.reason

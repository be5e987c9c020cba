"""A canary whose ids do not match its configured share gets no verdict."""

import numpy as np
import pandas as pd
import pytest

from ml.monitoring.ratio import mismatched, ratios


def sides(ids, canary, share=0.3, **columns):
    """The predictions of champion and canary, one request each."""
    names = [f"c-{n}" for n in range(ids)]
    frame = pd.DataFrame({"id": names, "request_id": names, "canary_share": share, **columns})
    return frame[~canary], frame[canary]


def split(ids, share, seed=0):
    return np.random.default_rng(seed).random(ids) < share


def test_a_split_that_matches_its_setting_passes():
    found = ratios(*sides(2000, split(2000, 0.3)))

    assert mismatched(found) is None
    assert found[0].ids == 1999  # all but the last request of the canary
    assert found[0].share == 0.3


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_a_split_that_differs_from_its_setting_is_named(share):
    wrong = mismatched(ratios(*sides(2000, split(2000, share))))

    assert wrong is not None
    assert "canary share 0.3" in wrong.sentence()
    assert "expected 600" in wrong.sentence()


def test_an_id_with_many_requests_counts_once():
    ids = np.r_[np.arange(200), np.repeat(7, 1000)]  # customer 7 is the canary's
    canary = np.isin(ids, [*np.flatnonzero(split(200, 0.3)), 7])
    frame = pd.DataFrame({"id": ids, "request_id": np.arange(len(ids)), "canary_share": 0.3})

    assert mismatched(ratios(frame[~canary], frame[canary])) is None


def test_each_share_is_tested_separately():
    first, second = sides(1000, split(1000, 0.3)), sides(1000, split(1000, 0.6, seed=1), share=0.6)
    last = pd.DataFrame({"id": ["z"], "request_id": ["z"], "canary_share": [0.6]})
    both = [pd.concat([a, b, *end]) for a, b, end in zip(first, second, ([], [last]), strict=True)]

    found = ratios(*both)

    assert [(one.share, one.ids) for one in found] == [(0.3, 1000), (0.6, 1000)]
    assert mismatched(found) is None


def test_lines_without_a_share_are_not_judged():
    assert ratios(*sides(100, split(100, 0.1), share=np.nan)) == []
    assert mismatched([]) is None

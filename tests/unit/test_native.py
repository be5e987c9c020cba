"""Boosters in their library's text: whatever the text, no process of ours ends by a signal, and none waits for ever."""

import re

import numpy as np
import pytest

from ml.io.errors import UserError
from ml.model import boosters, native

pytestmark = pytest.mark.slow

ROWS = np.random.default_rng(0).normal(size=(300, 6))
TRUTHS = {"two": (ROWS[:, 0] > 0).astype(int), "three": np.digitize(ROWS[:, 0], [-0.5, 0.5]), "value": ROWS[:, 0] * 2}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
ODD = ["-1", "0", "7", "99", "2147483647", "-2147483648", "4294967296", "9" * 20, "1e308", "nan"]


def lightgbm(kind):
    library = pytest.importorskip("lightgbm")
    return (library.LGBMRegressor if kind == "value" else library.LGBMClassifier)(n_estimators=5, verbose=-1)


def xgboost(kind):
    library = pytest.importorskip("xgboost")
    return (library.XGBRegressor if kind == "value" else library.XGBClassifier)(n_estimators=5)


def catboost(kind):
    library = pytest.importorskip("catboost")
    kind = library.CatBoostRegressor if kind == "value" else library.CatBoostClassifier
    return kind(iterations=5, verbose=0, allow_writing_files=False)


MADE = {"lightgbm": lightgbm, "xgboost": xgboost, "catboost": catboost}


def fitted(library, kind):
    return boosters.kept(MADE[library](kind).fit(ROWS, TRUTHS[kind]))


def damaged(text, random):
    """A flipped bit, a cut, two sections in each other's place, a number that fits nowhere, or bytes of noise."""
    content, how = bytearray(text.encode()), random.integers(5)
    first, last = sorted(random.integers(len(content), size=2))
    if how == 0:
        content[first] ^= 1 << random.integers(8)
    elif how == 1:
        del content[first:]
    elif how == 2:
        middle = (first + last) // 2
        content[first:last] = content[middle:last] + content[first:middle]
    elif how == 3:
        found = [*NUMBER.finditer(text)]
        one = found[random.integers(len(found))]
        return text[: one.start()] + random.choice(ODD) + text[one.end() :]
    else:
        content[first : first + 8] = random.bytes(8)
    return content.decode(errors="replace")


@pytest.mark.parametrize("kind", TRUTHS)
@pytest.mark.parametrize("library", MADE)
def test_a_model_in_a_process_of_its_own_answers_with_the_same_bits(library, kind):
    model = fitted(library, kind)
    other = native.apart(library, model.text)

    assert (other.scores(ROWS) == model.native.scores(ROWS)).all()
    assert (other.contributions(ROWS) == model.native.contributions(ROWS)).all()
    assert other.scores(ROWS[:0]).shape[:1] == (0,)


@pytest.mark.parametrize("library", MADE)
def test_a_damaged_model_is_a_sentence_or_still_answers(library):
    text, random, said = fitted(library, "two").text, np.random.default_rng(3), []
    for _ in range(8):
        model = native.apart(library, damaged(text, random))
        for answer in (model.scores, model.contributions):
            try:
                assert len(answer(ROWS)) == len(ROWS)
            except UserError as error:
                said.append(str(error))

    assert said
    assert {one.split(": ")[0] for one in said} == {"the trees of the model cannot be used"}
    assert all("train again" in one for one in said)


def test_a_library_that_ends_its_process_is_named_with_the_signal():
    text = fitted("lightgbm", "two").text

    with pytest.raises(UserError, match=r"lightgbm ended by SIG(ABRT|SEGV)"):
        native.apart("lightgbm", text[: len(text) // 2]).scores(ROWS)


def test_trees_without_an_end_are_given_up(monkeypatch):
    monkeypatch.setattr(native, "SECONDS", 2)
    text = fitted("lightgbm", "two").text
    turning = re.sub(
        r"(?<=_child=).*", lambda line: re.sub(r"-?\d+", lambda one: "0".ljust(len(one[0])), line[0]), text
    )  # as long as before, because the head of the text names the length of each tree

    with pytest.raises(UserError, match="did not answer within 2 s of CPU time"):
        native.apart("lightgbm", turning).scores(ROWS)


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(native, "find_spec", lambda _: None)

    with pytest.raises(UserError, match=r"src/locks/catboost\.txt"):
        native.apart("catboost", "{}")

"""False refusals by the gates of a model that knows the true probabilities, in many simulated data sets.

`python -m lab.oracle` prints the tables in docs/gates.md (an hour); `--part slices` prints one.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lab.oracle_rare import rare_table
from lab.printed import header, percent, row
from ml.io import cli
from ml.gates import Evidence, Verdict, calibration, fairness, refused, slices, stability
from ml.tasks.duel import compare
from ml.settings.metric_names import HIGHER_IS_BETTER
from ml.tasks.score_rows import enough, intervals, measure, rank
from ml.settings.params import Params
from ml.settings.evaluate import Evaluate
from tests.gates.crowds import build, crowd, divided, settings
from tests.gates.world import log_odds, probability

ENDS = ((1, "low"), (-1, "high"))  # of an interval above, below the true value
WORLDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "log odds of a normal distribution": lambda rng, n: probability(rng.normal(-1.3, 1.6, n)),
    "3 % positive": lambda rng, n: probability(rng.normal(-4, 1.2, n)),
    "most scores near 0 or 1": lambda rng, n: np.clip(rng.beta(0.3, 0.6, n), 1e-4, 1 - 1e-4),
    "five different scores": lambda rng, n: rng.choice([0.02, 0.1, 0.3, 0.6, 0.9], n, p=[0.3, 0.3, 0.2, 0.1, 0.1]),
}


def main(part: str = "", samples: int = 200) -> None:
    """Print each table, or the one that PART names, of so many SAMPLES a line."""
    parts = {"intervals": interval_table, "gates": gate_table, "slices": slice_table, "fairness": fairness_table}
    parts |= {"looks": look_table, "rare": rare_table}
    for name, table in parts.items():
        if part in {"", name}:
            cli.say(f"oracle: {name}, {samples} samples a line")
            table(samples)


def interval_table(samples: int) -> None:
    """The share of intervals of a metric wholly above or below the true value; nominally 2.5 % each."""
    header("world", "rows", *(f"{name}: above, below" for name in HIGHER_IS_BETTER))
    for world, draw in WORLDS.items():
        truth = known(draw)
        for rows in (200, 1000, 5000, 50_000):
            some = samples if rows < 5000 else samples // 2 if rows < 50_000 else samples // 10
            found = []
            for seed in range(some):
                rng = np.random.default_rng(seed)
                score = draw(rng, rows)
                label = (rng.random(rows) < score).astype("int8")
                if enough(label):
                    found.append(intervals(rank(label, score, 0.5), Evaluate(bootstrap=200), seed))
            cells = []
            for name, value in truth.items():
                above, below = (sum(sign * (f[name][end] - value) > 0 for f in found) for sign, end in ENDS)
                cells.append(f"{percent(above, len(found))}, {percent(below, len(found))}")
            row(world, f"{rows:,}", *cells)


def known(draw: Callable[[np.random.Generator, int], np.ndarray]) -> dict[str, float]:
    """The metrics of the true probabilities on two million rows; their calibration error is zero."""
    rng = np.random.default_rng(10**6)
    score = draw(rng, 2_000_000)
    return measure(rank((rng.random(len(score)) < score).astype("int8"), score, 0.5)) | {"calibration_error": 0.0}


def refusals(judge: Callable[[Evidence], list[Verdict]], builds: list[Evidence]) -> int:
    """The number of builds that a gate refuses."""
    return sum(bool(refused(judge(evidence))) for evidence in builds)


def slice_table(samples: int) -> None:
    """Refusals by slices: of the true model, of one equal to the champion, of one without skill in one slice."""
    header(
        "rows",
        "true probabilities",
        "true probabilities, first model",
        "as good as the champion",
        "random in one slice",
    )
    rule = {"slices": {"min": 0.5}}
    for rows in (1000, 2400, 10_000):
        some = samples if rows < 10_000 else samples // 4
        truth, equal = ([build(rows, s, rule, noise) for s in range(some)] for noise in ((0.5, 0.0), (0.5, 0.5)))
        first = [replace(evidence, champion=None) for evidence in truth]
        blind = [blinded(evidence) for evidence in equal]
        cells = [percent(refusals(slices.judge, some_), some) for some_ in (truth, first, equal, blind)]
        row(f"{rows:,}", *cells)


def blinded(evidence: Evidence) -> Evidence:
    """The scores, shuffled within one level."""
    score, rows = evidence.score.copy(), (evidence.test["group"] == "b").to_numpy()
    score[rows] = np.random.default_rng(0).permutation(score[rows])
    return replace(evidence, score=score)


def gate_table(samples: int) -> None:
    """Refusals of the true model, and of a model equal to the champion, by the other statistical gates."""
    metrics = tuple(HIGHER_IS_BETTER)
    header(
        "rows", "calibration: true probabilities", *(f"champion, {name}" for name in metrics), "stability at its limit"
    )
    for rows in (200, 1000, 5000, 50_000):
        some = samples if rows < 5000 else samples // 4 if rows < 50_000 else samples // 20
        equal = [build(rows, seed, {}, (0.5, 0.5)) for seed in range(some)]
        equal = [evidence for evidence in equal if enough(evidence.label)]
        truth = [build(rows, seed, {}, (0.5, 0.0)) for seed in range(some)]
        cells = [percent(refusals(calibration.judge, truth), len(truth))]
        for metric in metrics:
            rule = settings({"champion": {"metric": metric, "bootstrap": 200}})
            sides = [[rank(e.label, s, 0.5) for s in (e.champion.score, e.score)] for e in equal]
            cells.append(percent(sum(compare(*s, rule.gates.champion).outcome == "worse" for s in sides), len(equal)))
        share = np.mean([((e.score >= 0.5) != (e.champion.score >= 0.5)).mean() for e in equal])
        tight = settings({"stability": {"max_flips": float(share)}})
        cells.append(percent(refusals(stability.judge, [replace(e, params=tight) for e in equal]), len(equal)))
        row(f"{rows:,}", *cells)


def fairness_table(samples: int) -> None:
    """Refusals by fairness where groups are equal, by number of columns, and where they differ in their base rates."""
    header("rows", "equal groups, 1 column", "3 columns", "8 columns", "base rates 30 % and 46 %: parity", "odds")
    for rows in (1000, 4000):
        cells = []
        for columns in (1, 3, 8):
            builds = [divided(rows, seed, columns, 0.0, {}) for seed in range(samples)]
            cells.append(percent(refusals(fairness.judge, builds), samples))
        for only in ("demographic_parity", "equalised_odds"):
            other = {"demographic_parity": None, "equalised_odds": None} | {only: 0.1}
            builds = [divided(rows, seed, 1, 1.0, other) for seed in range(samples)]
            cells.append(percent(refusals(fairness.judge, builds), samples))
        row(f"{rows:,}", *cells)


def look_table(samples: int) -> None:
    """The effect of twenty equally good models on the verdict on the next, with the same or with fresh test rows."""
    header("judged before", "same rows: worse", "same rows: better", "fresh rows: worse")
    found = {looks: np.zeros(3) for looks in (0, 5, 10, 20)}
    rule = settings({"champion": {"bootstrap": 200}})
    for seed in range(samples):
        for looks in found:
            found[looks] += np.array(looked(looks, seed, rule))
    for looks, counts in found.items():
        row(looks, *(percent(count, samples) for count in counts))


def looked(looks: int, seed: int, rule: Params, rows: int = 2400) -> tuple[bool, bool, bool]:
    """Whether a new model is worse, and better, than the best of `looks` + 1 equal ones, and worse on fresh rows."""
    rng = np.random.default_rng([seed, 2])  # a generator independent of the other models
    _, truth, label = crowd(rows, seed)
    scores = [probability(log_odds(truth) + 0.5 * rng.normal(size=rows)) for _ in range(looks + 2)]
    champion_ = rank(label, scores[0], 0.5)
    for score in scores[1:-1]:  # each better one becomes champion
        one = rank(label, score, 0.5)
        champion_ = one if measure(one)["roc_auc"] > measure(champion_)["roc_auc"] else champion_
    outcome = compare(champion_, rank(label, scores[-1], 0.5), rule.gates.champion, seed).outcome
    _, other, fresh = crowd(rows, 10**6 + seed)
    pair = [rank(fresh, probability(log_odds(other) + 0.5 * rng.normal(size=rows)), 0.5) for _ in range(2)]
    return outcome == "worse", outcome == "better", compare(*pair, rule.gates.champion, seed).outcome == "worse"


if __name__ == "__main__":
    cli.run(main)

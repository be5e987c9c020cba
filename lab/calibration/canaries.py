"""The rates at which good canaries and worse canaries are rolled back (takes minutes)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ml.deployment.canary import LOOKS, Window, judge
from ml.io.markdown import table
from ml.io.text import counted
from ml.settings.deploy import Deploy
from serving.exposition import SCORES, SECONDS

Judge = Callable[..., str]


@dataclass(frozen=True)
class World:
    """Traffic, and the fault of the canary; all rows of a request have one score, the worst case of dependence."""

    requests: int = 2000  # in the whole deployment
    rows: int = 1  # a request
    uneven: bool = False  # one request in twenty has twenty times as many rows
    errors: float = 0.002  # of both images
    spread: float = 0.5  # of the logarithm of seconds, around 5 ms
    more_errors: float = 0.0
    slower: float = 1.0
    off: float = 0.0  # added to every score


QUIET = {
    "1 row": World(),
    "10 rows": World(rows=10),
    "100 rows": World(rows=100),
    "1 or 20 rows": World(uneven=True),
    "few requests, 10 rows": World(requests=300, rows=10),
    "5 % errors in both": World(errors=0.05),
    "long tail of latency": World(spread=1.5),
}
WORSE = {
    "5 % more errors": World(more_errors=0.05),
    "20 % more errors": World(more_errors=0.2),
    "3 times slower": World(slower=3.0),
    "10 times slower": World(slower=10.0),
    "scores off by 0.4": World(off=0.4),
    "scores off by 0.4, batches of 100": World(off=0.4, rows=100),
}
SIZES = (300, 2000)


def sent_back(world: World, runs: int, rule: Deploy, how: Judge = judge, seed: int = 0) -> float:
    """The share of simulated deployments in which a look rolls the canary back."""
    rng = np.random.default_rng(seed)
    return sum(_deployed(world, rule, how, rng) for _ in range(runs)) / runs


def page(runs: int, rule: Deploy) -> str:
    """The tables, as Markdown."""
    quiet = [[name, f"{world.requests:,}", f"{sent_back(world, runs, rule):.1%}"] for name, world in QUIET.items()]
    worse = [
        [name, *(f"{sent_back(replace(world, requests=size), max(20, runs // 4), rule):.0%}" for size in SIZES)]
        for name, world in WORSE.items()
    ]
    return "\n\n".join(
        part.strip()
        for part in (
            f"Equal images sent back, of {runs} deployments in each line; all rows of a request have one score:",
            table(["each request has", "requests", "sent back"], quiet),
            "Worse images sent back before the end:",
            table(["the new image", *(f"{counted(size, 'request')}" for size in SIZES)], worse),
        )
    )


def _deployed(world: World, rule: Deploy, how: Judge, rng: np.random.Generator) -> bool:
    share = np.repeat(rule.steps, LOOKS)
    each = np.full(len(share), max(1, world.requests // len(share)))
    taken = rng.binomial(each, np.minimum(share, 255 / 256))
    sides = [_windows(world, counts, rng, worse=new) for new, counts in ((False, each - taken), (True, taken))]
    looks = list(zip(*sides, strict=True))
    return any(how(*look, rule, last=number == len(looks)) for number, look in enumerate(looks, 1))


def _windows(world: World, counts: np.ndarray, rng: np.random.Generator, *, worse: bool) -> list[Window]:
    """The cumulative results of an image at each look."""
    total, ends = int(counts.sum()), np.cumsum(counts)
    rows = np.full(total, world.rows)
    if world.uneven:
        rows[rng.random(total) < 1 / 20] *= 20
    failed = rng.random(total) < world.errors + worse * world.more_errors
    seconds = 0.005 * np.exp(world.spread * rng.normal(size=total)) * (world.slower if worse else 1)
    score = np.clip(rng.beta(2, 5, total) + (world.off if worse else 0), 0, 1)
    answered = rows * ~failed

    def upto(values: np.ndarray) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(values)])[ends]

    timed = {le: upto(seconds <= le) for le in (*SECONDS, math.inf)}
    scored = {le: upto(answered * (score <= le)) for le in (*SCORES, math.inf)}
    errors, squares = upto(failed), upto(answered**2)
    return [
        Window(
            float(ends[n]),
            float(errors[n]),
            {le: float(v[n]) for le, v in timed.items()},
            {le: float(v[n]) for le, v in scored.items()},
            float(squares[n]),
        )
        for n in range(len(counts))
    ]


if __name__ == "__main__":
    print(page(240, Deploy()))

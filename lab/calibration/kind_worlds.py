"""Worlds of several classes and of numbers, whose true probabilities or means are known, and answers that are wrong."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Draw = tuple[np.ndarray, np.ndarray]  # truth and the oracle's output
Rng = np.random.Generator


class World(NamedTuple):
    """The generator of true values and of the oracle's output, and the number of classes; 0 is a number."""

    name: str
    draw: Callable[[int, Rng], Draw]
    classes: int


def chosen(odds: np.ndarray, rng: Rng) -> Draw:
    """Classes drawn with the probabilities of the log odds."""
    p = np.exp(odds - odds.max(axis=1, keepdims=True))
    return (odds + rng.gumbel(size=odds.shape)).argmax(axis=1), p / p.sum(axis=1, keepdims=True)


def three(rows: int, rng: Rng) -> Draw:
    """Three classes of about the same share."""
    return chosen(rng.normal(0, 1.5, (rows, 3)), rng)


def rare(rows: int, rng: Rng) -> Draw:
    """Three classes, one with about 2 % of the rows."""
    return chosen(rng.normal(0, 1.5, (rows, 3)) - [0, 0, 5], rng)


def heavy(rows: int, rng: Rng) -> Draw:
    """Ten classes whose log odds have heavy tails: many rows are nearly certain."""
    return chosen(1.5 * rng.standard_t(2, (rows, 10)), rng)


def normal(rows: int, rng: Rng) -> Draw:
    """A number with normal noise of half the deviation of its mean."""
    mean = rng.normal(0, 2, rows)
    return mean + rng.normal(size=rows), mean


def tails(rows: int, rng: Rng) -> Draw:
    """A number with errors whose variance is infinite (t of 2 degrees of freedom)."""
    mean = rng.normal(0, 2, rows)
    return mean + rng.standard_t(2, rows), mean


def growing(rows: int, rng: Rng) -> Draw:
    """A skewed number whose noise grows with its value, like prices."""
    mean = rng.lognormal(0, 1, rows)
    return mean * rng.lognormal(-0.08, 0.4, rows), mean


WORLDS = (
    World("three classes", three, 3),
    World("three classes, one of 2 %", rare, 3),
    World("ten classes, heavy tails", heavy, 10),
    World("number, normal noise", normal, 0),
    World("number, infinite variance", tails, 0),
    World("number, noise grows with the value", growing, 0),
)


def blurred(output: np.ndarray, rng: Rng) -> np.ndarray:
    """The oracle with additional noise."""
    if output.ndim == 1:
        return output + rng.normal(0, 0.3 * output.std(), len(output))
    odds = np.log(output.clip(1e-9)) + rng.normal(0, 0.7, output.shape)
    p = np.exp(odds - odds.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def spoilt(output: np.ndarray) -> np.ndarray:
    """The overconfident oracle: log odds times 1.6, or distances of values from their mean times 1.3."""
    if output.ndim == 1:
        return output.mean() + 1.3 * (output - output.mean())
    p = output.clip(1e-9) ** 1.6
    return p / p.sum(axis=1, keepdims=True)


def moves(truth: np.ndarray, output: np.ndarray) -> list[Draw]:
    """The changes: none; half of the predictions and labels changed, or errors 1.7 times as large.

    Wrong labels, or a bias.
    """
    if output.ndim == 1:
        gap = truth - output
        return [(truth, output), (output + 1.7 * gap, output), (truth + 0.4 * truth.std(), output)]
    turned, fifth = np.roll(output, 1, axis=1), np.arange(len(truth)) % 5 == 0
    most = output[:, 0] >= np.median(output[:, 0])
    shifted = np.where(most[:, None], turned, output), np.where(most, (truth + 1) % output.shape[1], truth)
    return [(truth, output), (shifted[1], shifted[0]), (np.where(fifth, (truth + 1) % output.shape[1], truth), output)]

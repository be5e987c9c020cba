"""Tables for drawing windows without drift: rows of one distribution, each with the score of a model without it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from ml.data import reading, schema
from ml.model import model, reference
from ml.model.reference import Reference
from ml.settings.data import Category, Data, Number, Target
from ml.settings.params import Params, describe_the_sample, read_params
from ml.tasks import score_rows, two_words
from tests.world import sample as world

TRAINED, ROWS = 9_600, 100_000
BOOTSTRAP = 200  # replicates for the metrics of a simulated release


@dataclass(frozen=True)
class Pool:
    """Rows with `score` and `label`, and their settings; `shifts` names the columns to shift."""

    name: str
    frame: pd.DataFrame
    params: Params
    number: str
    scaled: str
    category: str

    def draw(self, rows: int, rng: np.random.Generator) -> pd.DataFrame:
        """Rows drawn at random, independently of each other."""
        return self.frame.iloc[rng.integers(0, len(self.frame), rows)].reset_index(drop=True)

    def release(self, rows: int, rng: np.random.Generator) -> tuple[Reference, pd.DataFrame]:
        """The reference of a model with so many training rows and a quarter as many test rows, and those rows."""
        trained, tested = self.draw(rows, rng), self.draw(rows // 4, rng)
        evaluate = self.params.evaluate.model_copy(update={"bootstrap": BOOTSTRAP})
        ranked = score_rows.rank(tested["label"].to_numpy(), tested["score"].to_numpy(), evaluate.threshold)
        found = score_rows.intervals(ranked, evaluate)
        return reference.build(trained, tested["score"].to_numpy(), found, self.params), trained


@cache
def pools() -> dict[str, Callable[[Params], Pool]]:
    """The tables to calibrate on, by name: the sample data or the project's own data, and a rough table."""
    first = {"sample data": sample_world} if describe_the_sample(read_params()) else {"your table": your_table}
    return first | {"heavy tails": heavy_tails}


def sample_world(params: Params) -> Pool:
    """Customers of quiet months, scored by the configured model."""
    seen, fresh = world.customers(1, TRAINED, seed=1), world.customers(1, ROWS, seed=2)
    frame = scored(schema.conform(seen, params.data), schema.conform(fresh, params.data), params)
    return Pool("sample data", frame, params, "tenure_months", "monthly_charge", "channel")


def your_table(params: Params) -> Pool:
    """The rows of data.file: one half is resampled and scored by a model of the other half."""
    table = schema.conform(reading.read(params.data.file).frame, params.data).sample(frac=1, random_state=0)
    half = len(table) // 2
    names, levels = schema.numbers(params.data), schema.categories(params.data)
    frame = scored(table.iloc[:half], table.iloc[half:].reset_index(drop=True), params)
    return Pool("your table", frame, params, names[0], names[-1], levels[0] if levels else "")


def heavy_tails(params: Params) -> Pool:
    """Orders of a shop: unbounded amounts, spikes at zero, missing values and very rare levels.

    Drawn once and then resampled, as a real table would be; so values repeat, and columns are correlated.
    """
    rng, rows = np.random.default_rng(0), 30_000
    size = rng.normal(size=rows)  # large customers are large in every column
    counted = {"country": 40, "brand": 60, "payment": 5, "segment": 8}
    columns: dict[str, np.ndarray] = {
        "amount": np.round(np.exp(3 + 0.5 * size + 0.5 * rng.normal(size=rows)), 2),
        "wealth": (1 + rng.pareto(1.1, rows)) * np.exp(size),
        "discount": np.where(rng.random(rows) < 0.7, 0.0, rng.beta(1, 6, rows)),
        "returns": rng.negative_binomial(0.3, 0.2, rows).astype("float64"),
        "visits": rng.poisson(np.exp(1 + 0.5 * size)).astype("float64"),
        "age": np.clip(np.round(rng.normal(42, 15, rows)), 18, 99),
        "delay": np.where(rng.random(rows) < 0.9, rng.exponential(2, rows), rng.exponential(60, rows)),
        "rating": np.clip(np.round(rng.normal(4, 1.2, rows)), 1, 5),
        "balance": rng.standard_t(2, rows) * 1000,
        "share": rng.beta(0.4, 0.4, rows),
    }
    columns |= {name: zipf(rng, name, levels, rows) for name, levels in counted.items()}
    frame = pd.DataFrame(columns)
    gaps = {"rating": 0.4, "age": 0.02, "brand": 0.15, "delay": 0.001}
    frame = frame.assign(**{name: frame[name].mask(rng.random(rows) < share) for name, share in gaps.items()})
    odds = -2 + size + 0.5 * (frame["returns"] > 0) + 0.8 * (frame["segment"] == "segment-1") - 2 * frame["discount"]
    frame = frame.assign(id=np.arange(rows), bad=rng.random(rows) < 1 / (1 + np.exp(-odds)))
    contract = {name: Number(type="number", missing=gaps.get(name, 0.0)) for name in columns if name not in counted}
    levels = {n: tuple(f"{n}-{i}" for i in range(count)) for n, count in counted.items()}
    contract |= {n: Category(type="category", values=v, missing=gaps.get(n, 0.0)) for n, v in levels.items()}
    data = Data(file="heavy.parquet", id="id", target=Target(name="bad"), columns=contract)
    boosting = params.train.model_copy(update={"model": "hist_gradient_boosting"})
    settings = params.model_copy(update={"data": data, "train": boosting})
    table = schema.conform(frame, data)
    half = rows // 3
    rest = scored(table.iloc[:half], table.iloc[half:].reset_index(drop=True), settings)
    return Pool("heavy tails", rest, settings, "visits", "amount", "segment")


def zipf(rng: np.random.Generator, name: str, levels: int, rows: int) -> np.ndarray:
    """Levels with frequencies proportional to n to the power of -1.6."""
    share = 1 / np.arange(1, levels + 1) ** 1.6
    return np.array([f"{name}-{i}" for i in rng.choice(levels, rows, p=share / share.sum())], dtype=object)


def scored(seen: pd.DataFrame, fresh: pd.DataFrame, params: Params) -> pd.DataFrame:
    """`fresh` rows with their label and the score of a model trained on `seen` ones."""
    fitted = model.fit(seen, params.data, params.train)
    return fresh.assign(score=model.scores(fitted, fresh, params.data), label=two_words.labels(fresh, params.data))

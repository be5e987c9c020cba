"""For each gate, inputs that it must refuse or warn about, each with a control that it must pass."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ml.data import schema, split
from ml.gates import Evidence, ServedScores
from ml.gates.evidence import Answer, Row
from ml.gates.scored_models import served
from ml.io.endpoint import answering
from ml.model.compiled import uncompiled
from ml.model.model_contract import CONTRACT
from ml.model.predictor import FORM
from ml.tasks import two_words
from tests.gates import other_faults, repository
from tests.gates.planted import Fault
from tests.gates.world import ROWS, built, good, log_odds, params, probability, scored, table


def faults() -> list[Fault]:
    """All of them, in the order of the gates."""
    return [
        Fault("contract", "data contract", "a level outside the contract", contract(plan="gold"), contract(plan="pro")),
        Fault("contract", "data contract", "rows repeated", contract(copies=200), contract(copies=0), "warning"),
        Fault("limits", "accuracy", "shuffled labels", shuffled),
        Fault("limits", "calibration_error", "an overconfident model", sharper(4), sharper(1.1)),
        Fault("decisions", "decisions", "a model that predicts only negatives", shifted(-9), shifted(-0.1), "warning"),
        Fault("decisions", "decisions", "a model that predicts only positives", shifted(9), shifted(0.1), "warning"),
        Fault("champion", "champion", "a worse model", noisier(1.0), noisier(0.02)),
        Fault("champion", "champion", "too few rows for an outcome", few_rows(demand=True), few_rows(), "critical"),
        Fault("champion", "champion", "a champion that cannot be fetched", lost_champion, good, "warning"),
        Fault("champion", "champion decisions", "more rows decided wrong", noisier(1.0), noisier(0.02), "warning"),
        Fault("champion", "champion split", "test rows that the champion trained on", seen(0.1), seen(0.3), "warning"),
        Fault(
            "champion",
            "champion looks",
            "too many models judged on these test rows",
            looked_at(6),
            looked_at(5),
            "warning",
        ),
        Fault("stability", "stability", "the decision changes for many rows", shifted(1.0), shifted(0.1)),
        Fault("stability", "stability", "a champion that cannot be fetched", lost_champion, good, "warning"),
        Fault("slices", "slices: plan", "random scores in one slice", blind(1.0), blind(0.03)),
        Fault("slices", "slices: plan", "a slice far behind, not significant", blind(0.6, 0.1), good, "warning"),
        Fault(
            "slices",
            "slices: plan",
            "a first model below the minimum of a slice",
            first_and_blind(1.0),
            first_and_blind(0),
        ),
        Fault("slices", "slices not judged", "a slice of a few rows", slices(min_rows=900), good, "warning"),
        Fault(
            "fairness", "fairness: region demographic parity", "higher scores for one group", lifted(2.0), lifted(0.1)
        ),
        Fault("fairness", "fairness: region equalised odds", "higher scores for one group", lifted(2.0), lifted(0.1)),
        Fault("fairness", "fairness: region not judged", "a group of a few rows", groups(900), good, "warning"),
        Fault(
            "behaviour", "invariance: region", "a score that depends on the region", lean(region=0.4), lean(region=0.01)
        ),
        Fault("behaviour", "direction: usage", "a score that rises with usage", lean(usage=0.9), lean(usage=0.0)),
        Fault(
            "behaviour", "direction: usage", "a column without a value in the test rows", never_there, good, "warning"
        ),
        Fault("behaviour", "easy case: idle", "an easy case missed", lean(every=-0.7), lean(every=-0.1)),
        Fault("calibration", "calibration slope", "an overconfident model", sharper(1.5), sharper(1.1)),
        Fault("calibration", "calibration bias", "scores too high", shifted(0.8), shifted(0.1)),
        Fault("calibration", "calibration", "a class of a few rows", rare, good, "warning"),
        Fault("size", "size", "a huge model", sized(50_000_001), sized(50_000_000)),
        Fault("size", "size", "a model much larger than the champion", grown(3.1), grown(2.9), "warning"),
        Fault("latency", "latency p50", "a slow model", slow(0.006, limit=4), slow(0.0005)),
        Fault("latency", "latency p99", "a model with some slow calls", slow(0.009, 5, limit=4), slow(0.0005, 5)),
        Fault(
            "latency",
            "latency p50",
            "a model slower than the champion",
            slow(0.006, limit=900, growth=2),
            slow(0.0, growth=2),
            "warning",
        ),
        Fault("parity", "parity", "missing values served as zero", skewed(missing=0.0), skewed(missing=None)),
        Fault("parity", "parity", "served scores that differ slightly", skewed(off=1e-5), skewed(off=1e-8)),
        Fault("parity", "parity", "a missing prediction", skewed(rows=-1), skewed(rows=None)),
        Fault("parity", "batch parity", "batch scores that differ slightly", skewed_table(1e-5), skewed_table(1e-8)),
        Fault("parity", "compiled form", "a model that cannot be compiled", unknown_part, good, "warning"),
        Fault("api", "api p50", "a slow server", slow_server(0.006, limit=4), slow_server(0.0005)),
        Fault(
            "api",
            "api p99",
            "a server with some slow responses",
            slow_server(0.009, 5, limit=4),
            slow_server(0.0005, 5),
        ),
        Fault("api", "api parity", "a server with another model", behind(other_form), behind(dict)),
        Fault("api", "api", "a server that refuses valid rows", behind(narrowed), behind(dict)),
        Fault("leakage", "leakage: columns", "a copy of the target", leaking(0.0), leaking(0.3)),
        Fault("leakage", "leakage: columns", "almost a copy of the target", leaking(0.004), leaking(0.3), "warning"),
        Fault("leakage", "leakage: ids", "an id in training and test rows", sides(ids=1), sides(ids=0)),
        Fault(
            "leakage",
            "leakage: repeated rows",
            "test rows that repeat training rows",
            sides(rows=100),
            sides(rows=5),
            "warning",
        ),
        Fault("leakage", "leakage: time", "training rows from after the split", by_time(late=1), by_time(late=0)),
        Fault("freshness", "locks: pipeline", "data changed after dvc.lock was written", *repository.pipeline()),
        Fault("freshness", "locks: committed", "a dvc.lock that was not committed", *repository.committed()),
        Fault(
            "freshness",
            "locks: packages",
            "an installed version that is not the locked one",
            *repository.packages("pyyaml==0.1\n"),
        ),
        Fault("freshness", "locks: packages", "a requirement that is not locked", *repository.packages("")),
        *other_faults.faults(),
    ]


def contract(plan: str = "pro", copies: int = 0) -> Callable[[], Evidence]:
    """A table as the validate stage checks it, with one level changed or the first rows repeated under new ids."""

    def plant() -> Evidence:
        settings = params(validate={"duplicate_share": 0.01})
        frame = table()
        frame.loc[7, "plan"] = plan
        again = frame.head(copies).assign(id=[f"again{n}" for n in range(copies)])
        whole = schema.conform(pd.concat([frame, again], ignore_index=True), settings.data)
        from ml.validation import checks  # noqa: PLC0415  (Great Expectations takes seconds to import)

        found = checks.check(whole, settings.data, settings.validation)
        return replace(good(), validation={"rows": len(whole), "checks": [asdict(check) for check in found]})

    return plant


def shuffled() -> Evidence:
    """A model trained on shuffled labels."""
    frame = table()
    return built(frame.assign(left=np.random.default_rng(1).permutation(frame["left"])), params())


def sharper(factor: float) -> Callable[[], Evidence]:
    """Overconfident scores."""
    return lambda: scored(good(), probability(factor * log_odds(good().score)))


def shifted(by: float) -> Callable[[], Evidence]:
    """Scores that are all too high."""
    return lambda: scored(good(), probability(log_odds(good().score) + by))


def rare() -> Evidence:
    """Only ten positive rows."""
    kept = np.flatnonzero((good().label == 0) | (np.cumsum(good().label) <= 10))
    few = replace(good(), test=good().test.iloc[kept], label=good().label[kept], champion=None)
    return scored(few, good().score[kept])


def noisier(by: float) -> Callable[[], Evidence]:
    """A model that adds noise of its own."""
    noise = np.random.default_rng(2).normal(0, by, ROWS)
    return lambda: scored(good(), probability(log_odds(good().score) + noise[: len(good().score)]))


def few_rows(*, demand: bool = False) -> Callable[[], Evidence]:
    """Sixty test rows, too few to show a difference; `demand` turns this into a refusal."""

    def plant() -> Evidence:
        whole = noisier(0.4)()
        rule = {"refuse": ["not enough evidence"] if demand else ["worse"], "margin": 0.005 if demand else 0.5}
        champion = replace(whole.champion, score=whole.champion.score[:60])
        few = replace(whole, test=whole.test.head(60), label=whole.label[:60], champion=champion)
        return replace(scored(few, whole.score[:60]), params=params({"champion": rule}))

    return plant


def lost_champion() -> Evidence:
    """A recorded champion whose file is missing."""
    return replace(good(), champion=replace(good().champion, served=None, score=None, why="no such file"))


def looked_at(times: int) -> Callable[[], Evidence]:
    """Test rows on which this number of models was judged before."""
    return lambda: replace(good(), looks=times)


def seen(share: float) -> Callable[[], Evidence]:
    """A champion whose split had another test share."""
    theirs = params(prepare={"test_share": share}).model_dump(mode="json", by_alias=True)
    return lambda: replace(good(), champion=replace(good().champion, params=theirs))


def first_and_blind(by: float) -> Callable[[], Evidence]:
    """The first model: only the minimum of a slice judges it."""

    def plant() -> Evidence:
        evidence = blind(by)()
        return replace(evidence, champion=None, params=params({"slices": {"columns": ["plan"], "min": 0.7}}))

    return plant


def blind(by: float, share: float = 1.0) -> Callable[[], Evidence]:
    """Random scores for a share of the rows with one plan; in the control, the plan only has another name."""

    def plant() -> Evidence:
        evidence, rng = good(), np.random.default_rng(3)
        kept = rng.random(len(evidence.test)) < share
        plan = evidence.test["plan"].where(kept | (evidence.test["plan"] == "pro"), "pro")
        basic = (plan == "basic").to_numpy()
        score = np.where(basic & (rng.random(len(basic)) < by), rng.random(len(basic)), evidence.score)
        settings = params({"slices": {"columns": ["plan"], "min_rows": 20, "min_class": 5}})
        return replace(scored(evidence, score), test=evidence.test.assign(plan=plan), params=settings)

    return plant


def slices(min_rows: int) -> Callable[[], Evidence]:
    """Settings with a minimum that no slice of the table reaches."""
    return lambda: replace(good(), params=params({"slices": {"columns": ["plan"], "min_rows": min_rows}}))


def groups(min_rows: int) -> Callable[[], Evidence]:
    """Settings with a minimum that no group of the table reaches."""
    return lambda: replace(good(), params=params({"fairness": {"columns": ["region"], "min_rows": min_rows}}))


def lifted(by: float) -> Callable[[], Evidence]:
    """Scores of one region raised above the true probabilities."""
    north = (good().test["region"] == "north").to_numpy()
    return lambda: scored(good(), probability(log_odds(good().score) + by * north))


def lean(region: float = 0.0, usage: float = 0.0, every: float = 0.0) -> Callable[[], Evidence]:
    """A model whose score depends on a column that must not matter, or is biased for all rows."""

    def score(frame: pd.DataFrame) -> np.ndarray:
        tilt = region * (frame["region"] == "north") + usage * frame["usage"] / 100 + every
        return np.clip(good().model.score(frame) + tilt.to_numpy(), 0, 1)

    return lambda: replace(good(), model=replace(good().model, score=score))


def never_there() -> Evidence:
    """The column of a direction is missing in every test row."""
    return replace(good(), test=good().test.assign(usage=np.nan))


def sized(size: int) -> Callable[[], Evidence]:
    """A model with this number of bytes."""
    beside = replace(good().champion, served=replace(good().champion.served, size=size))
    return lambda: replace(good(), model=replace(good().model, size=size), champion=beside)


def grown(times: float) -> Callable[[], Evidence]:
    """A model with this multiple of the champion's bytes."""
    size = int(times * good().champion.served.size)
    return lambda: replace(good(), model=replace(good().model, size=size))


def slow(seconds: float, every: int = 1, limit: float = 40, growth: float = 1000) -> Callable[[], Evidence]:
    """A predictor that is slow in every nth call, and a fast champion."""

    def plant() -> Evidence:
        calls = iter(range(1_000_000))
        rule = {"p50_ms": limit, "p99_ms": 1.5 * limit, "growth": growth, "calls": 20}
        model, champion = (replace(good().model, answer=partial(dawdle, calls, every, s)) for s in (seconds, 0.0002))
        settings = params({"latency": rule})
        return replace(good(), params=settings, model=model, champion=replace(good().champion, served=champion))

    return plant


def dawdle(calls: Any, every: int, seconds: float, rows: list[Row]) -> list[float]:
    """A delayed answer."""
    time.sleep(seconds if next(calls) % every == 0 else 0)
    return [0.5] * len(rows)


def skewed(missing: float | None = None, off: float = 0.0, rows: int | None = None) -> Callable[[], Evidence]:
    """A serving path that imputes differently, computes a small difference, or drops rows."""

    def answer(model: ServedScores, asked: list[Row]) -> list[float]:
        filled = [{k: missing if v is None and k == "visits" else v for k, v in row.items()} for row in asked]
        return [score + off for score in model.answer(filled)][:rows]

    return lambda: replace(good(), model=replace(good().model, answer=partial(answer, good().model)))


def skewed_table(off: float) -> Callable[[], Evidence]:
    """A batch path that computes a small difference from requests."""

    def plant() -> Evidence:
        model = good().model
        return replace(good(), model=replace(model, tabled=lambda rows: model.tabled(rows) + off))

    return plant


def unknown_part() -> Evidence:
    """The same model with a step that its compiled form does not support."""
    return replace(good(), model=served(files() | uncompiled("GaussianNB is unknown"), params().data))


def slow_server(seconds: float, every: int = 1, limit: float = 40) -> Callable[[], Evidence]:
    """The real server with delayed responses."""

    def plant() -> Evidence:
        calls, rule = iter(range(1_000_000)), {"p50_ms": limit, "p99_ms": 1.5 * limit, "calls": 20}

        @contextmanager
        def held_back() -> Iterator[Answer]:
            with good().model.server() as ask:
                yield lambda rows: dawdle(calls, every, seconds, rows) and ask(rows)

        model = replace(good().model, server=held_back)
        return replace(good(), params=params({"api": rule}), model=model, champion=None)

    return plant


def behind(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Callable[[], Evidence]:
    """The real server with model files that differ from those of the gates."""
    return lambda: replace(
        good(), champion=None, model=replace(good().model, server=partial(answering, change(files())))
    )


def files() -> dict[str, bytes]:
    """A model folder with the files behind the server of `good()`."""
    return dict(good().model.server.args[0])


def other_form(folder: dict[str, bytes]) -> dict[str, bytes]:
    """Another training's means for scaling."""
    form = json.loads(folder[FORM])
    for number in form["numbers"]:
        number["mean"] *= 1.01
    return folder | {FORM: json.dumps(form).encode()}


def narrowed(folder: dict[str, bytes]) -> dict[str, bytes]:
    """A contract without the plan `pro`."""
    contract = json.loads(folder[CONTRACT])
    contract["data"]["columns"]["plan"]["values"] = ["basic"]
    return folder | {CONTRACT: json.dumps(contract).encode()}


def leaking(blur: float) -> Callable[[], Evidence]:
    """A copy of the target, except for a share of rows with the opposite value."""

    def plant() -> Evidence:
        train = good().train
        label = two_words.labels(train, good().params.data)
        flip = np.random.default_rng(4).random(len(train)) < blur
        return replace(good(), train=train.assign(visits=np.where(flip, 1 - label, label) * 1.0))

    return plant


def sides(ids: int = 0, rows: int = 0) -> Callable[[], Evidence]:
    """Test rows that are also training rows: under their own id, or copied under another."""

    def plant() -> Evidence:
        train, test = good().train, good().test
        copied = test.head(rows).assign(id=[f"copy{n}" for n in range(rows)])
        return replace(good(), train=pd.concat([train, test.tail(ids), copied], ignore_index=True))

    return plant


def by_time(late: int) -> Callable[[], Evidence]:
    """A split by time, with some of the newest rows in training."""

    def plant() -> Evidence:
        settings = params(prepare={"split_by": "time"})
        frame = schema.conform(table(), settings.data)
        test = split.is_test(frame, settings.data, settings.prepare)
        train = pd.concat([frame[~test], frame[test].head(late)], ignore_index=True)
        return replace(good(), params=settings, train=train, test=frame[test].iloc[late:])

    return plant

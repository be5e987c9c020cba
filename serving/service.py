"""Predictions: selects the model for each row and writes the log before the response."""

import asyncio
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from ml.prediction_log.records import FEATURES
from serving import made_bounds
from serving.events import Refused, say
from serving.explanations import Explanations
from serving.exposition import Metrics
from serving.lineup import SHADOW, Models, Served, load_models
from serving.loaded_model import same_contract
from serving.log_writer import LogUnavailable, PredictionLog
from serving.recorder import Asked, Recorder
from serving.server_settings import Settings


@dataclass
class Service:
    """The shared state of the routes."""

    models: Models
    log: PredictionLog | None
    recorder: Recorder
    settings: Settings
    metrics: Metrics = field(default_factory=Metrics)
    explanations: Explanations = field(default_factory=Explanations)
    _later: set[asyncio.Task] = field(default_factory=set)
    _swapping: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        if self.settings.explain:
            self.explanations.load(self.models)
        self._take(self.models)

    def swap(self) -> None:
        """Load the models again and serve them from the next request on; on an error the current ones stay."""
        self._take(self._fresh())

    async def swap_behind(self) -> None:
        """Swap models in the background while requests continue."""
        async with self._swapping:
            self._take(await asyncio.to_thread(self._fresh))

    async def predict(
        self, rows: list[dict[str, Any]], asked: Asked, models: Models | None = None
    ) -> list[dict[str, Any]]:
        """The id, prediction and model of each row; returns after they are in the log."""
        models = models or self.models
        id_name = models.champion.model.contract.data.id
        ids = [row.pop(id_name, None) for row in rows]
        ids = [f"{asked.request_id}-{n}" if given is None else given for n, given in enumerate(ids)]
        made_bounds.keep(rows, models.champion.model)
        if models.challenger is None or models.challenger.variant == SHADOW:
            answers = await self._champion(models, ids, rows, asked)
            if models.challenger:
                task = asyncio.create_task(self._shadow(models.challenger, ids, rows, asked))
                self._later.add(task)
                task.add_done_callback(self._later.discard)
            return answers
        return await self._split(models, ids, rows, asked)

    async def explain(self, rows: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
        """The same, with the contribution of each column to each prediction."""
        models = self.models
        await self.explanations.ready(models, len(rows))
        answers = await self.predict(rows, asked, models)
        await self.explanations.add(models, rows, answers)
        return answers

    async def drain(self) -> None:
        """Return when every shadow answer is written."""
        while self._later:
            await asyncio.wait(self._later)

    def _fresh(self) -> Models:
        fresh = load_models(self.settings)
        same_contract(self.models.champion.model, fresh.champion.model)
        if self.settings.explain:
            self.explanations.load(fresh)
        return fresh

    def _take(self, fresh: Models) -> None:
        self._show(0)
        self.models = fresh
        self._show(1)
        if fresh.unfit:
            say("no challenger", error=fresh.unfit.why)

    def _show(self, serves: int) -> None:
        for served in filter(None, (self.models.champion, self.models.challenger)):
            self.metrics.info.labels(served.model.name, served.variant, served.model.predictor.kind).set(serves)

    async def _split(self, models: Models, ids: list, rows: list, asked: Asked) -> list[dict[str, Any]]:
        places: dict[bool, list[int]] = {False: [], True: []}
        for place, identity in enumerate(ids):
            places[share(identity) < self.settings.canary].append(place)
        answers: list[dict[str, Any]] = [{}] * len(ids)
        for scored, taken in ((self._champion, places[False]), (self._canary, places[True])):
            if taken:
                found = await scored(models, [ids[n] for n in taken], [rows[n] for n in taken], asked)
                for place, answer in zip(taken, found, strict=True):
                    answers[place] = answer
        return answers

    async def _answer(self, served: Served, ids: list, rows: list, asked: Asked) -> list[dict[str, Any]]:
        output = await served.batcher.scores(rows)
        name, variant = served.model.name, served.variant
        head = {"model": name, "variant": variant}
        if served.share:
            head["canary_share"] = served.share
        found = served.logged(output)
        if self.settings.log == "on":
            kept = [{"id": identity, FEATURES: row, **one} for identity, row, one in zip(ids, rows, found, strict=True)]
            self.write(self.recorder.prediction(asked, head, kept))
        self.metrics.answered(name, variant)(found)
        answers = served.added(output, found)
        return [{"id": given, **one, "model": name} for given, one in zip(ids, answers, strict=True)]

    async def _champion(self, models: Models, ids: list, rows: list, asked: Asked) -> list[dict[str, Any]]:
        return await self._answer(models.champion, ids, rows, asked)

    async def _canary(self, models: Models, ids: list, rows: list, asked: Asked) -> list[dict[str, Any]]:
        """The challenger's predictions, or the champion's if it fails."""
        if models.challenger is None:
            return await self._champion(models, ids, rows, asked)
        try:
            return await self._answer(models.challenger, ids, rows, asked)
        except Refused:  # refused by the log, which would refuse the champion too
            raise
        except Exception as error:  # noqa: BLE001  (a canary harms nobody)
            self._failed("canary", asked.request_id, error)
            return await self._champion(models, ids, rows, asked)

    async def _shadow(self, served: Served, ids: list, rows: list, asked: Asked) -> None:
        try:
            await self._answer(served, ids, rows, asked)
        except Exception as error:  # noqa: BLE001  (a shadow harms nobody)
            self._failed("shadow", asked.request_id, error)

    def _failed(self, what: str, request_id: str, error: Exception) -> None:
        self.metrics.challenger_failures.inc()
        say(f"{what} failed", request_id=request_id, error=f"{type(error).__name__}: {error}")

    def write(self, line: bytes) -> None:
        """Append to the prediction log; refuses the request with 503 when the log cannot be written."""
        if self.log is None or self.settings.log == "off":
            raise Refused(503, "log", "This server has no prediction log (SERVING_LOG=off).")
        try:
            self.log.append(line)
            if self.log.missing:
                self.metrics.missing.set(self.log.missing)
        except LogUnavailable as error:
            say("log unavailable", error=str(error))
            detail = "The prediction log cannot be written, so the server refuses predictions. Try again later."
            raise Refused(503, "log", detail, ((b"retry-after", b"5"),)) from None


def share(identity: str | int) -> float:
    """The position of an id in [0, 1), which never changes."""
    return int.from_bytes(blake2b(str(identity).encode(), digest_size=8, person=b"canary").digest()) / 2**64

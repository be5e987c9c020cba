"""The contribution of each column, `POST /predict?explain=true`. Loaded at start, or after the first request for it."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from ml.io.errors import UserError
from ml.model import identity
from ml.registry import sources as registry
from serving.events import Refused, say
from serving.lineup import Models
from serving.loaded_model import Model
from serving.request_model import example

Explain = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
MOST, AT_ONCE = 100, 5  # rows of a request, and rows for which SHAP holds Python's global lock at a time
PATIENCE, RETRY = 1.0, b"10"  # seconds: for the explainers to be loaded, and until the client asks again
SWITCH = {"true": True, "1": True, "false": False, "0": False}


def explained(query: bytes) -> bool:
    """Whether a query asks for explanations; raises Refused for any value but true or false."""
    if b"explain" not in query:
        return False
    word = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("explain", ["false"])[-1]
    if word.lower() not in SWITCH:
        raise Refused(422, "explain", "explain must be true or false.")
    return SWITCH[word.lower()]


class Explanations:
    """Explains predictions, each with its own model."""

    def __init__(self) -> None:
        self._known: dict[str, Explain] = {}
        self._loading: asyncio.Task | None = None
        self._turn = asyncio.Lock()  # an explanation costs as much as many scores

    async def ready(self, models: Models, rows: int) -> dict[str, Explain]:
        """The explainers of these models, by digest; raises Refused, before scoring and logging, if one is missing.

        Explainers of models that no longer serve are released.
        """
        if rows > MOST:
            detail = f"A request may explain at most {MOST} rows. `make score EXPLAIN=1` explains a table."
            raise Refused(422, "explain", detail)
        loaded = self._known.keys() >= {model.digest for model in _serving(models)}
        if not loaded and (self._loading is None or self._loading.done()):
            self._loading = asyncio.create_task(asyncio.to_thread(self._load, models))
        if not loaded and self._loading:
            await asyncio.wait({self._loading}, timeout=PATIENCE)
        try:
            known = {model.digest: self._loaded(model) for model in _serving(models)}
        except UserError as error:
            raise Refused(501, "explain", f"This server cannot explain: {error}") from None
        self._known = known
        return known

    def load(self, models: Models) -> None:
        """Load the explainers of these models in advance; log the reason if a model cannot be explained."""
        try:
            self._load(models)
        except (UserError, Refused) as error:
            say("no explanations", error=str(getattr(error, "detail", error)))

    def _load(self, models: Models) -> None:
        for model in _serving(models):
            if model.digest not in self._known:
                self._known = self._known | {model.digest: _explain(model)}

    def _loaded(self, model: Model) -> Explain:
        """The explainer of a model; raises the error of loading it, or Refused while it is being loaded."""
        if model.digest not in self._known and self._loading and self._loading.done():
            self._loading.result()
        if model.digest not in self._known:
            detail = "Explanations are being loaded. Send the request again; SERVING_EXPLAIN=true loads them at start."
            raise Refused(503, "explain", detail, ((b"retry-after", RETRY),))
        return self._known[model.digest]

    async def add(
        self, known: dict[str, Explain], models: Models, rows: list[dict[str, Any]], answers: list[dict[str, Any]]
    ) -> None:
        """Add an `explanation` to each prediction: a base, and contributions that add up to the score with it."""
        for served in filter(None, (models.champion, models.challenger)):
            places = [n for n, answer in enumerate(answers) if answer["model"] == served.model.name]
            explain = known[served.model.digest]
            for start in range(0, len(places), AT_ONCE):
                some = places[start : start + AT_ONCE]
                async with self._turn:
                    found = await asyncio.to_thread(explain, [rows[n] for n in some])
                for place, one in zip(some, found, strict=True):
                    answers[place]["explanation"] = one


def _serving(models: Models) -> list[Model]:
    return [served.model for served in (models.champion, models.challenger) if served]


def _explain(model: Model) -> Explain:
    """The explainer of a model; raises UserError if there is none, and Refused if its alias moves in the meantime."""
    try:
        from ml.model.explanation import of_rows  # noqa: PLC0415 - a second of imports, for those who ask

        files = registry.files(model.source)[0]
        if identity.digest(files) != model.digest:  # the alias names another version, which will serve soon
            raise Refused(503, "explain", "The model is being replaced. Send the request again.")
        explain, row = of_rows(files, model.contract.data), example(model.contract.data)
        explain([{name: row[name] for name in model.contract.data.columns}])  # the first one takes longest
        return explain
    except ImportError as error:
        raise UserError(
            f"{error.name} is missing. Run `make setup` before `make serve`, or install "
            "src/locks/pipeline.txt and src/locks/explain.txt; `make score EXPLAIN=1` explains a table."
        ) from None

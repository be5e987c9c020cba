"""The contribution of each column, `POST /predict?explain=true`, from a child process of the server."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

from ml.io.child import Child, Ended
from ml.io.errors import UserError
from serving.events import Refused, say
from serving.explainer import FAILED, FOUND
from serving.lineup import Models
from serving.loaded_model import Model

MOST = 100  # rows of a request
PATIENCE, RETRY = 1.0, b"10"  # seconds: for the explainers to be loaded, and until the client asks again
SWITCH = {"true": True, "1": True, "false": False, "0": False}
Rows = list[dict[str, Any]]


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
        self._child = Child("serving.explainer")
        self._known: set[str] = set()  # digests of the models that the child has loaded
        self._loading: asyncio.Task | None = None
        self._turn = asyncio.Lock()  # an explanation costs as much as many scores

    async def ready(self, models: Models, rows: int) -> None:
        """Return when these models can be explained; raises Refused, before scoring and logging, if one cannot be."""
        if rows > MOST:
            detail = f"A request may explain at most {MOST} rows. `make score EXPLAIN=1` explains a table."
            raise Refused(422, "explain", detail)
        if self._loaded(models):
            return
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(asyncio.to_thread(self._load, models))
        await asyncio.wait({self._loading}, timeout=PATIENCE)
        if self._loading.done():
            try:
                self._loading.result()
            except UserError as error:
                raise Refused(501, "explain", f"This server cannot explain: {error}") from None
        if not self._loaded(models):
            raise _again(
                "Explanations are being loaded. Send the request again; SERVING_EXPLAIN=true loads them at start."
            )

    def load(self, models: Models) -> None:
        """Load the explainers of these models in advance; log the reason if a model cannot be explained."""
        try:
            self._load(models)
        except (UserError, Refused) as error:
            say("no explanations", error=str(getattr(error, "detail", error)))

    async def add(self, models: Models, rows: Rows, answers: Rows) -> None:
        """Add an `explanation` to each prediction: a base, and contributions that add up to the score with it."""
        for model in _serving(models):
            places = [n for n, answer in enumerate(answers) if answer["model"] == model.name]
            if places:
                async with self._turn:
                    found = await asyncio.to_thread(self._ask, models, model, [rows[n] for n in places])
                for place, one in zip(places, found, strict=True):
                    answers[place]["explanation"] = one

    def _loaded(self, models: Models) -> bool:
        return self._known >= {model.digest for model in _serving(models)}

    def _load(self, models: Models) -> None:
        for model in _serving(models):
            self._ask(models, model, [])

    def _ask(self, models: Models, model: Model, rows: Rows) -> Rows:
        """The explanations of rows; raises UserError if the model has none, and Refused if they are not there now."""
        sources = {one.digest: one.source for one in _serving(models)}
        try:
            asked = json.dumps({"models": sources, "digest": model.digest, "rows": rows})
            found = json.loads(self._child.ask(asked.encode()))
        except Ended as error:
            self._known = set()
            say("explanations ended", error=str(error))
            raise _again("The process that explains has ended. Send the request again.") from None
        if FAILED in found:
            raise UserError(found[FAILED])
        if FOUND not in found:  # an alias names another version, which will serve soon
            raise _again("The model is being replaced. Send the request again.")
        self._known = (self._known & {*sources}) | {model.digest}
        return found[FOUND]


def _again(detail: str) -> Refused:
    return Refused(503, "explain", detail, ((b"retry-after", RETRY),))


def _serving(models: Models) -> list[Model]:
    return [served.model for served in (models.champion, models.challenger) if served]

"""The application: routes around a Service."""

import asyncio
import gc
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from ml.tasks.answers import answers_of
from serving import problems, request_model
from serving.bodies import Bodies, measured
from serving.events import Refused
from serving.explanations import explained
from serving.exposition import Metrics
from serving.fast import Application, FastRoute
from serving.guard import Guard
from serving.lineup import Models
from serving.log_writer import PredictionLog
from serving.mlflow_routes import add_mlflow
from serving.operations import add_docs, add_operations
from serving.parsing import Parser
from serving.recorder import Recorder
from serving.request_model import MOST_LABELS, Body
from serving.schemas import REFUSALS, Accepted, answer
from serving.server_settings import Settings
from serving.service import Service
from serving.swap import Swapper

TURN = 50  # labels that are written in one iteration of the event loop


def create_app(models: Models, log: PredictionLog | None, settings: Settings) -> FastAPI:
    """The application for these models and, if there is one, this log."""
    data = models.champion.model.contract.data
    metrics = Metrics()
    service = Service(models, log, Recorder(data, settings), settings, metrics)
    body = request_model.body(data, settings.max_rows, settings.unknown_columns)
    project = models.champion.model.contract.project
    app = Application(
        title=f"{project} predictions", docs_url=None, redoc_url=None, lifespan=_lifespan(service),
        redirect_slashes=False,  # the Host of a request would become a link
    )  # fmt: skip
    app.state.service = service
    app.add_middleware(_Explain, data=data)
    app.add_middleware(Guard(settings, metrics).around)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key", "x-request-id"],
            expose_headers=["x-request-id", "retry-after"],
        )  # fmt: skip
    app.bodies = Bodies(int(settings.max_body_mb * 1_000_000))
    parser = Parser(body, settings.max_rows, settings.unknown_columns)
    _add_predictions(app, service, body, parser)
    _add_feedback(app, service)
    add_operations(app, service)
    add_mlflow(app, service, parser)
    add_docs(app)
    for route in app.routes:
        if isinstance(route, APIRoute) and route.description:
            route.summary = route.description.split(". ")[0].splitlines()[0].rstrip(".")
    return app


class _Explain:
    """Converts violations of the contract into refusals with row, column, value and allowed values."""

    def __init__(self, app: Any, data: Any) -> None:
        self._app, self._data = app, data

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._app(scope, receive, send)
        except ValidationError as error:
            raise Refused(422, "contract", problems.problems(error, self._data)) from None


def _lifespan(service: Service) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        loop, swapper = asyncio.get_running_loop(), Swapper(service)
        swapper.start()
        with suppress(AttributeError, NotImplementedError, ValueError, RuntimeError):  # Windows, or not the main thread
            loop.add_signal_handler(signal.SIGHUP, swapper.hang_up)
        gc.collect()
        gc.freeze()  # objects from the start are never garbage
        yield
        swapper.stop()
        await service.drain()
        if service.log:
            service.log.close()

    return lifespan


# The contract, which is read at start, determines the types of the signatures, and FastAPI documents them.


def _add_predictions(app: Application, service: Service, body: Body, parser: Parser) -> None:
    shape = answers_of(service.models.champion.model.contract).shape

    async def predict(
        request: Request,
        body: body.predict,
        explain: bool = False,  # noqa: ARG001
    ) -> answer(shape):  # ty: ignore[invalid-type-form]
        """Predict 1 to 1,000 rows. The response is sent after the prediction log holds it.

        With explain=true each prediction contains the contribution of each column.
        """
        asked, query = request.scope["asked"], request.scope["query_string"]
        answers = service.explain if query and explained(query) else service.predict
        return {"request_id": asked.request_id, "predictions": await answers(body["rows"], asked)}

    _add(app, "/predict", predict, parser.predict)


def _add_feedback(app: Application, service: Service) -> None:
    labels = request_model.feedback(service.models.champion.model.contract)

    async def feedback(request: Request, body: labels) -> Accepted:  # ty: ignore[invalid-type-form]
        """Send late labels by the id of the predicted row. The later of two labels of an id counts."""
        asked = request.scope["asked"]
        for place, label in enumerate(body["labels"]):
            if place % TURN == TURN - 1:
                await asyncio.sleep(0)  # other requests run in between
            service.write(service.recorder.feedback(asked, label["id"], label["label"]))
            service.metrics.feedback.inc()
        return Accepted(accepted=len(body["labels"]), request_id=asked.request_id)

    adapter = TypeAdapter(labels)

    def parse_labels(content: bytes) -> Any:
        measured(content, 3 * MOST_LABELS + 3, f"{MOST_LABELS:,} labels")
        return adapter.validate_json(content)

    _add(app, "/feedback", feedback, parse_labels)


def _add(app: Application, path: str, endpoint: Callable[..., Any], parse: Any) -> None:
    app.router.add_api_route(
        path, endpoint, methods=["POST"], responses=REFUSALS, route_class_override=FastRoute, tags=["predictions"]
    )
    route = app.router.routes[-1]
    if isinstance(route, FastRoute):
        route.parse = parse

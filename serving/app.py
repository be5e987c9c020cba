"""The application: routes around a Service."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import ConfigDict, Field, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from ml.errors import UserError
from serving import contract, invocations
from serving.contract import Body, Id, Problem
from serving.fast import Application, FastRoute, read
from serving.guard import Guard, Refused
from serving.lineup import Models
from serving.log import LogUnavailable, PredictionLog
from serving.metrics import Metrics
from serving.models import Model
from serving.records import Recorder
from serving.service import Service
from serving.settings import Settings
from serving.swap import Swapper


class Prediction(TypedDict):
    """The answer to one row."""

    id: str | int
    score: float
    label: bool
    model: str


class Answer(TypedDict):
    """The answer to a request, in the order of its rows."""

    request_id: str
    predictions: list[Prediction]


class Label(TypedDict):
    """The label that turned out to be right."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    id: Id
    label: bool | Id


class Feedback(TypedDict):
    """Late labels; sent again they change nothing, and of two labels of one id the later counts."""

    __pydantic_config__ = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"labels": [{"id": "example-1", "label": True}]}]}
    )
    labels: Annotated[list[Label], Field(min_length=1, max_length=1000)]


class Accepted(TypedDict):
    """How many labels were written down."""

    accepted: int
    request_id: str


class Refusal(TypedDict):
    """Why a request was refused."""

    detail: str | list[Problem]
    request_id: str


REFUSALS = {
    status: {"model": Refusal, "description": text}
    for status, text in {
        400: "Not of the expected shape", 401: "No valid key", 413: "Too large", 415: "Wrong content type",
        422: "Breaks the contract", 429: "Too many requests", 503: "The prediction log cannot be written",
    }.items()
}  # fmt: skip


def create_app(models: Models, log: PredictionLog | None, settings: Settings) -> FastAPI:
    """The application that serves these models and writes to this log; without one it remembers nothing."""
    data = models.champion.model.contract.data
    metrics = Metrics()
    service = Service(models, log, Recorder(data, settings), settings, metrics)
    body = contract.body(data, settings.max_rows, settings.unknown_columns)
    project = models.champion.model.contract.project
    app = Application(title=f"{project} predictions", docs_url=None, redoc_url=None, lifespan=_lifespan(service))
    app.state.service = service
    app.add_middleware(_Explain, data=data)
    app.add_middleware(Guard(settings, metrics).around)
    _add_predictions(app, service, body)
    _add_operations(app, service)
    _add_mlflow(app, service, body)
    _add_docs(app)
    return app


class _Explain:
    """Turns mistakes of the contract into refusals that name row, column, value and what is allowed."""

    def __init__(self, app: Any, data: Any) -> None:
        self._app, self._data = app, data

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._app(scope, receive, send)
        except ValidationError as error:
            raise Refused(422, "contract", contract.problems(error, self._data)) from None


def _lifespan(service: Service) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loop, swapper = asyncio.get_running_loop(), Swapper(service)
        swapper.start()
        with suppress(AttributeError, NotImplementedError, ValueError, RuntimeError):  # Windows, or not the main thread
            loop.add_signal_handler(signal.SIGHUP, swapper.hang_up)
        gc.collect()
        gc.freeze()  # what start-up made is never garbage
        yield
        swapper.stop()
        await service.drain()
        if service.log:
            service.log.close()

    return lifespan


def _add_predictions(app: FastAPI, service: Service, body: Body) -> None:
    async def predict(request: Request, body: body.predict) -> Answer:
        """Score 1 to 1,000 rows. The answer comes once the prediction log holds it."""
        request_id = request.scope["request_id"]
        return Answer(request_id=request_id, predictions=await service.predict(body["rows"], request_id))

    async def feedback(request: Request, body: Feedback) -> Accepted:
        """Late labels, by the id of the row that was predicted."""
        for label in body["labels"]:
            service.write(service.recorder.feedback(label["id"], label["label"]))
            service.metrics.feedback.inc()
        return Accepted(accepted=len(body["labels"]), request_id=request.scope["request_id"])

    for path, endpoint in {"/predict": predict, "/feedback": feedback}.items():
        app.router.add_api_route(
            path, endpoint, methods=["POST"], responses=REFUSALS, route_class_override=FastRoute, tags=["predictions"]
        )


def _add_operations(app: FastAPI, service: Service) -> None:
    @app.get("/health/live", tags=["operations"])
    async def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["operations"], responses={503: REFUSALS[503]})
    async def ready() -> dict[str, str]:
        """The model is loaded and the prediction log can be written."""
        try:
            if service.log:
                service.log.check()
        except LogUnavailable as error:
            if service.settings.prediction_log.unavailable == "refuse":
                raise Refused(503, "log", str(error)) from None
        return {"status": "ready", "model": service.models.champion.model.name}

    @app.get("/model", tags=["operations"], responses={k: REFUSALS[k] for k in (401, 429)})
    async def model() -> dict[str, Any]:
        """Which models serve, in which form, and where they come from."""
        known = {"champion": service.models.champion, "challenger": service.models.challenger}
        return {name: served and {"variant": served.variant, **_shown(served.model)} for name, served in known.items()}

    @app.get("/metrics", tags=["operations"], response_class=Response)
    async def metrics() -> Response:
        """For Prometheus."""
        if service.log:
            service.metrics.backlog.set(service.log.backlog())
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _shown(model: Model) -> dict[str, Any]:
    return {
        "model": model.name, "digest": model.digest, "form": model.predictor.kind, "note": model.note,
        "threshold": model.contract.threshold, "contract": model.contract.data.model_dump(), "lineage": model.lineage,
    }  # fmt: skip


def _add_mlflow(app: FastAPI, service: Service, body: Body) -> None:
    async def ping() -> Response:
        return Response(b"\n", media_type="application/json")

    async def version() -> Response:
        return Response("3.0.0", media_type="text/plain")

    async def invoke(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        rows = body.rows.validate_python(invocations.rows_of(await read(request.receive), kind, body.data))
        answers = await service.predict(rows, request.scope["request_id"])
        found = [[1 - a["score"], a["score"]] for a in answers]  # as predict_proba, which our registry's models answer
        return Response(to_json({"predictions": found}), media_type="application/json")

    app.add_api_route("/ping", ping, methods=["GET"], include_in_schema=False)
    app.add_api_route("/version", version, methods=["GET"], include_in_schema=False)
    app.add_api_route("/invocations", invoke, methods=["POST"], include_in_schema=False)


def _add_docs(app: FastAPI) -> None:
    """Swagger UI from our own address: the pages work without the internet."""
    package = find_spec("fastapi_offline")
    if package is None:
        raise UserError(
            "the package fastapi-offline, which brings the pages of /docs, is missing. Install the extra `serving`."
        )
    assets = Path(package.origin).parent / "static"
    app.mount("/assets", StaticFiles(directory=assets))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json", title=app.title, swagger_js_url="assets/swagger-ui-bundle.js",
            swagger_css_url="assets/swagger-ui.css", swagger_favicon_url="assets/favicon.png",
        )  # fmt: skip

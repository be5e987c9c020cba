"""Routes for operators: health, metrics, the served model, and the documentation pages."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from ml.io.errors import UserError
from ml.model.parts import CHALLENGER, CHAMPION
from serving.events import Refused, say
from serving.loaded_model import Model
from serving.log_writer import LogUnavailable
from serving.schemas import REFUSALS
from serving.service import Service


def add_operations(app: FastAPI, service: Service) -> None:
    """Add the routes, except for the documentation."""

    @app.get("/", tags=["operations"])
    async def start() -> dict[str, str]:
        """The addresses of the other endpoints."""
        return {"service": app.title, "docs": "/docs", "openapi": "/openapi.json", "ready": "/health/ready"}

    @app.get("/health/live", tags=["operations"])
    async def live() -> dict[str, str]:
        """The process responds."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["operations"], responses={503: REFUSALS[503]})
    async def ready() -> dict[str, str]:
        """The model is loaded and the next prediction can be written to the log."""
        try:
            if service.log:
                service.log.check()
        except LogUnavailable as error:
            if service.settings.prediction_log.unavailable == "refuse":
                say("not ready", error=str(error))  # it contains the path, which a response without a key must not show
                reason = os.strerror(error.errno) if error.errno else "no reason is known"
                raise Refused(503, "log", f"The prediction log cannot be written: {reason}.") from None
        return {"status": "ready"}

    @app.get("/model", tags=["operations"], responses={k: REFUSALS[k] for k in (401, 429)})
    async def model() -> dict[str, Any]:
        """The served models with their form and lineage."""
        known = {CHAMPION: service.models.champion, CHALLENGER: service.models.challenger}
        return {name: served and {"variant": served.variant, **_shown(served.model)} for name, served in known.items()}

    @app.get("/metrics", tags=["operations"], response_class=Response)
    async def metrics() -> Response:
        """Metrics in the Prometheus format."""
        if service.log:
            service.metrics.backlog.set(service.log.backlog())
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _shown(model: Model) -> dict[str, Any]:
    return {
        "model": model.name, "digest": model.digest, "form": model.predictor.kind, "note": model.note,
        **model.contract.plain(), "lineage": model.lineage,
    }  # fmt: skip


def add_docs(app: FastAPI) -> None:
    """Swagger UI from the server itself, so the pages work without the internet."""
    package = find_spec("fastapi_offline")
    if package is None or package.origin is None:
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

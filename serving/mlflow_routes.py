"""Routes of MLflow's scoring protocol; `serving.invocations` parses its formats."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic_core import to_json

from ml.tasks.answers import answers_of
from serving.bodies import read
from serving.fast import Application
from serving.invocations import SHAPES
from serving.parsing import Parser
from serving.schemas import REFUSALS
from serving.service import Service


def add_mlflow(app: Application, service: Service, parser: Parser) -> None:
    """Add the routes."""

    async def ping() -> Response:
        """The process responds (MLflow's clients call this endpoint)."""
        return Response(b"\n", media_type="application/json")

    async def version() -> Response:
        """The version of MLflow's scoring protocol."""
        return Response("3.0.0", media_type="text/plain")

    async def invoke(request: Request) -> Response:
        """Score rows in MLflow's formats: dataframe_records, dataframe_split, instances, inputs, or CSV."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = request.headers.get("content-encoding", "").encode("latin-1")

        async def scored(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return await service.predict(rows, request.scope["asked"])

        content = await read(request.receive)
        answers = await app.bodies.answer(content, encoding, parser.invocation(kind), scored)
        found = answers_of(service.models.champion.model.contract).as_mlflow(answers)
        return Response(to_json({"predictions": found}), media_type="application/json")

    mlflow = APIRouter(tags=["mlflow"], default_response_class=Response)
    mlflow.add_api_route("/ping", ping, methods=["GET"], summary="The process responds")
    mlflow.add_api_route("/version", version, methods=["GET"], summary="The version of MLflow's scoring protocol")
    mlflow.add_api_route(
        "/invocations",
        invoke,
        methods=["POST"],
        summary="Score rows in MLflow's formats",
        responses=REFUSALS,
        openapi_extra=_shapes(parser.example, parser.max_rows),
    )
    app.include_router(mlflow)


def _shapes(row: dict[str, Any], most: int) -> dict[str, Any]:
    """The request format of /invocations for OpenAPI: a schema of one format, and a description of the others."""
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}, "minItems": 1, "maxItems": most}
    schema = {
        "type": "object", "properties": {"dataframe_records": rows}, "required": ["dataframe_records"],
        "description": f"Exactly one of {SHAPES}; or CSV with a header, as text/csv.", "additionalProperties": False,
    }  # fmt: skip
    content = {"application/json": {"schema": schema, "example": {"dataframe_records": [row]}}}
    return {"requestBody": {"required": True, "content": content}}

"""A client of the API: one connection, JSON requests and responses."""

import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any, Self
from urllib.request import urlopen

from ml.io.errors import UserError
from ml.io.text import counted

PATIENCE = 60  # seconds
AT_ONCE = 1000  # rows in a request, the server's own limit
Rows = list[dict[str, Any]]


class Client:
    """Send requests to the server at host:port; raises UserError if it does not respond."""

    def __init__(self, address: str, key: str = "", patience: float = PATIENCE) -> None:
        self.address = address
        self._connection = HTTPConnection(address, timeout=patience)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, payload: Any = None) -> tuple[int, Any]:
        """The status and content of a response."""
        try:
            body = None if payload is None else json.dumps(payload)
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()  # the next request opens it again
            raise UserError(
                f"the server at {self.address} does not respond to {method} {path}: {error!r}. Check that it runs."
            ) from None

    def predict(self, rows: Rows) -> list[dict[str, Any]]:
        """The predictions of rows, in their order; raises UserError if the server refuses a row."""
        found = []
        for start in range(0, len(rows), AT_ONCE):
            status, answer = self.ask("POST", "/predict", {"rows": rows[start : start + AT_ONCE]})
            if status != HTTPStatus.OK:
                what = f"the server answers {status} to rows that the contract allows: {_detail(answer)}"
                raise UserError(f"{what}. Serve a model with this contract.")
            found += answer["predictions"]
        return found

    def outputs(self, rows: Rows) -> list[Any]:
        """The model's output for each row: a score, a list of scores, or a value."""
        return [output(prediction) for prediction in self.predict(rows)]

    def ready(self, seconds: float, alive: Callable[[], bool] = lambda: True) -> float:
        """The time until the server was ready; raises UserError with its last output if it stops or is late."""
        started, last = time.monotonic(), "no answer"
        while time.monotonic() - started < seconds:
            try:
                status, answer = self.ask("GET", "/health/ready")
            except UserError as error:
                last = str(error)
            else:
                if status == HTTPStatus.OK:
                    return time.monotonic() - started
                last = f"{status}: {_detail(answer)}"
            if not alive():
                raise UserError("it stopped before it was ready")
            time.sleep(0.05)
        raise UserError(f"not ready after {seconds:g} s: {last}")


def output(prediction: Mapping[str, Any]) -> Any:
    """The model's output in a response: the scores of all classes, the value, or the score."""
    if "scores" in prediction:
        return [*prediction["scores"].values()]
    return prediction["value"] if "value" in prediction else prediction["score"]


def metrics(address: str, patience: float = 2) -> str:
    """The metrics that Prometheus reads at host:port; raises UserError if there is no response."""
    try:
        with urlopen(f"http://{address}/metrics", timeout=patience) as response:
            return response.read().decode()
    except (OSError, HTTPException) as error:
        raise UserError(
            f"the server at {address} does not respond to GET /metrics: {error}. Check that it runs."
        ) from None


def _detail(answer: Any) -> str:
    detail = answer.get("detail") if isinstance(answer, dict) else answer
    if isinstance(detail, list) and detail:
        first = detail[0]
        return (
            f"row {first['row']}, {first['column']}: {first['msg']}, not {first['value']!r} "
            f"({counted(len(detail), 'mistake')})"
        )
    return str(detail)[:200]

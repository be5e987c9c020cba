"""The process that explains predictions: `python -m serving.explainer`, a child of the server.

While a process imports pandas, scikit-learn and SHAP, its other threads wait: the server would answer nothing.
"""

import json
from collections.abc import Callable
from typing import Any

from ml.io.child import answer_all
from ml.io.errors import UserError
from ml.model import identity, model_contract
from ml.registry import sources as registry
from serving.request_model import example

FOUND, FAILED, MOVED = "found", "failed", "moved"
Explain = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def answering() -> Callable[[bytes], bytes]:
    """A function from a question to its answer, both as JSON.

    A question has the sources of the served `models` by digest, the `digest` of one, and `rows` to explain with it.
    Explainers of other models are released.
    """
    known: dict[str, Explain] = {}

    def answer(message: bytes) -> bytes:
        nonlocal known
        asked = json.loads(message)
        known = {digest: explain for digest, explain in known.items() if digest in asked["models"]}
        digest = asked["digest"]
        try:
            if digest not in known:
                explain = _explain(asked["models"][digest], digest)
                if explain is None:
                    return json.dumps({MOVED: True}).encode()
                known[digest] = explain
            return json.dumps({FOUND: known[digest](asked["rows"]) if asked["rows"] else []}).encode()
        except UserError as error:
            return json.dumps({FAILED: str(error)}).encode()

    return answer


def _explain(source: str, digest: str) -> Explain | None:
    """The explainer of a model; None if its source now names another one; raises UserError if there is none."""
    try:
        from ml.model.explanation import of_rows  # noqa: PLC0415 - absent in an image

        files = registry.files(source)[0]
        if identity.digest(files) != digest:  # the alias names another version, which will serve soon
            return None
        data = model_contract.read_contract(files).data
        explain, row = of_rows(files, data), example(data)
        explain([{name: row[name] for name in data.columns}])  # the first one takes longest
        return explain
    except ImportError as error:
        raise UserError(
            f"{error.name} is missing. Run `make setup` before `make serve`, or install "
            "src/locks/pipeline.txt and src/locks/explain.txt; `make score EXPLAIN=1` explains a table."
        ) from None


if __name__ == "__main__":
    answer_all(answering())

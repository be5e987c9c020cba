"""The lock files whose packages an image contains."""

import json
from pathlib import Path

SERVING = Path("src/locks/serving.txt")
UNCOMPILED = Path("src/locks/uncompiled.txt")  # scikit-learn, pandas and skops


def locks_of(form: bytes) -> list[Path]:
    """The lock files for a model by its compiled.json: scikit-learn is needed if there is no compiled form."""
    return [SERVING, UNCOMPILED] if json.loads(form)["estimator"]["kind"] == "sklearn" else [SERVING]

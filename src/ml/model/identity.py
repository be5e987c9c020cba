"""The name of a model: what makes two models one.

Not the estimator alone: the same trees with another threshold decide otherwise, and with another contract they refuse
other rows.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ml.io import files

PARTS = ("model.skops", "contract.json")


def digest(built: Mapping[str, bytes]) -> str:
    """The name of the model in these files by name; `cat model.skops contract.json | sha256sum` says the same."""
    return hashlib.sha256(b"".join(built[name] for name in PARTS)).hexdigest()


def of(folder: Path) -> str:
    """The name of the model in a folder."""
    return digest(read(folder))


def read(folder: Path) -> dict[str, bytes]:
    """The files that make up the name of the model in a folder; raises UserError when one is missing."""
    return {name: files.read_bytes(folder / name) for name in PARTS}


def named(built: Mapping[str, bytes], name: str) -> bool:
    """Whether a model has this name; versions from before the contract counted are named by model.skops alone."""
    return name in {digest(built), hashlib.sha256(built[PARTS[0]]).hexdigest()}

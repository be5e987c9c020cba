"""The digest that names a model.

It covers the estimator and the contract, because another threshold gives other decisions, and another contract refuses
other rows.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ml.io import files

PARTS = ("model.skops", "contract.json")


def digest(built: Mapping[str, bytes]) -> str:
    """The digest of the model in these files by name: that of `cat model.skops contract.json | sha256sum`."""
    return hashlib.sha256(b"".join(built[name] for name in PARTS)).hexdigest()


def of(folder: Path) -> str:
    """The digest of the model in a folder."""
    return digest(read(folder))


def read(folder: Path) -> dict[str, bytes]:
    """The files that determine the digest of the model in a folder; raises UserError when one is missing."""
    return {name: files.read_bytes(folder / name) for name in PARTS}


def named(built: Mapping[str, bytes], name: str) -> bool:
    """Whether a model has this digest; the digests of old versions cover model.skops only."""
    return name in {digest(built), hashlib.sha256(built[PARTS[0]]).hexdigest()}

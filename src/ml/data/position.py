"""The position of rows, computed from their ids."""

from hashlib import blake2b

import numpy as np
import pandas as pd

from ml.data.words import key


def position(ids: pd.Series, salt: str = "") -> np.ndarray:
    """A permanent, uniform position in [0, 1) for each id: blake2b of `salt` and its `key`; shape (rows,)."""
    digests = b"".join(blake2b(f"{salt}{key(value)}".encode(), digest_size=8).digest() for value in ids)
    return np.frombuffer(digests, dtype=">u8").astype("float64") / 2**64

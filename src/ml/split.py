"""Which rows train and which test."""

from hashlib import blake2b

import numpy as np
import pandas as pd

from ml.data_params import Data, Prepare


def is_test(frame: pd.DataFrame, data: Data, params: Prepare) -> np.ndarray:
    """True for rows of the test side; shape (rows,).

    By hash: a row's side depends on its id alone, so it never changes as the table grows, and every version of the
    model is tested on rows that no version has trained on. By time: the newest rows test.
    """
    if params.split_by == "time":
        return (frame[data.time] > frame[data.time].quantile(1 - params.test_share)).to_numpy()
    return position(frame[data.id]) < params.test_share


def position(ids: pd.Series) -> np.ndarray:
    """Where each id falls in [0, 1), evenly and for ever: blake2b of its text; shape (rows,)."""
    digests = b"".join(blake2b(str(value).encode(), digest_size=8).digest() for value in ids)
    return np.frombuffer(digests, dtype=">u8").astype("float64") / 2**64

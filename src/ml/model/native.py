"""Models of LightGBM, XGBoost and CatBoost, read by their library; run as a child process for files of others.

These libraries do not check the trees that they read: a damaged file can end the process, or never return. `apart` runs
them in a process of its own with limits for time and memory.
"""

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ml.io import files
from ml.io.child import Child, Ended, answer_all
from ml.io.errors import UserError
from ml.io.text import counted

ROWS, VALUES = 1_000, 1_000_000  # in one message: at most so many rows, and values
SECONDS = 120  # of CPU time for one message
ROOM, GROWTH = 2 * 2**30, 64  # bytes of memory beside the library: so many, and this multiple of the model's text
HIDDEN = {"lightgbm": ("sklearn", "pandas"), "xgboost": ("sklearn",)}  # without these they start five times faster
SCORES, ADDED, DONE, FAILED = b"s", b"a", b"+", b"-"
Answer = Callable[[np.ndarray], Any]
Read = tuple[Answer, Answer]  # predictions, and contributions of each input and of the base


def _lightgbm(text: str) -> Read:
    import lightgbm  # noqa: PLC0415

    found = lightgbm.Booster(model_str=text)
    return lambda x: found.predict(x, num_threads=1), lambda x: found.predict(x, pred_contrib=True, num_threads=1)


def _xgboost(text: str) -> Read:
    import xgboost  # noqa: PLC0415

    found = xgboost.Booster()
    found.load_model(bytearray(text.encode()))
    found.set_param({"nthread": 1})
    return found.inplace_predict, lambda x: found.predict(xgboost.DMatrix(x), pred_contribs=True)


def _catboost(text: str) -> Read:
    import catboost  # noqa: PLC0415

    found = catboost.CatBoost()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        files.write_text(text, path)
        found.load_model(str(path), format="json")

    def values(x: np.ndarray) -> Any:
        return found.predict(x, thread_count=1)

    def probabilities(x: np.ndarray) -> Any:
        answered = found.predict(x, prediction_type="Probability", thread_count=1)
        return answered[:, 1] if answered.shape[1] == 2 else answered  # noqa: PLR2004

    def added(x: np.ndarray) -> Any:
        return found.get_feature_importance(catboost.Pool(x), type="ShapValues", thread_count=1)

    return probabilities if "class_params" in json.loads(text)["model_info"] else values, added


READ = {"lightgbm": _lightgbm, "xgboost": _xgboost, "catboost": _catboost}


class Native:
    """A model in its library's text; raises UserError if the library cannot use it."""

    def __init__(self, library: str, ask: Callable[[bytes], bytes]) -> None:
        self._library, self._ask = library, ask

    def scores(self, x: np.ndarray) -> np.ndarray:
        """The library's own prediction; shape (rows,), or (rows, classes) for several classes; float64."""
        return self._asked(SCORES, x)

    def contributions(self, x: np.ndarray) -> np.ndarray:
        """The contribution of each input to the sum of the trees; shape (rows, outputs, inputs and base)."""
        found, size = self._asked(ADDED, x), len(x) * (x.shape[1] + 1)
        if found.size == 0 or found.size % size:
            raise _damaged(f"{self._library} returns contributions of shape {found.shape} to rows of {x.shape}")
        return found.reshape(len(x), -1, x.shape[1] + 1)

    def _asked(self, what: bytes, x: np.ndarray) -> np.ndarray:
        x = np.ascontiguousarray(x, dtype="float64")
        size = max(1, min(ROWS, VALUES // max(1, x.shape[1])))
        return np.concatenate([self._part(what, x[start : start + size]) for start in range(0, max(1, len(x)), size)])

    def _part(self, what: bytes, x: np.ndarray) -> np.ndarray:
        try:
            answer = self._ask(what + _packed(x))
        except Ended as error:
            late = "SIGXCPU" in str(error)
            why = f"did not answer within {SECONDS} s of CPU time" if late else str(error)
            raise _damaged(f"{self._library} {why}") from None
        if answer[:1] == FAILED:
            raise _damaged(f"{self._library} says: {answer[1:].decode()}")
        found = _unpacked(answer[1:])
        if found.ndim < 1 or len(found) != len(x):
            raise _damaged(f"{self._library} returns predictions of shape {found.shape} to {counted(len(x), 'row')}")
        return found


def apart(library: str, text: str) -> Native:
    """A model that anybody may have written, in a child process."""
    if find_spec(library) is None:
        raise UserError(f"the model needs {library}: `pip install --require-hashes -r src/locks/{library}.txt`")
    return Native(library, Child("ml.model.native", library, str(SECONDS), first=text.encode()).ask)


def here(library: str, text: str) -> Native:
    """A model that this process has fitted."""
    answer = _answering(library)
    answer(text.encode())
    return Native(library, answer)


def _damaged(why: str) -> UserError:
    return UserError(f"the trees of the model cannot be used: {why}. The file is damaged: train again, or restore it.")


def _packed(x: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, x, allow_pickle=False)
    return out.getvalue()


def _unpacked(content: bytes) -> np.ndarray:
    return np.load(io.BytesIO(content), allow_pickle=False)


def _answering(library: str) -> Callable[[bytes], bytes]:
    """A function from a message to its answer; the first message is the text of the model."""
    known: list[Read | bytes] = []

    def answer(message: bytes) -> bytes:
        if not known:
            known.append(_tried(lambda: READ[library](message.decode())))
            return DONE
        if isinstance(known[0], bytes):
            return known[0]
        act, x = known[0][message[:1] == ADDED], _unpacked(message[1:])
        return _tried(lambda: DONE + _packed(np.asarray(act(x), dtype="float64")))

    return answer


def _limited(answer: Callable[[bytes], bytes], seconds: int) -> Callable[[bytes], bytes]:
    """The same within limits of memory, from the first message on, and of time for each message."""
    import resource  # noqa: PLC0415

    def limit(kind: int, most: int) -> None:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))

    def within(message: bytes) -> bytes:
        nonlocal pages
        if pages:
            limit(resource.RLIMIT_AS, pages * resource.getpagesize() + ROOM + GROWTH * len(message))
            pages = 0
        limit(resource.RLIMIT_CPU, int(time.process_time()) + seconds)
        return answer(message)

    limit(resource.RLIMIT_CORE, 0)
    size = Path("/proc/self/statm")  # only Linux has it, and only Linux keeps the limit of memory
    pages = int(size.read_text(encoding="ascii").split()[0]) if size.exists() else 0
    return within


def _main(library: str, seconds: str) -> None:
    absent: Any = None  # importing a module that is None fails
    sys.modules.update(dict.fromkeys(HIDDEN.get(library, ()), absent))
    import_module(library)  # before its memory is measured
    answer = _answering(library)
    answer_all(answer if sys.platform == "win32" else _limited(answer, int(seconds)))


def _tried(act: Callable[[], Any]) -> Any:
    """The result, or an answer that says what failed."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - a damaged text makes a library raise anything
        why = " ".join(str(error).split())[:200] or type(error).__name__
        return FAILED + why.encode(errors="backslashreplace")


if __name__ == "__main__":
    _main(*sys.argv[1:])

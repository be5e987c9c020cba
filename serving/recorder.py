"""Lines of the prediction log, without the columns that must not be stored."""

import hmac
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

from ml.io.errors import UserError
from ml.prediction_log.records import FEATURES, PREFIX, in_table
from ml.settings.data import Data
from serving.server_settings import Settings, secret_lines


class Asked(NamedTuple):
    """The request in log lines: its id, and its time if it is simulated."""

    request_id: str
    simulated: str = ""


class Recorder:
    """Builds lines; leaves out or hashes the columns that settings name."""

    def __init__(self, data: Data, settings: Settings) -> None:
        plain = {name: name for name in data.columns if not name.startswith(PREFIX)}
        known = plain | {in_table(name): name for name in data.columns} | {"id": "id"}
        wrong = sorted({*settings.log_omit, *settings.log_hash} - {*known})
        if wrong:
            raise UserError(
                f"SERVING_LOG_OMIT or SERVING_LOG_HASH names {', '.join(wrong)}, which the log "
                f"does not contain. It contains {', '.join(sorted({'id', *data.columns}))}."
            )
        if "id" in settings.log_omit:
            raise UserError("SERVING_LOG_OMIT contains id, but labels are joined by id. Use SERVING_LOG_HASH instead.")
        self._omit = {known[name] for name in settings.log_omit}
        self._hash = {known[name] for name in settings.log_hash if name != "id"}
        self._hash_id = "id" in settings.log_hash
        lines = secret_lines(settings.log_secret_file) if settings.log_secret_file else []
        if settings.log_hash and not lines:
            raise UserError(f"{settings.log_secret_file} is empty. Write a random line to it: openssl rand -hex 32")
        self._secret = lines[0].encode() if lines else b""
        self._plain = not self._omit and not settings.log_hash

    def prediction(self, asked: Asked, head: dict[str, Any], rows: Sequence[dict[str, Any]]) -> bytes:
        """One answered request; `head` holds model, variant and canary_share.

        Each row holds id, `features` and answer.
        """
        kept = rows if self._plain else [self._clean(row) for row in rows]
        return to_json({"kind": "prediction", **_stamp(asked), "request_id": asked.request_id, **head, "rows": kept})

    def feedback(self, asked: Asked, identity: str | int, label: Any) -> bytes:
        """One late label."""
        identity = self._hashed(identity) if self._hash_id else identity
        return to_json({"kind": "feedback", **_stamp(asked), "id": identity, "label": label})

    def _clean(self, row: dict[str, Any]) -> dict[str, Any]:
        features = {
            name: self._hashed(value) if name in self._hash and value is not None else value
            for name, value in row[FEATURES].items()
            if name not in self._omit
        }
        hashed = self._hash_id and row["id"] is not None
        return row | {"id": self._hashed(row["id"]) if hashed else row["id"], FEATURES: features}

    def _hashed(self, value: Any) -> str:
        return hmac.digest(self._secret, str(value).encode(), "sha256").hex()


class Clock:
    """The time of this worker's lines; always increasing, even if the system clock is set back."""

    def __init__(self) -> None:
        self._last = 0  # microseconds since 1970

    def __call__(self) -> str:
        """ISO 8601 in UTC to the microsecond; a third of the cost of datetime's own."""
        self._last = now = max(self._last + 1, time.time_ns() // 1000)
        return f"{_second(now // 1_000_000)}.{now % 1_000_000:06d}+00:00"


_now = Clock()


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _stamp(asked: Asked) -> dict[str, Any]:
    """The time, with a mark if it is simulated."""
    return {"time": asked.simulated, "simulated": True} if asked.simulated else {"time": _now()}

"""The metrics at /metrics; with several workers, their sum."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
SCORES = tuple(n / 10 for n in range(1, 11))
SHARED = "PROMETHEUS_MULTIPROC_DIR"
NEWEST: Literal["livemostrecent"] = "livemostrecent"  # the last value of a running worker


class Metrics:
    """The server's own registry, so that two applications in one process have separate metrics."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        answered = ["model", "variant"]
        self.requests = Counter("serving_requests", "Responses by path and status", ["path", "status"], registry=own)
        self.seconds = Histogram("serving_seconds", "Time to answer", ["path"], buckets=SECONDS, registry=own)
        self.rows = Counter("serving_rows", "Rows scored", answered, registry=own)
        self.squares = Counter("serving_rows_squared", "Rows of each request, squared", answered, registry=own)
        self.labels = Counter("serving_predictions", "Rows by label", [*answered, "label"], registry=own)
        self.scores = Histogram("serving_score", "Scores", answered, buckets=SCORES, registry=own)
        self.refused = Counter("serving_refused", "Requests refused, by reason", ["reason"], registry=own)
        self.feedback = Counter("serving_feedback", "Late labels accepted", registry=own)
        self.challenger_failures = Counter(
            "serving_challenger_failures", "Requests with an error of the challenger", registry=own
        )
        self.backlog = Gauge(
            "serving_log_backlog_bytes",
            "Log not yet shipped or compacted",
            registry=own,
            multiprocess_mode=NEWEST,
        )
        self.missing = Gauge(
            "serving_log_missing_lines", "Predictions missing in the log", registry=own, multiprocess_mode="sum"
        )
        self.info = Gauge(
            "serving_model_info",
            "1 for a serving model, 0 for a previous one",
            [*answered, "form"],
            registry=own,
            multiprocess_mode=NEWEST,
        )

        self.answered = lru_cache(self._answered)  # looking up a metric by its labels costs more than counting
        self.request = lru_cache(self._request)

    def _answered(self, model: str, variant: str) -> Callable[[Sequence[Mapping[str, Any]]], None]:
        """Counts the predictions of a request by label, and their scores, except for numbers."""
        rows, histogram = self.rows.labels(model, variant), self.scores.labels(model, variant)
        squares = self.squares.labels(model, variant)
        label = lru_cache(lambda name: self.labels.labels(model, variant, name))

        def count(found: Sequence[Mapping[str, Any]]) -> None:
            rows.inc(len(found))
            squares.inc(len(found) ** 2)
            times: dict[Any, int] = {}
            for one in found:
                said = one["label"]
                if said is not None:
                    times[said] = times.get(said, 0) + 1
                    histogram.observe(one["score"])
            for said, many in times.items():
                label("true" if said is True else "false" if said is False else said).inc(many)

        return count

    def _request(self, path: str, status: int) -> Callable[[float], None]:
        """Counts a request with its duration in seconds."""
        requests, histogram = self.requests.labels(path, status), self.seconds.labels(path)

        def count(seconds: float) -> None:
            requests.inc()
            histogram.observe(seconds)

        return count

    def text(self) -> bytes:
        """The exposition format."""
        if not os.environ.get(SHARED):
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)
        return generate_latest(together)

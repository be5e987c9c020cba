"""The judgement on a new image under traffic: its errors, latency and scores compared with the serving image.

Both are read from `/metrics`, so the responses to clients are judged, on this machine and in a cluster alike. Requests
count as independent of each other, rows of one request do not: a batch of equal rows is one observation.
"""

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ml.deployment.shares import more_often
from ml.io.errors import UserError
from ml.model.parts import SHADOW
from ml.settings.deploy import Deploy

SAMPLE = re.compile(r"^(serving_\w+)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
CHANCE = 0.05  # maximum probability that any check of a deployment rolls back an equally good image
LOOKS = 20  # at each step
PATHS = ("/predict", "/invocations")
Buckets = Mapping[float, float]


@dataclass(frozen=True)
class Window:
    """The figures of an image in a period: requests, failed or refused ones, and cumulative counts by upper limit."""

    requests: float = 0
    errors: float = 0
    seconds: Buckets = field(default_factory=dict)
    scores: Buckets = field(default_factory=dict)
    squares: float = 0  # sum of squared numbers of rows per request; 0 if an older image does not count them

    @property
    def batches(self) -> float:
        """The number of equal requests with as much information about scores as the observed ones (Kish's formula)."""
        rows, answered = self.scores.get(math.inf, 0), self.requests - self.errors
        return rows**2 / self.squares if self.squares else min(rows, answered)

    def __add__(self, other: "Window") -> "Window":
        return _joined(self, other, 1)

    def since(self, before: "Window") -> "Window":
        """The figures since `before`; raises UserError if counts decreased, because the process was replaced."""
        if self.requests < before.requests:
            raise UserError("it stopped and was restarted")
        return _joined(self, before, -1)


def parse(text: str) -> Window:
    """The figures of a server since its start, from its /metrics."""
    counts: defaultdict[str, float] = defaultdict(float)
    seconds: defaultdict[float, float] = defaultdict(float)
    scores: defaultdict[float, float] = defaultdict(float)
    for name, inner, value in SAMPLE.findall(text):
        labels = dict(LABEL.findall(inner))
        if name == "serving_requests_total" and labels["path"] in PATHS:
            counts["requests"] += float(value)
            counts["errors"] += float(value) * (labels["status"] >= "400")  # a refused request is not served either
        elif name == "serving_seconds_bucket" and labels["path"] in PATHS:
            seconds[float(labels["le"])] += float(value)
        elif name == "serving_score_bucket" and labels["variant"] != SHADOW:
            scores[float(labels["le"])] += float(value)
        elif name == "serving_rows_squared_total" and labels["variant"] != SHADOW:
            counts["squares"] += float(value)
    return Window(counts["requests"], counts["errors"], seconds, scores, counts["squares"])


def judge(champion: Window, canary: Window, rule: Deploy, life: Window | None = None, *, last: bool = False) -> str:
    """The reason to roll the canary back, with numbers; empty if there is none.

    Each of three tests gets an equal part of CHANCE: half of it at the last check, which sees all requests, and half
    shared by the earlier checks. `life` has the figures of the serving image since its start: errors are compared with
    it while the serving image gets too few requests during the canary.
    """
    chance = CHANCE / 2 / 3 / (1 if last else LOOKS * max(1, len(rule.steps)))
    known = champion if life is None or champion.requests >= rule.min_requests else life
    return (
        _errors(known, canary, rule, chance)
        or _latency(champion, canary, rule, chance)
        or _scores(champion, canary, rule, chance)
    )


def unjudged(champion: Window, canary: Window, rule: Deploy) -> str:
    """The judgements that too few requests prevent; empty if there are none."""
    few = f"too few to judge {{}} (deploy.min_requests: {rule.min_requests:,} of each)"
    if min(champion.requests, canary.requests) < rule.min_requests:
        return few.format("latency and scores")
    return few.format("scores") if min(champion.batches, canary.batches) < rule.min_requests else ""


def told(champion: Window, canary: Window, rule: Deploy) -> str:
    """The figures of an image that passes all judgements."""
    seen = f"{canary.requests:,.0f} requests, and {champion.requests:,.0f} of the serving image"
    if why := unjudged(champion, canary, rule):
        return f"UNJUDGED, {seen}: {why}"
    before, after = (1000 * quantile(window.seconds, 0.95) for window in (champion, canary))
    return f"{seen}, p95 {after:.1f} ms compared with {before:.1f} ms: within all limits"


def quantile(buckets: Buckets, share: float) -> float:
    """The value below which this share of observations lies, interpolated like in Prometheus; nan without any."""
    total = buckets.get(math.inf, 0)
    below, low = 0.0, 0.0
    for limit, count in sorted(buckets.items()):
        if total and count >= share * total:
            return low if math.isinf(limit) else low + (limit - low) * (share * total - below) / (count - below)
        below, low = count, limit
    return math.nan


def distance(one: Buckets, other: Buckets) -> float:
    """The largest gap between two cumulative distributions (Kolmogorov and Smirnov), 0 to 1."""
    n, m = one.get(math.inf, 0), other.get(math.inf, 0)
    return max((abs(one.get(le, 0) / n - other.get(le, 0) / m) for le in {*one, *other}), default=0) if n and m else 0


def above(buckets: Buckets, limit: float) -> float:
    """The number of observations above a limit, interpolated; none beyond the end of the last finite bucket."""
    total = buckets.get(math.inf, 0)
    ends = sorted(le for le in buckets if not math.isinf(le))
    if not ends or limit >= ends[-1]:
        return 0.0
    low = max((le for le in ends if le <= limit), default=0.0)
    high = min(le for le in ends if le > limit)
    below = buckets.get(low, 0.0)
    return total - below - (buckets[high] - below) * (limit - low) / (high - low)


def _errors(champion: Window, canary: Window, rule: Deploy, chance: float) -> str:
    usual = champion.errors / champion.requests if champion.requests else 0.0
    allowed = min(usual + rule.max_errors, 1.0)
    served = (champion.errors, champion.requests)
    if more_often((canary.errors, canary.requests), served, rule.max_errors) >= chance:
        return ""
    return (
        f"errors: {canary.errors:,.0f} of {canary.requests:,.0f} requests failed or were refused, more than "
        f"{allowed:.1%} (the serving image: {usual:.1%}; deploy.max_errors: {rule.max_errors:.1%} more)"
    )


def _latency(champion: Window, canary: Window, rule: Deploy, chance: float) -> str:
    """Whether the canary exceeds the allowed time more often than the serving image exceeds its own p95."""
    if min(champion.requests, canary.requests) < rule.min_requests:
        return ""
    usual, found = (1000 * quantile(window.seconds, 0.95) for window in (champion, canary))
    allowed = max(rule.max_latency * usual, rule.latency_floor_ms)
    if not found > allowed:  # nan, without timed requests, is no reason either
        return ""
    slow = (above(canary.seconds, allowed / 1000), canary.seconds[math.inf])
    timed = champion.seconds[math.inf]
    if more_often(slow, (0.05 * timed, timed), 0.0) >= chance:
        return ""
    return (
        f"latency: p95 {found:.1f} ms of {canary.requests:,.0f} requests, above {allowed:.1f} ms "
        f"(the serving image: {usual:.1f} ms; deploy.max_latency: {rule.max_latency:g} times that)"
    )


def _scores(champion: Window, canary: Window, rule: Deploy, chance: float) -> str:
    n, m = champion.batches, canary.batches
    if min(n, m) < rule.min_requests:
        return ""
    found = distance(champion.scores, canary.scores)
    noise = math.sqrt(-math.log(chance / 2) / 2 * (n + m) / (n * m))  # distance of two samples of one distribution
    if found - noise <= rule.max_score_shift:
        return ""
    return (
        f"scores: the distributions are {found:.2f} apart (±{noise:.2f}; {m:,.0f} batches compared with {n:,.0f}), "
        f"more than deploy.max_score_shift {rule.max_score_shift:g}"
    )


def _joined(one: Window, other: Window, sign: int) -> Window:
    def buckets(a: Buckets, b: Buckets) -> Buckets:
        return {limit: a.get(limit, 0) + sign * b.get(limit, 0) for limit in {*a, *b}}

    return Window(
        one.requests + sign * other.requests, one.errors + sign * other.errors,
        buckets(one.seconds, other.seconds), buckets(one.scores, other.scores), one.squares + sign * other.squares,
    )  # fmt: skip

"""A deployment on any target: in parallel to the serving image, in steps, with a rollback when a limit is exceeded."""

import time
from collections.abc import Callable
from typing import Protocol

from ml.deployment.canary import LOOKS, Window, judge, told, unjudged
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.deploy import Deploy

MISSES = 2  # consecutive failed readings after which the image is rolled back


class RolloutTarget(Protocol):
    """An environment that can run a second image in parallel to the serving one."""

    def image(self) -> str:
        """The image that serves; empty before the first deployment."""

    def recover(self) -> None:
        """Restore the serving image and stop everything else that an earlier deployment left."""

    def start(self, image: str, seconds: float) -> None:
        """Start the next image, without traffic if possible; raises UserError if it is not ready."""

    def weigh(self, share: float) -> None:
        """Give the next image this share of requests."""

    def read(self) -> tuple[Window | None, Window]:
        """The measurements of the serving image (None if it does not respond) and of the next one.

        Raises UserError if the next one does not respond or would get no requests.
        """

    def settle(self) -> None:
        """The next image serves alone."""

    def abandon(self) -> None:
        """Remove the next image; the serving image serves alone again."""

    def words(self) -> str:
        """The last output of the next image."""


def roll_out(target: RolloutTarget, image: str, rule: Deploy, say: Callable[[str], None]) -> str:
    """Deploy an image, and return how it was judged; on an error the earlier image serves: UserError."""
    try:
        first = not target.image()
        target.start(image, rule.ready_seconds)
        judged = (
            "the first image in this environment: no comparison is possible" if first else _steps(target, rule, say)
        )
    except UserError as error:
        said = target.words()
        target.abandon()
        raise UserError(f"{error}{f' It printed last: {said}' if said else ''}") from None
    except BaseException:
        target.abandon()
        raise
    try:
        target.settle()
    except UserError as error:
        if target.image() != image:
            raise
        return f"{judged}. But a service around the image has a problem: {error}"
    return judged


def _steps(target: RolloutTarget, rule: Deploy, say: Callable[[str], None]) -> str:
    if not rule.steps:
        return "at once: this image has served here before"
    watch = _Watch(target, rule)
    if watch.alone:
        return "the serving image does not respond: no comparison is possible"
    watch.look(end=time.monotonic() + rule.seconds / LOOKS)
    say(watch.forecast())
    for number, share in enumerate(rule.steps, 1):
        say(f"deploy: {share:.0%} of requests for {rule.seconds:g} s; {watch.canary.requests:,.0f} answered so far")
        target.weigh(share)
        watch.look(end=time.monotonic() + rule.seconds, last=number == len(rule.steps))
    why = unjudged(watch.champion, watch.canary, rule)
    if why and rule.unjudged == "refuse":
        raise UserError(f"{watch.canary.requests:,.0f} requests arrived, {why}, and deploy.unjudged is `refuse`.")
    return told(watch.champion, watch.canary, rule)


class _Watch:
    """The figures of both images since the next one was started."""

    def __init__(self, target: RolloutTarget, rule: Deploy) -> None:
        self._target, self._rule = target, rule
        self.champion = self.canary = Window()
        served, self._start = target.read()
        served = served or target.read()[0]
        self._began = time.monotonic()
        self.alone, self._served, self._last = served is None, served or Window(), self._start

    def forecast(self) -> str:
        """The duration of the steps, and the number of requests that they can judge at the current rate."""
        rule, seen = self._rule, self.champion.requests + self.canary.requests
        rate = seen / (time.monotonic() - self._began)
        long = f"deploy: {counted(len(rule.steps), 'step')} take {len(rule.steps) * rule.seconds / 60:.3g} minutes"
        shares = [sum(rule.steps), sum(1 - share for share in rule.steps)]
        expected = min(rate * share * rule.seconds for share in shares)
        if expected >= rule.min_requests:
            return f"{long}, with about {rate:,.1f} requests a second"
        then = "is rolled back at the end" if rule.unjudged == "refuse" else "serves after the last step"
        return (
            f"{long}. {seen:,.0f} requests came just now, so about {expected:,.0f} will reach one of the two images, "
            f"fewer than {rule.min_requests:,} (deploy.min_requests): latency and scores are not judged, and the "
            f"new image {then} (deploy.unjudged: {rule.unjudged}). Send traffic now, or set deploy.seconds higher"
        )

    def look(self, end: float, *, last: bool = False) -> None:
        """Check at least once, and repeatedly until `end`; raises UserError as soon as a limit is exceeded."""
        misses = 0
        while True:
            time.sleep(max(min(self._rule.seconds / LOOKS, end - time.monotonic()), 0.05))
            try:
                served, now = self._target.read()
            except UserError:
                misses += 1
                if misses >= MISSES:
                    raise
                continue
            misses = 0
            over = time.monotonic() >= end
            self._judge(served, now, last=last and over)
            if over:
                return

    def _judge(self, served: Window | None, now: Window, *, last: bool) -> None:
        now.since(self._last)  # counters restart at 0 after a restart between two checks
        self._last, self.canary = now, now.since(self._start)
        if served:
            same = served.requests >= self._served.requests  # otherwise pods came and went
            self.champion = served.since(self._served) if same else served
        if reason := judge(self.champion, self.canary, self._rule, served, last=last):
            raise UserError(reason)

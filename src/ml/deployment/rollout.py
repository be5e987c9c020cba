"""A deployment, whatever the target: beside what serves, a share at a time, and back when a bound breaks."""

import time
from collections.abc import Callable
from typing import Protocol

from ml.deployment.canary import Window, judge, told
from ml.io.errors import UserError
from ml.settings.live import Deploy

MISSES = 2  # readings in a row that may fail before the image goes back
LOOKS = 20  # at each step


class Target(Protocol):
    """An environment that can run a second image beside the one that serves."""

    def image(self) -> str:
        """The image that serves; empty before the first deployment."""

    def recover(self) -> None:
        """Bring back what serves and end everything else, whatever an earlier deployment left."""

    def start(self, image: str, seconds: float) -> None:
        """Start the next image beside it, without traffic where that can be; raises UserError when it is not ready."""

    def weigh(self, share: float) -> None:
        """Give the next image this share of requests."""

    def read(self) -> tuple[Window | None, Window]:
        """What the serving image did so far, None where it gives no answer, and what the next one did.

        Raises UserError when the next one gives no answer or would get no requests.
        """

    def settle(self) -> None:
        """The next image serves alone."""

    def abandon(self) -> None:
        """The serving image serves alone again; the next one is gone."""

    def words(self) -> str:
        """What the next image printed last."""


def roll_out(target: Target, image: str, rule: Deploy, say: Callable[[str], None]) -> str:
    """Deploy an image, and say how it was judged; on any trouble everything is as before, and UserError says why."""
    try:
        first = not target.image()
        target.start(image, rule.ready_seconds)
        judged = "the first image here: nothing to compare it with" if first else _steps(target, rule, say)
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
        return f"{judged}. But not all around it is as it should be: {error}"
    return judged


def _steps(target: Target, rule: Deploy, say: Callable[[str], None]) -> str:
    if not rule.steps:
        return "at once: it has served here before"
    watch = _Watch(target, rule)
    if watch.alone:
        return "what served gives no answer: nothing to compare it with"
    say(_beforehand(watch.served, rule))
    for share in rule.steps:
        say(f"deploy: {share:.0%} of requests for {rule.seconds:g} s; {watch.canary.requests:,.0f} answered so far")
        target.weigh(share)
        watch.step()
    return told(watch.champion, watch.canary, rule)


def _beforehand(served: Window, rule: Deploy) -> str:
    """How long the steps take, and what they judge by: without traffic they judge nothing."""
    long = f"deploy: {len(rule.steps)} steps take {len(rule.steps) * rule.seconds / 60:.3g} minutes"
    few = f"under {rule.min_requests:,} requests of each image (deploy.min_requests) latency and scores are not judged"
    if served.requests:
        return f"{long}; {few}"
    return (
        f"{long}, and the image that serves has answered no request yet: {few}, and without any request nothing is. "
        "Send traffic now, or set deploy.seconds lower"
    )


class _Watch:
    """What both images did since the next one was started."""

    def __init__(self, target: Target, rule: Deploy) -> None:
        self._target, self._rule = target, rule
        self.champion = self.canary = Window()
        served, self._start = target.read()
        served = served or target.read()[0]
        self.alone, self.served, self._last = served is None, served or Window(), self._start

    def step(self) -> None:
        """Look again and again until the step ends; raises UserError as soon as a bound breaks."""
        end, misses = time.monotonic() + self._rule.seconds, 0
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
            self._judge(served, now)
            if time.monotonic() >= end:
                return

    def _judge(self, served: Window | None, now: Window) -> None:
        now.since(self._last)  # whoever is started again between two looks would seem to have done nothing before
        self._last, self.canary = now, now.since(self._start)
        if served:
            same = served.requests >= self.served.requests  # else pods of it came and went, which is its right
            self.champion = served.since(self.served) if same else served
        if reason := judge(self.champion, self.canary, self._rule):
            raise UserError(reason)

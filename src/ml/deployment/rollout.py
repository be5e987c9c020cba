"""A deployment, whatever the target: beside what serves, a share at a time, and back when a bound breaks."""

import time
from collections.abc import Callable
from typing import Protocol

from ml.deployment.canary import Window, judge, told
from ml.errors import UserError
from ml.live_params import Deploy

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

    def read(self) -> tuple[Window, Window]:
        """What the serving and the next image did so far; raises UserError when one does not answer."""

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
    target.settle()
    return judged


def _steps(target: Target, rule: Deploy, say: Callable[[str], None]) -> str:
    start = target.read()
    champion = canary = Window()
    for share in rule.steps:
        say(f"deploy: {share:.0%} of requests for {rule.seconds:g} s; {canary.requests:,.0f} answered so far")
        target.weigh(share)
        champion, canary = _watch(target, start, rule)
    return told(champion, canary, rule)


def _watch(target: Target, start: tuple[Window, Window], rule: Deploy) -> tuple[Window, Window]:
    """What both images did since `start`, at the end of a step; raises UserError as soon as a bound breaks."""
    end, misses = time.monotonic() + rule.seconds, 0
    while True:
        time.sleep(max(min(rule.seconds / LOOKS, end - time.monotonic()), 0.05))
        try:
            now = target.read()
        except UserError:
            misses += 1
            if misses >= MISSES:
                raise
            continue
        misses, canary = 0, now[1].since(start[1])
        same = now[0].requests >= start[0].requests  # else pods of it came and went, which is its right
        champion = now[0].since(start[0]) if same else now[0]
        if reason := judge(champion, canary, rule):
            raise UserError(reason)
        if time.monotonic() >= end:
            return champion, canary

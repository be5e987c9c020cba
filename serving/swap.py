"""Swaps of models in the running server: on SIGHUP, and when a polled alias has moved."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from ml.io.errors import UserError
from serving.events import say
from serving.lineup import moved
from serving.service import Service


class Swapper:
    """Loads models in the background; a refused model changes nothing, and its reason is logged."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tasks: set[asyncio.Task] = set()
        self._said = ""

    def start(self) -> None:
        """Start polling if it is configured."""
        if self._service.settings.poll_seconds:
            self._keep(self._follow(self._service.settings.poll_seconds))

    def hang_up(self) -> None:
        """Load everything again after SIGHUP."""
        self._said = ""
        self._keep(self._swap())

    def stop(self) -> None:
        """Stop all swaps."""
        for task in self._tasks:
            task.cancel()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._swap(only_moved=True)

    async def _swap(self, *, only_moved: bool = False) -> None:
        service = self._service
        try:
            if only_moved and not await asyncio.to_thread(moved, service.settings, service.models):
                return
            await service.swap_behind()
        except UserError as error:
            self._refused(str(error))
        except Exception as error:  # noqa: BLE001  (whatever is wrong with a model, the present one serves on)
            self._refused(f"{type(error).__name__}: {error}")
        else:
            self._said = ""
            challenger = service.models.challenger
            say("swapped", model=service.models.champion.model.name, challenger=challenger and challenger.model.name)

    def _refused(self, reason: str) -> None:
        if reason != self._said:  # log a repeated failure of polling only once
            say("swap refused", error=reason)
        self._said = reason

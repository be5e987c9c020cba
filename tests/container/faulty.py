"""The server with the fault FAULT from row number AFTER on; it replaces the real server in a container."""

import asyncio
import os
import sys
import time

from serving import __main__ as server
from serving.batch import Batcher

FAULT, AFTER = os.environ["FAULT"], int(os.environ["AFTER"])
SCORES = Batcher.scores
seen = 0


async def scores(self, rows):
    global seen  # noqa: PLW0603
    seen += len(rows)
    found = await SCORES(self, rows)
    if seen <= AFTER:
        return found
    if FAULT == "slow":
        await asyncio.sleep(2 if AFTER else 0.5)  # far beyond what a busy machine does to the good one
    if FAULT == "errors":
        raise RuntimeError("the fault of a test")
    if FAULT == "dies":
        os._exit(1)
    return found * 0 + 0.97 if FAULT == "wrong" else found


Batcher.scores = scores
if FAULT == "never ready":
    time.sleep(3600)
sys.exit(server.main())

"""The distribution of a table's chunks: to this process, or to the workers of a Dask cluster."""

import logging
import platform
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import Any, Protocol, TypeVar

from ml.io.errors import UserError
from ml.settings.engine import Engine
from ml.settings.yaml_reading import SettingsPart

AHEAD = 2  # chunks that wait for each worker, so that none is idle and memory stays bounded
PACKAGES = ("numpy", "pandas", "pyarrow", "scikit-learn", "distributed")
TRIES = 3  # to send again what was lost with a worker
SECONDS = 30  # until a scheduler must answer
Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(SettingsPart):
    """Who works on chunks, as params.yaml says; no result depends on it, so no stage of dvc.yaml does."""

    engine: Engine = Engine()


class Team(Protocol):
    """Who works on chunks."""

    def each(
        self, work: Callable[[Item, Any], Result], items: Iterable[Item], shared: Any
    ) -> Iterator[tuple[Item, Result]]:
        """Every item with what the work makes of it and of `shared`, in the order of the items."""


class LocalTeam:
    """The process itself."""

    def each(
        self, work: Callable[[Item, Any], Result], items: Iterable[Item], shared: Any
    ) -> Iterator[tuple[Item, Result]]:
        """One item after the other."""
        return ((item, work(item, shared)) for item in items)


class ClusterTeam:
    """The workers of a Dask cluster; a task whose worker is killed is done again by another one."""

    def __init__(self, client: Any, address: str = "") -> None:
        self.client, self.address = client, address
        self._shared: tuple[Any, Any] = (None, None)  # what the workers have already, and where it is

    def names(self) -> list[str]:
        """The addresses of the workers."""
        return [*self.client.nthreads()]

    def each(
        self, work: Callable[[Item, Any], Result], items: Iterable[Item], shared: Any
    ) -> Iterator[tuple[Item, Result]]:
        """Some items ahead of the one that is waited for; a worker needs no disk of ours."""
        most = AHEAD * max(1, len(self.names()))
        waiting: deque[tuple[Item, Any]] = deque()
        for item in items:
            waiting.append((item, self._submitted(work, item, shared)))
            if len(waiting) >= most:
                yield self._next(work, waiting, shared)
        while waiting:
            yield self._next(work, waiting, shared)

    def _submitted(self, work: Callable[[Item, Any], Result], item: Item, shared: Any) -> Any:
        if self._shared[0] is not shared:
            self._shared = shared, self.client.scatter(shared, broadcast=True, hash=False)
        return self.client.submit(work, item, self._shared[1], pure=False)

    def _next(
        self, work: Callable[[Item, Any], Result], waiting: deque[tuple[Item, Any]], shared: Any, tries: int = TRIES
    ) -> tuple[Item, Result]:
        """The first result; what was lost with the only worker that had it is sent again."""
        from distributed.client import FutureCancelledError  # noqa: PLC0415

        item, future = waiting[0]
        try:
            result = future.result()
        except FutureCancelledError:
            if not tries:
                raise
            self._shared = (None, None)
            again = [(item, self._submitted(work, item, shared)) for item, _ in waiting]
            waiting.clear()
            waiting.extend(again)
            return self._next(work, waiting, shared, tries - 1)
        waiting.popleft()
        future.release()
        return item, result


@contextmanager
def team(settings: Engine, scheduler: str = "") -> Generator[Team]:
    """Whoever the settings name, as long as the block lasts; `scheduler` goes before the one of the settings."""
    if settings.name == "local":
        yield LocalTeam()
        return
    address = scheduler or settings.scheduler
    try:
        from dask import distributed  # noqa: PLC0415
    except ImportError:
        raise UserError("Dask is missing: install the extra `dask`, or set engine.name to local.") from None
    # It prints tracebacks of the errors that are reported below.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with spoken(address), _cluster(distributed, address, settings.workers) as client:
        yield ClusterTeam(client, address)


@contextmanager
def spoken(address: str) -> Generator[None]:
    """Turn Dask's errors about lost workers and schedulers into sentences."""
    from dask import distributed  # noqa: PLC0415
    from distributed.scheduler import KilledWorker  # noqa: PLC0415

    try:
        yield
    except KilledWorker as error:
        raise UserError(
            f"four workers died one after the other on one chunk ({error.task}): give them more memory."
        ) from None
    except (distributed.client.FutureCancelledError, distributed.comm.CommClosedError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # a disk of ours
        where = address or "the local cluster"
        why = " ".join(str(error).split())[:200]
        raise UserError(f"the Dask scheduler {where} does not respond: {why}. Run the command again.") from None


@contextmanager
def _cluster(distributed: Any, address: str, workers: int | None) -> Generator[Any]:
    """A client of the scheduler there, else of a cluster on this machine; TLS is as Dask's own settings say."""
    if address:
        try:
            known = distributed.Client(address, timeout=SECONDS, set_as_default=False)
        except (TypeError, ValueError) as error:  # an address, or a certificate that tls:// needs
            why = " ".join(str(error).split())[:200]
            raise UserError(
                f"the Dask scheduler {address} cannot be reached: {why}. Correct its address, or Dask's TLS settings."
            ) from None
        with known as client:
            client.wait_for_workers(1, timeout=SECONDS)
            must_match(client.run, address)
            yield client
        return
    with (
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def versions() -> dict[str, str]:
    """Python and the packages that results depend on, by name, in this process; run on each worker too."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def must_match(run: Callable[[Callable[[], Any]], dict[str, Any]], address: str) -> None:
    """Raise UserError unless all workers can import this project and have our versions; `run` asks each of them."""
    try:
        theirs = run(versions)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - Dask raises plain ones for what a worker cannot import
        raise UserError(
            f"a worker of {address} cannot import the project: {error}. Give workers src/ on their PYTHONPATH."
        ) from None
    ours = versions()
    for worker, found in theirs.items():
        if odd := [f"{n} {found.get(n, 'is absent')} (here {v})" for n, v in ours.items() if found.get(n) != v]:
            raise UserError(
                f"the worker {worker} of {address} has other versions: {', '.join(odd)}. Give workers the packages "
                "of src/locks/pipeline.txt, as the image of src/deploy/batch has them."
            )

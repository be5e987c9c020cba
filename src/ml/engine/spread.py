"""The distribution of a table's chunks: to this process, or to the workers of a Dask cluster."""

import logging
import os
import platform
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from ml.io.errors import UserError
from ml.settings.engine import Engine
from ml.settings.yaml_reading import SettingsPart

AHEAD = 2  # waiting chunks per worker, so that none is idle and memory stays bounded
PACKAGES = ("numpy", "pandas", "pyarrow", "scikit-learn", "distributed")
TRIES = 3  # attempts to send data again that was lost with a worker
SECONDS = 30  # seconds until a scheduler must respond
Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(SettingsPart):
    """The engine in params.yaml; no result depends on it, so no stage of dvc.yaml depends on it."""

    engine: Engine = Engine()


class Team(Protocol):
    """Processes chunks."""

    def each(
        self, work: Callable[[Item, Any], Result], items: Iterable[Item], shared: Any
    ) -> Iterator[tuple[Item, Result]]:
        """Every item with the result of the work on it and `shared`, in the order of the items."""


class LocalTeam:
    """The current process."""

    def each(
        self, work: Callable[[Item, Any], Result], items: Iterable[Item], shared: Any
    ) -> Iterator[tuple[Item, Result]]:
        """Process one item after the other."""
        return ((item, work(item, shared)) for item in items)


class ClusterTeam:
    """The workers of a Dask cluster; another worker repeats a task whose worker is killed."""

    def __init__(self, client: Any, address: str = "") -> None:
        self.client, self.address = client, address
        self._shared: tuple[Any, Any] = (None, None)  # data that the workers already have, and its location

    def names(self) -> list[str]:
        """The addresses of the workers."""
        return [*self.client.nthreads()]

    def each(
        self, work: Callable[[Item, Any], Result], items: Iterable[Item], shared: Any
    ) -> Iterator[tuple[Item, Result]]:
        """Submit some items in advance; a worker needs no disk of ours."""
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
        named: Any = getattr(work, "func", work)  # of a partial function
        key = f"{named.__name__.strip('_')}-{uuid4().hex}"  # Dask shows it, and names it in errors
        return self.client.submit(_on_worker, work, item, self._shared[1], key=key)

    def _next(
        self, work: Callable[[Item, Any], Result], waiting: deque[tuple[Item, Any]], shared: Any, tries: int = TRIES
    ) -> tuple[Item, Result]:
        """The first result; data of a lost worker is sent again."""
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


def _on_worker(work: Callable[[Item, Any], Result], item: Item, shared: Any) -> Result:
    """The result of the work, for which joblib uses the threads of this worker and not all cores of its machine."""
    from distributed import get_worker  # noqa: PLC0415

    os.environ["LOKY_MAX_CPU_COUNT"] = str(get_worker().state.nthreads)
    return work(item, shared)


@contextmanager
def team(settings: Engine, scheduler: str = "") -> Generator[Team]:
    """The engine in the settings, until the block ends; `scheduler` overrides the one of the settings."""
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
        where = address or "of the local cluster"
        why = " ".join(str(error).split())[:200]
        raise UserError(f"the Dask scheduler {where} does not respond: {why}. Run the command again.") from None


@contextmanager
def _cluster(distributed: Any, address: str, workers: int | None) -> Generator[Any]:
    """A client of the scheduler at this address, or of a cluster on this machine; TLS as in Dask's own settings."""
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
    """The versions of Python and of the packages that affect results, in this process; also run on each worker."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def must_match(run: Callable[[Callable[[], Any]], dict[str, Any]], address: str) -> None:
    """Raise UserError unless all workers can import this project and have its versions; `run` queries each."""
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

"""Training on a Dask cluster: on one worker, or on several by the Dask estimators of LightGBM and XGBoost."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from functools import partial
from threading import Thread
from typing import Any

import numpy as np

from ml.engine import spread
from ml.engine.spread import ClusterTeam, Team
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.train import Train

LOOK = 1.0  # seconds between two checks of the workers
TOGETHER = ("lightgbm", "xgboost")  # libraries that can train on several workers
Fit = Callable[..., Any]  # of an estimator, its input, the target and further arguments: the fitted estimator


def fitter(team: Team, params: Train) -> tuple[Fit | None, str]:
    """The function that fits the estimator, None for this process; and a text about the place."""
    if params.workers and params.library not in TOGETHER:
        raise UserError(
            f"params.yaml: train.workers is {params.workers}, and {params.model} trains on one worker: only LightGBM "
            "and XGBoost train on several. Remove train.workers."
        )
    if not isinstance(team, ClusterTeam):
        if params.workers:
            raise UserError("params.yaml: train.workers needs a cluster. Set engine.name to dask.")
        return None, ""
    if params.early_stopping:
        return None, ", in this process because of train.early_stopping"
    if params.workers:
        return partial(_together, team, params), f", on {counted(params.workers, 'worker')} together"
    return partial(_alone, team), ", on one worker"


def _alone(team: ClusterTeam, estimator: Any, x: Any, y: np.ndarray, **given: Any) -> Any:
    with spread.spoken(team.address):
        ((_, fitted),) = team.each(_fitted, [0], (estimator, x, y, given))
    return fitted


def _fitted(_: int, shared: tuple[Any, Any, np.ndarray, dict[str, Any]]) -> Any:
    estimator, x, y, given = shared
    return estimator.fit(x, y, **given)


def _together(team: ClusterTeam, params: Train, estimator: Any, x: Any, y: np.ndarray, **given: Any) -> Any:
    """The model depends on the number of parts, which params.yaml sets, and not on the size of the cluster."""
    count = params.workers or 1
    names = sorted(team.names())
    if len(names) < count:
        raise UserError(f"params.yaml: train.workers is {count}, and the cluster has {len(names)}. Start more workers.")
    with spread.spoken(team.address), team.client.as_current():
        sides = [_parts(team.client, np.asarray(values), names[:count]) for values in (x, y)]
        more = {name: _parts(team.client, values, names[:count]) for name, values in given.items()}
        made = MAKE[params.library](team.client, estimator)
        return watched(team, names[:count], lambda: made.fit(*sides, **more))


def watched(team: ClusterTeam, names: list[str], work: Callable[[], Any]) -> Any:
    """The result of the work; raises UserError if one of these workers is lost, for which LightGBM waits forever."""
    found, context = Future(), copy_context()

    def run() -> None:
        try:
            found.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - raised again below
            found.set_exception(error)

    Thread(target=run, daemon=True).start()
    while not wait([found], LOOK).done or found.exception():
        if lost := sorted({*names} - {*team.names()}):
            raise UserError(
                f"{counted(len(lost), 'worker')} of {len(names)} that train together disappeared: {', '.join(lost)}. "
                "Give workers more memory if they were killed for it, and run the command again."
            )
        if found.done():
            break
    return found.result()


def _parts(client: Any, values: np.ndarray, names: list[str]) -> Any:
    """A Dask array with one part on each of these workers."""
    import dask  # noqa: PLC0415
    from dask import array  # noqa: PLC0415

    parts = np.array_split(values, len(names))
    there = [client.scatter(p, workers=[name], hash=False) for p, name in zip(parts, names, strict=True)]
    lazy = [
        array.from_delayed(dask.delayed(future), shape=part.shape, dtype=part.dtype)
        for future, part in zip(there, parts, strict=True)
    ]
    return array.concatenate(lazy)


class InOrder:
    """A client that lists the workers in the order of their addresses, which is the order of the parts.

    LightGBM numbers its workers in this order, and each number determines which columns a worker bins. Dask's own order
    changes, and the model would change with it.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def who_has(self, futures: Any) -> dict[Any, Any]:
        """The workers that hold each part."""
        return dict(sorted(self._client.who_has(futures).items(), key=lambda found: sorted(found[1])))


class _LightGBM:
    def __init__(self, client: Any, estimator: Any) -> None:
        from lightgbm import dask  # noqa: PLC0415

        made = getattr(dask, f"Dask{type(estimator).__name__}")
        self._made = made(client=InOrder(client), **estimator.get_params())

    def fit(self, x: Any, y: Any, **given: Any) -> Any:
        return self._made.fit(x, y, **given).to_local()


class _XGBoost:
    def __init__(self, client: Any, estimator: Any) -> None:
        from xgboost import dask  # noqa: PLC0415

        self._made = getattr(dask, f"Dask{type(estimator).__name__}")(**estimator.get_params())
        self._made.client = client

    def fit(self, x: Any, y: Any, **given: Any) -> Any:
        return self._made.fit(x, y, **given)


MAKE: dict[str, Callable[[Any, Any], Any]] = {"lightgbm": _LightGBM, "xgboost": _XGBoost}

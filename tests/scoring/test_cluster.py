"""A Dask cluster gives the results of one process if a worker is killed, and nothing if its scheduler disappears."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.data import schema
from ml.engine import fitting, spread, table
from ml.io import files, tables
from ml.io.errors import UserError
from ml.model import model, search
from ml.model.search import FoldTask
from ml.settings.engine import Engine
from ml.settings.params import read_params
from ml.settings.train import Train
from ml.stages import prepare, validate
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
CLUSTER = """
from dask.distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


@pytest.fixture
def chunked(project, monkeypatch):
    """The outputs of the stages for a table in one process, a hundred rows at a time."""
    monkeypatch.setattr(table, "ROWS", 100)
    return outcome()


def outcome():
    """The outputs of both stages."""
    for stage in (validate, prepare):
        stage.main()
    return {path.name: path.read_bytes() for path in files.BUILD.iterdir()}


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_tables_and_trials_if_a_worker_is_killed(chunked, monkeypatch):
    expected = chunked
    params = read_params()
    train = params.train.model_copy(update={"model": "logistic_regression"})
    rows = search.folded(schema.conform(tables.read_table(files.TRAIN), params.data), params)
    tasks, killed = [FoldTask(train, fold) for fold in range(len(rows.folds))], []
    each = spread.ClusterTeam.each

    def dying(cluster, work, items, shared):
        pids = [*cluster.client.run(os.getpid).values()]
        for number, found in enumerate(each(cluster, work, items, shared)):
            if number == 1 and len(pids) > 1:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])
            yield found

    monkeypatch.setattr(spread.ClusterTeam, "each", dying)
    with spread.team(Engine(name="dask", workers=2)) as workers:
        for stage in (validate, prepare):
            monkeypatch.setattr(stage, "team", lambda *_: contextlib.nullcontext(workers))
        found = outcome()
        trial = [value for _, value in workers.each(search.held_out, tasks, rows)]
        cores = [count for _, count in workers.each(lambda *_: joblib.cpu_count(), [0], None)]

    assert killed
    assert cores == [1], "a worker of one thread must not fit with all cores of its machine"
    assert found == expected
    assert trial == [search.held_out(task, rows) for task in tasks]


class Fragile(LogisticRegression):
    """An estimator whose first worker is killed."""

    def fit(self, *given, **more):
        with contextlib.suppress(FileExistsError):
            Path(self.tol).touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        self.tol = 1e-4
        return super().fit(*given, **more)


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_trains_the_same_model_each_time_if_a_worker_is_killed(customers, params, tmp_path):
    x = model.unfitted(params.data, params.train)[:-1].fit_transform(schema.inputs(customers, params.data))
    y = customers[params.data.target.name].to_numpy().astype(int)
    linear = LogisticRegression(max_iter=1000).fit(x, y).coef_
    names = ["lightgbm.LGBMClassifier", "xgboost.XGBClassifier"]
    boosted = [Train.model_validate({"model": n, n: {"n_estimators": 5}, "workers": 2}) for n in names]

    with spread.team(Engine(name="dask", workers=3)) as workers:
        together = [[_trained(customers, params.data, train, workers) for _ in range(2)] for train in boosted]
        by, _ = fitting.fitter(workers, params.train)
        alone = by(Fragile(max_iter=1000, tol=str(tmp_path / "killed")), x, y)

    assert (tmp_path / "killed").exists()
    assert np.allclose(alone.coef_, linear, rtol=1e-6)
    for train, (once, again) in zip(boosted, together, strict=True):
        local = model.fit(customers, params.data, train)
        assert once[-1].text == again[-1].text
        told = [model.scores(fitted, customers, params.data) for fitted in (once, local)]
        assert np.corrcoef(*told)[0, 1] > 0.95


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["lightgbm.LGBMClassifier", "xgboost.XGBClassifier"])
def test_a_worker_that_is_killed_in_a_training_together_ends_it_with_its_address(customers, params, name):
    endless = Train.model_validate({"model": name, name: {"n_estimators": 1_000_000}, "workers": 2})

    with spread.team(Engine(name="dask", workers=2)) as workers:
        lost, pid = sorted(workers.client.run(os.getpid).items())[0]
        killer = threading.Thread(target=_kill_in_training, args=(workers.client, pid))
        killer.start()
        with pytest.raises(UserError, match=f"1 worker of 2 that train together disappeared: {lost}"):
            _trained(customers, params.data, endless, workers)
        killer.join()


def _kill_in_training(client, pid):
    """Kill a worker two seconds after both have begun a task of the training."""
    while not all(client.processing().values()):
        time.sleep(0.2)
    time.sleep(2)
    os.kill(pid, signal.SIGKILL)


def test_workers_are_listed_in_the_order_of_their_addresses():
    class Client:
        def __init__(self, answer):
            self.who_has = lambda _: answer

    found = [
        fitting.InOrder(Client(answer)).who_has([])
        for answer in ({"p1": ("tcp://b:1",), "p0": ("tcp://a:1",)}, {"p0": ("tcp://a:1",), "p1": ("tcp://b:1",)})
    ]

    assert [[*one] for one in found] == [["p0", "p1"]] * 2


def _trained(frame, data, train, workers):
    return model.fit(frame, data, train, by=fitting.fitter(workers, train)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "random_forest"}, "random_forest trains on one worker: only LightGBM and XGBoost"),
        ({"model": "xgboost.XGBClassifier"}, "train.workers needs a cluster. Set engine.name to dask"),
    ],
)
def test_workers_that_cannot_train_together_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        fitting.fitter(spread.LocalTeam(), Train.model_validate({"workers": 2, **settings}))


@pytest.mark.filterwarnings("ignore")
def test_a_lost_scheduler_leaves_no_incomplete_output(chunked, monkeypatch):
    for path in (files.TRAIN, files.TEST):
        path.unlink()
    settings = Path("params.yaml").read_text()
    Path("params.yaml").write_text(settings.replace("name: local #", "name: dask #"))
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    cluster = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    monkeypatch.setenv("DASK_SCHEDULER", cluster.stdout.readline().strip())
    each = spread.ClusterTeam.each

    def deserted(team, work, items, shared):
        for found in each(team, work, items, shared):
            cluster.kill()
            cluster.wait()
            yield found

    monkeypatch.setattr(spread.ClusterTeam, "each", deserted)

    with pytest.raises(UserError, match=r"the Dask scheduler tcp://.* does not respond"):
        prepare.main()

    assert {path.name for path in files.BUILD.iterdir()} == {"profile.json", "validation.json", "validation.md"}

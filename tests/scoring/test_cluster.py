"""A Dask cluster gives what one process gives, though a worker is killed, and nothing when its scheduler goes away."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ml.data import schema
from ml.engine import spread, table
from ml.io import files, tables
from ml.io.errors import UserError
from ml.model import search
from ml.model.search import FoldTask
from ml.settings.engine import Engine
from ml.settings.params import read_params
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
    """All that the stages make of a table in one process, a hundred rows at a time."""
    monkeypatch.setattr(table, "ROWS", 100)
    return outcome()


def outcome():
    """What both stages write."""
    for stage in (validate, prepare):
        stage.main()
    return {path.name: path.read_bytes() for path in files.BUILD.iterdir()}


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_makes_the_same_tables_and_trials_though_a_worker_is_killed(chunked, monkeypatch):
    expected = chunked
    params = read_params()
    train = params.train.model_copy(update={"model": "logistic_regression"})
    rows = search.folded(schema.conform(tables.read_table(files.TRAIN), params.data), params)
    tasks, killed = [FoldTask(train, fold) for fold in range(len(rows.folds))], []
    each = spread.ClusterTeam.each

    def dying(cluster, work, items, shared):
        pids = [*cluster._client.run(os.getpid).values()]
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

    assert killed
    assert found == expected
    assert trial == [search.held_out(task, rows) for task in tasks]


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_goes_away_leaves_nothing_half_written(chunked, monkeypatch):
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

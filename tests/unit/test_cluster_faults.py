"""A cluster with a lost worker or with other packages ends a command with a sentence."""

from functools import partial
from threading import Event
from types import SimpleNamespace

import distributed
import pytest
from distributed.client import FutureCancelledError

from ml.engine import fitting, spread
from ml.io.errors import UserError


class Workers:
    """A cluster with these workers."""

    def __init__(self, *names):
        self._names = [*names]

    def names(self):
        return self._names


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(fitting, "LOOK", 0.01)


def test_a_training_ends_when_one_of_several_workers_is_lost():
    never = Event()

    with pytest.raises(UserError, match=r"1 worker of 2 that train together disappeared: tcp://b:1\. .* again"):
        fitting.watched(Workers("tcp://a:1", "tcp://c:1"), ["tcp://a:1", "tcp://b:1"], never.wait)

    never.set()


def test_a_training_that_fails_because_of_a_lost_worker_names_it():
    with pytest.raises(UserError, match="disappeared: tcp://b:1"):
        fitting.watched(Workers("tcp://a:1"), ["tcp://a:1", "tcp://b:1"], lambda: 1 / 0)


def test_the_result_of_a_training_is_returned_if_no_worker_is_lost():
    workers = Workers("tcp://a:1")

    assert fitting.watched(workers, ["tcp://a:1"], lambda: "fitted") == "fitted"
    with pytest.raises(ZeroDivisionError):
        fitting.watched(workers, ["tcp://a:1"], lambda: 1 / 0)


def test_a_task_is_named_after_its_work():
    """Dask names the task on which workers died."""

    def scored(item, shared):
        return item + shared

    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        team = spread.ClusterTeam(client)
        keys = [team._submitted(work, 1, 2).key for work in (scored, partial(scored), scored)]

        assert [key.split("-")[0] for key in keys] == ["scored"] * 3
        assert len({*keys}) == 3
        assert [*team.each(scored, [1, 2], 10)] == [(1, 11), (2, 12)]


def test_workers_with_other_packages_are_refused():
    ours = spread.versions()
    old, bare = ours | {"pandas": "2.0.0"}, {"Python": ours["Python"]}

    spread.must_match(lambda ask: {"tcp://a:1": ask()}, "tcp://s:1")
    with pytest.raises(UserError, match=r"tcp://b:1 of tcp://s:1 has other versions: pandas 2\.0\.0 \(here "):
        spread.must_match(lambda _: {"tcp://a:1": ours, "tcp://b:1": old}, "tcp://s:1")
    with pytest.raises(UserError, match="numpy is absent"):
        spread.must_match(lambda _: {"tcp://a:1": bare}, "tcp://s:1")


def test_workers_without_the_project_are_refused():
    def fail(_):
        raise ModuleNotFoundError("No module named 'ml'")

    with pytest.raises(UserError, match=r"cannot import the project: No module named 'ml'\. .* src/"):
        spread.must_match(fail, "tcp://s:1")


class Forgetful:
    """A client of a cluster in which the only worker with the scattered data is killed this many times."""

    def __init__(self, deaths):
        self.deaths, self.scattered = deaths, 0

    def nthreads(self):
        return {"tcp://a:1": 1}

    def scatter(self, shared, **_):
        self.scattered += 1
        return self.scattered, shared

    def submit(self, _, work, item, there, **__):
        def result():
            if there[0] <= self.deaths:
                raise FutureCancelledError("key", "lost")
            return work(item, there[1])

        return SimpleNamespace(result=result, release=lambda: None)


def test_data_of_a_lost_worker_is_sent_again_in_the_same_order():
    client = Forgetful(deaths=2)

    found = [*spread.ClusterTeam(client).each(lambda item, shared: item * shared, range(5), 10)]

    assert found == [(item, item * 10) for item in range(5)]
    assert client.scattered == 3


def test_a_cluster_that_always_loses_its_data_ends_with_an_error():
    with pytest.raises(FutureCancelledError):
        [*spread.ClusterTeam(Forgetful(deaths=99)).each(lambda item, _: item, range(5), 10)]

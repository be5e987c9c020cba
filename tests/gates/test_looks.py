"""The number of models that were judged on the same test rows."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ml.data.split import is_test
from ml.gates import champion
from ml.registry import looks, tracking
from ml.registry.ledger import State, Version
from ml.settings.prepare import Prepare
from tests.gates.world import good, params, table


def version(number, model, data="table", **prepare):
    lineage = {"data": {"md5": data}, "params": {"prepare": prepare}}
    return Version(number, {"model": model, "run": {"lineage": lineage}})


def test_versions_judged_on_the_same_rows_count_once_each(tmp_path, monkeypatch):
    versions = (
        version(1, "a", test_share=0.2, split_by="hash"),  # from before there was a salt
        version(2, "b", salt=""),
        version(3, "c", salt="again"),
        version(4, "d", test_share=0.3),
        version(5, "e", data="another table"),
    )
    home = SimpleNamespace(state=lambda: State(versions))
    monkeypatch.setattr(looks.registry, "open_registry", lambda *_: home)

    assert looks.count("small", "new", "table", Prepare(), tmp_path) == 3
    assert looks.count("small", "a", "table", Prepare(), tmp_path) == 2
    assert looks.count("small", "new", "table", Prepare(salt="again"), tmp_path) == 2


@pytest.mark.slow
def test_unregistered_runs_count_too(tmp_path):
    client = tracking.open_client(tmp_path)
    for digest, data, share in (("a", "table", 0.2), ("b", "table", 0.3), ("c", "another", 0.2)):
        run = {
            "digest": digest,
            "name": digest,
            "params": {"prepare.test_share": share, "prepare.split_by": "hash"},
            "metrics": {"accuracy": 0.8},
            "tags": {"data.md5": data},
            "dataset": {"name": "x", "digest": data},
            "lineage": {},
        }
        tracking.record_run(client, "small", run)

    assert looks.count("small", "new", "table", Prepare(), tmp_path) == 2


def test_a_registry_without_runs_counts_only_this_model(tmp_path):
    assert looks.count("small", "new", "table", Prepare(), tmp_path) == 1


def test_too_many_looks_give_a_warning_with_the_remedy():
    few, many = (champion.judge(replace(good(), looks=count))[-1] for count in (5, 6))

    assert few.passed
    assert (many.passed, many.severity) == (False, "warning")
    assert "prepare.salt" in many.reason


def test_a_salt_changes_the_test_side_and_no_salt_keeps_it():
    frame, settings = table(rows=2000), params()
    before, none, other = (is_test(frame, settings.data, p) for p in (Prepare(), Prepare(salt=""), Prepare(salt="two")))

    assert (before == none).all()
    assert (before & other).mean() == pytest.approx(0.04, abs=0.02)


def test_rows_that_trained_the_champion_under_another_salt_are_left_out():
    settings, frame = params(prepare={"salt": "two"}), table(rows=2000)
    theirs = params().model_dump(mode="json", by_alias=True)
    test = frame[is_test(frame, settings.data, settings.prepare)]

    rows, doubt = champion.unseen(test, settings, theirs, same_data=True)

    assert (rows == is_test(test, settings.data, Prepare())).all()
    assert "they are left out" in doubt

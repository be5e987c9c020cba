"""The life of a version, identical in both homes."""

import json

import mlflow
import numpy as np
import pytest

from ml.data import schema
from ml.deployment import deployment_log
from ml.deployment.deployment_log import Where
from ml.io.errors import UserError
from ml.model import model, model_file, reference
from ml.monitoring.released import released
from ml.registry import ledger, registry, tracking
from ml.retraining import fresh
from ml.retraining.comparison import Attempt, against_champion
from tests.world.sample import history

pytestmark = pytest.mark.slow


def register(store, fitted, number, **more):
    return store.register(fitted.entry(number, **more), fitted.folder(number))


def act(store, action, number, reason=""):
    version = store.state().version(number)
    return store.move(registry.stamped(action, version.model, reason))


def test_a_new_registry_has_no_champion(store, home):
    assert store.state() == ledger.State()
    assert registry.champion(home, store.project) is None


def test_registering_makes_a_challenger_with_its_lineage(store, fitted):
    state = register(store, fitted, 1)

    version = state.named("challenger")
    assert version.number == 1
    assert version.lineage.data.rows == 1200
    assert state.events[-1].action == "register"


def test_the_same_model_twice_is_one_version_and_one_run(store, fitted, home):
    register(store, fitted, 1)
    register(store, fitted, 2)
    state = register(store, fitted, 1)

    client = tracking.open_client(home)
    runs = client.search_runs([client.get_experiment_by_name(store.project).experiment_id])
    assert [v.number for v in state.versions] == [1, 2]
    assert len(runs) == 2


def test_promoting_moves_the_old_champion_to_previous_and_keeps_history(store, fitted, home):
    register(store, fitted, 1)
    act(store, "promote", 1)
    register(store, fitted, 2)
    state = act(store, "promote", 2, "better on the slices")

    assert state.aliases == {"champion": 2, "previous": 1}
    assert [(e.action, e.version, e.champion) for e in state.events] == [
        ("register", 1, None),
        ("promote", 1, 1),
        ("register", 2, 1),
        ("promote", 2, 2),
    ]
    assert state.events[-1].reason == "better on the slices"
    assert registry.champion(home, store.project).version == 2


def test_a_rollback_restores_the_previous_champion_and_its_bytes(store, fitted, home):
    for number in (1, 2):
        register(store, fitted, number)
        act(store, "promote", number)
    state = store.state()
    act(store, "rollback", registry.target(state, None).number)

    found = registry.champion(home, store.project)
    assert found.version == 1
    assert found.model == fitted.content(1)


def test_all_that_serving_needs_is_fetched(store, fitted, tmp_path):
    state = register(store, fitted, 1)
    store.fetch(state.versions[0], tmp_path / "model")

    assert (tmp_path / "model" / "model.skops").read_bytes() == fitted.content(1)
    assert {"compiled.json", "MLmodel", "card.md"} <= {path.name for path in (tmp_path / "model").iterdir()}


def test_a_forced_version_keeps_its_reason(store, fitted):
    state = register(store, fitted, 1, reason="the gate is wrong about region west")

    assert state.versions[0].entry["reason"] == "the gate is wrong about region west"
    assert not registry.promotable(state.versions[0].entry["verdict"], None)


def test_mlflow_loads_the_champion_and_gives_the_same_predictions(store, fitted, home, params):
    register(store, fitted, 1)
    act(store, "promote", 1)

    uri = tracking.server() or tracking.embedded_uri(home)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    loaded = mlflow.pyfunc.load_model(f"models:/{store.project}@champion")
    rows = schema.inputs(fitted.frame.head(20), params.data)
    ours = model.scores(model_file.loads(fitted.content(1)), fitted.frame.head(20), params.data)
    assert np.array_equal(loaded.predict(rows)[:, 1], ours)


def test_an_unknown_version_is_named_with_the_existing_ones(store, fitted):
    register(store, fitted, 1)

    with pytest.raises(UserError, match=r"there is no version 7; known: 1\."):
        store.state().version(7)


def test_mlflow_shows_the_origin_of_a_version(store, fitted, home):
    register(store, fitted, 1)

    shown = tracking.open_client(home).get_model_version(store.project, "1")
    assert shown.tags["commit"] == "0" * 40
    assert shown.tags["data.md5"] == "d" * 32


def test_history_survives_as_json(store, fitted):
    register(store, fitted, 1)
    act(store, "promote", 1, 'quotes " and ünïcode')

    assert json.loads(json.dumps(store.state().events[-1].reason)) == 'quotes " and ünïcode'


def test_the_champions_reference_is_read_from_the_registry(store, fitted, home):
    made = reference.build(fitted.frame, np.array([0.25, 0.5]), {"roc_auc": {"value": 0.9}}, fitted.params)
    (fitted.folder(3) / "reference.json").write_text(reference.dumps(made), encoding="utf-8")
    register(store, fitted, 1)
    register(store, fitted, 3)

    act(store, "promote", 1)
    with pytest.raises(UserError, match=r"version 1 was registered without reference.json"):
        released(store.project, home)
    act(store, "promote", 2)
    found = released(store.project, home)

    assert found.version == "version 2"
    assert found.reference == made


def test_monitoring_verdicts_are_stored_in_order_and_move_no_alias(store, fitted):
    state = register(store, fitted, 1)
    for verdict in ("stable", "drift"):
        store.remember(registry.stamped("monitor", state.versions[0].model, "1,000 predictions", verdict=verdict))

    assert [(v["verdict"], v["reason"]) for v in store.verdicts()] == [
        ("stable", "1,000 predictions"),
        ("drift", "1,000 predictions"),
    ]
    assert store.state() == state


def test_deployments_are_stored_and_move_no_alias(store):
    begun = deployment_log.begin(Where("production"), "image", "0" * 64, "")
    store.note(begun)
    store.note(deployment_log.end(begun, "went back", "too slow"))

    (found,) = deployment_log.fold(store.deployments())

    assert (found.env, found.image, found.outcome, found.reason) == ("production", "image", "went back", "too slow")
    assert store.state() == ledger.State()
    assert store.verdicts() == []


def test_a_registry_without_versions_stores_verdicts_too(store):
    assert store.verdicts() == []

    store.remember(registry.stamped("monitor", "0" * 64, "no version yet", verdict="stable"))

    assert [v["verdict"] for v in store.verdicts()] == ["stable"]
    assert store.state() == ledger.State()


def test_a_retrained_model_is_compared_with_the_champion_of_its_own_project(store, fitted, home):
    register(store, fitted, 1)
    act(store, "promote", 1)
    params = fitted.params.model_copy(update={"project": store.project})
    (home.parent / "build" / "model").mkdir(parents=True)
    (home.parent / "build" / "model" / "model.skops").write_bytes(fitted.content(2))
    sifted = fresh.sift(history([13], rows=60), fitted.frame, params.data)
    new = fresh.combine(fitted.frame, sifted.good, params.data, params.retrain)

    on_fresh, on_old = against_champion(Attempt(home.parent, params, "main", "2026-11-21", sifted, fitted.frame, new))

    assert (on_fresh.part, on_old.part) == ("fresh", "old")
    assert "of version 1 (" in on_old.reason

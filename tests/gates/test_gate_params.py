"""Mistakes in the settings of the gates are named before anything runs."""

import pytest
from pydantic import ValidationError

from ml.adoption.proposed_contract import strange, untold
from ml.gates import GATES, off
from ml.settings.gates import Gates
from ml.tasks.kinds import BINARY
from tests.gates import other_world
from tests.gates.world import params


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        (
            {"slices": {"columns": ["regoin"]}},
            "gates.slices.columns names `regoin`, which is not a column; did you mean",
        ),
        (
            {"fairness": {"columns": ["zzz"]}},
            "gates.fairness.columns names `zzz`, which is not a column; known here: usage",
        ),
        ({"behaviour": {"invariance": [{"column": "usage"}]}}, "usage: numbers need `by`, categories have none"),
        ({"behaviour": {"invariance": [{"column": "plan", "by": 1}]}}, "plan: numbers need `by`, categories have none"),
        ({"behaviour": {"direction": [{"column": "plan", "by": 1, "score": "up"}]}}, "only a number can increase"),
        (
            {"behaviour": {"easy": [{"name": "x", "row": {"plan": "gold"}, "label": "positive"}]}},
            "x: plan: 'gold' is not one of basic, pro",
        ),
        (
            {"behaviour": {"easy": [{"name": "x", "row": {"usage": "much"}, "label": "positive"}]}},
            "x: usage: 'much' is not a number",
        ),
        ({"champion": {"refuse": ["better"]}}, "champion"),
        ({"latency": {"growth": 0.5}}, "latency.growth"),
    ],
    ids=str,
)
def test_a_mistake_is_named_with_its_place(gates, message):
    with pytest.raises(ValidationError) as error:
        params(gates)

    assert message in str(error.value)


@pytest.mark.parametrize(
    ("kind", "gates", "message"),
    [
        (
            "multiclass",
            {"fairness": {"columns": ["region"], "classes": ["gold"]}},
            "classes: gold is not one of several",
        ),
        ("multiclass", {"behaviour": {"direction": [{"column": "usage", "by": 1, "score": "up"}]}}, "less, same, more"),
        ("regression", {"behaviour": {"direction": [{"column": "usage", "by": 1, "score": "up", "of": "more"}]}}, "of"),
        ("multiclass", {"behaviour": {"easy": [{"name": "x", "row": {}, "label": "positive"}]}}, "less, same, more"),
        ("regression", {"behaviour": {"easy": [{"name": "x", "row": {}}]}}, "set `min`, `max` or both"),
        ("regression", {"behaviour": {"easy": [{"name": "x", "row": {}, "min": 1, "label": "less"}]}}, "no such"),
    ],
    ids=str,
)
def test_a_setting_that_does_not_fit_the_task_is_named(kind, gates, message):
    with pytest.raises(ValidationError, match=message):
        other_world.params(kind, gates)


@pytest.mark.parametrize("gate", sorted(GATES.keys() - {"contract", "limits", "decisions"}))
def test_null_switches_a_gate_off_and_it_is_listed(gate):
    assert off(params({gate: None})) == [gate]


def test_without_any_limit_the_limits_are_listed_as_off():
    bare = params({"limits": None})

    assert off(bare) == ["limits"]


def test_a_fork_without_gate_settings_has_the_default_gates():
    bare = Gates()

    silent = {name for name in GATES if getattr(bare, name, True) is None}
    assert silent == {"fairness", "behaviour"}  # they need columns to be named


def test_every_gate_but_the_contract_has_its_section():
    assert set(GATES) - {"contract", "limits", "decisions"} <= set(Gates.model_fields)


def test_settings_that_name_columns_of_another_table_are_found_with_what_to_set_instead():
    gates = params({"slices": {"columns": ["plan", "usage"]}, "behaviour": {"invariance": [{"column": "plan"}]}}).gates

    assert strange(gates, ["plan", "region"]) == {"gates.slices.columns": []}
    assert strange(gates, ["income"]) == {
        "gates.behaviour": None,
        "gates.fairness": None,
        "gates.slices.columns": [],
    }
    assert strange(gates, ["plan", "usage", "region"]) == {}


def test_limits_of_another_table_are_replaced_by_minimum_requirements():
    before = params({"limits": {"accuracy": {"min": 0.85}, "brier": {"max": 0.1}}, "slices": {"min": 0.7}})

    reset = untold(before, BINARY)

    assert {name: value for name, value in reset.items() if name.startswith("gates")} == {
        "gates.limits": {"roc_auc": {"min": 0.5, "judge": "interval"}},
        "gates.champion.metric": "roc_auc",
        "gates.slices.metric": "roc_auc",
        "gates.slices.min": None,
    }

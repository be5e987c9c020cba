"""The treatment of each setting by `adopt`: derived from the table, reset, or valid for any table."""

import re

import pytest

from ml.adoption import proposed_contract
from ml.settings.monitor import Monitor
from ml.settings.params import Params, read_params
from ml.settings.section import Section
from ml.tasks.kinds import BINARY
from tests.conftest import ROOT, SAMPLE

# Who adds a setting decides here what a new table means for it. A name stands for all settings below it.
DERIVED = {"project", "data", "prepare.split_by", "prepare.gap_days", "retrain.min_rows", "retrain.policy"}
RESET = {
    "validate", "evaluate.threshold", "card", "gates.slices", "gates.fairness", "gates.behaviour", "gates.calibration",
    "gates.limits", "gates.champion.metric", "monitor.metric", "tune.metric",
}  # fmt: skip
STARTING_POINTS = {"train", "tune.trials", "tune.folds", "tune.spaces"}  # they refuse nothing
HOLDS_FOR_ANY_TABLE = {
    "prepare.test_share", "prepare.salt", "evaluate.coverage", "evaluate.bootstrap", "evaluate.confidence",
    "gates.champion", "gates.stability", "gates.size", "gates.latency", "gates.parity",
    "gates.api", "gates.leakage", "gates.freshness",
    *(f"monitor.{name}" for name in Monitor.model_fields if name != "metric"),
    "log", "alert", "scan", "deploy", "engine", "score",
    "retrain.window_months", "retrain.max_quarantined", "retrain.cooldown_days", "retrain.base",
}  # fmt: skip
FATES = {"derived": DERIVED, "reset": RESET, "starting point": STARTING_POINTS, "any table": HOLDS_FOR_ANY_TABLE}

ANY_TABLE = "cust|customer|device"  # among the names that entities of any table have
WORDS = re.compile(r"churn|customer(?!ror)|tenure|support_ticket|late_payment|discount_share|monthly_charge", re.I)


def settings(section=Params, prefix=""):
    """Every setting down to the second level, as a dotted path."""
    for name, field in section.model_fields.items():
        path, inner = f"{prefix}{field.alias or name}", field.annotation
        if isinstance(inner, type) and issubclass(inner, Section) and not prefix:
            yield from settings(inner, f"{path}.")
        else:
            yield path


def belongs(path, names):
    return any(path == name or path.startswith(f"{name}.") for name in names)


def test_every_setting_has_exactly_one_treatment():
    fates = {path: [fate for fate, names in FATES.items() if belongs(path, names)] for path in sorted(settings())}

    assert {path: found for path, found in fates.items() if len(found) != 1} == {}


def changes():
    """The settings that adopt changes for a table without a time, when the current settings need one."""
    params = read_params(SAMPLE)
    timed = params.model_copy(
        update={
            "prepare": params.prepare.model_copy(update={"split_by": "time", "gap_days": 7}),
            "retrain": params.retrain.model_copy(update={"policy": "window"}),
        }
    )
    return proposed_contract.derived(timed, 1000, timed=False), proposed_contract.untold(
        params, BINARY
    ) | proposed_contract.unruled(params)


def test_adopt_sets_the_documented_settings():
    derived, reset = changes()

    assert all(belongs(path, DERIVED) for path in derived)
    assert all(belongs(path, RESET) for path in reset)
    assert {path for path in settings() if belongs(path, DERIVED) and not belongs(path, {"data", "project"})} == {
        *derived
    }


def test_no_number_of_the_sample_is_left_in_what_judges_a_table():
    """A setting of the sample that differs from its default is set by adopt, or is only a starting point."""
    sample = read_params(SAMPLE)
    plain = Params.model_validate({"project": sample.project, "data": sample.data.model_dump()})
    differing = {path for path in settings() if _at(sample, path) != _at(plain, path)}

    decided = DERIVED | RESET | STARTING_POINTS
    assert {path for path in differing if not belongs(path, decided)} == set()


def _at(params, path):
    for name in path.replace("validate", "validation").split("."):
        params = getattr(params, name)
    return params


@pytest.mark.parametrize("folder", ["src/ml", "serving", "src/deploy"])
def test_generic_code_contains_no_word_of_the_sample(folder):
    found = set()
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in {".py", ".json", ".yaml", ".yml", ".html", ".sql", ".cfg", ".tmpl"}:
            lines = path.read_text(encoding="utf-8").splitlines()
            found |= {
                (str(path.relative_to(ROOT)), line.strip())
                for line in lines
                if WORDS.search(line.replace(ANY_TABLE, ""))
            }

    assert sorted(found) == []

"""The gate stage on a small build, beside another model on main."""

import pytest
import yaml

from ml.io import files
from ml.registry import baseline
from ml.registry.baseline import Baseline
from ml.settings.params import read_params
from ml.stages import evaluate, gate, prepare, train, validate

pytestmark = pytest.mark.slow


def configure(**sections):
    settings = yaml.safe_load(files.PARAMS.read_text())
    for name, changes in sections.items():
        settings[name] |= changes
    files.PARAMS.write_text(yaml.safe_dump(settings))


@pytest.fixture
def built(project):
    """A small build with every gate enabled; its folder has no lock files, which gives a warning."""
    configure(train={"model": "logistic_regression"}, evaluate={"bootstrap": 100}, prepare={"test_share": 0.5})
    configure(gates={"limits": {"accuracy": {"min": 0.7}, "roc_auc": {"min": 0.7}}, "freshness": {"refuse": "never"}})
    configure(gates={"fairness": None, "slices": {"columns": ["plan"], "min_class": 5}})
    for stage in (validate, prepare, train, evaluate):
        stage.main()
    return project


def verdicts():
    return {v["gate"]: v for v in files.read_json(files.VERDICT)["verdicts"]}


def test_every_enabled_gate_gives_a_verdict_and_disabled_ones_are_listed(built, capsys):
    code = gate.main()

    record = files.read_json(files.VERDICT)
    assert code == 0
    assert record["off"] == ["fairness"]
    assert (record["champion"], record["against"]) == ("no champion", None)
    assert "gate: off      fairness" in capsys.readouterr().err
    assert {"data contract", "accuracy", "champion", "stability", "slices: plan", "parity", "size"} <= verdicts().keys()


def test_refused_verdicts_come_last(built, capsys):
    configure(gates={"limits": {"accuracy": {"min": 0.999}}})

    gate.main()

    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gate: ")]
    words = [line.split()[1] for line in lines]
    assert words[-1] == "REFUSED"
    assert words == sorted(words, key=["off", "passed", "WARNING", "REFUSED"].index)


def rival(monkeypatch, content, **lineage):
    """A champion with these bytes, trained with the current settings."""
    settings = read_params().model_dump(mode="json", by_alias=True)
    origin = {"params": settings, "data": {"md5": ""}} | lineage
    monkeypatch.setattr(baseline, "find", lambda project: Baseline("the champion", content, origin, digest="champ"))


def test_a_champion_is_scored_on_our_test_rows(built, monkeypatch):
    content = files.read_bytes(files.MODEL / "model.skops")
    configure(train={"model": "hist_gradient_boosting"})
    train.main()
    evaluate.main()
    rival(monkeypatch, content)

    gate.main()

    found = verdicts()
    assert files.read_json(files.VERDICT)["against"] == "champ"
    assert "on the same" in found["champion"]["reason"]
    assert "rows change side against the champion" in found["stability"]["reason"]
    assert "times the champion's" in found["latency p50"]["reason"]


def test_a_champion_with_other_columns_gives_no_traceback(built, monkeypatch):
    content = files.read_bytes(files.MODEL / "model.skops")
    settings = yaml.safe_load(files.PARAMS.read_text())
    for gone in ("support_tickets", "device", "channel", "discount_share"):
        del settings["data"]["columns"][gone]
    files.PARAMS.write_text(yaml.safe_dump(settings))
    for stage in (validate, prepare, train, evaluate):
        stage.main()
    rival(monkeypatch, content)

    code = gate.main()

    assert code == 0
    assert not verdicts()["champion"]["passed"]
    reason = verdicts()["champion"]["reason"]
    assert "it needs other columns (channel, device, discount_share, support_tickets)" in reason


def test_the_built_model_itself_is_recognised_by_its_bytes(built, monkeypatch):
    rival(monkeypatch, files.read_bytes(files.MODEL / "model.skops"))

    gate.main()

    assert verdicts()["champion"]["reason"] == "this is the champion itself, with identical bytes"


def test_the_built_model_with_another_threshold_is_compared_with_the_champion(built, monkeypatch):
    rival(monkeypatch, files.read_bytes(files.MODEL / "model.skops"))
    configure(evaluate={"threshold": 0.2})
    train.main()
    evaluate.main()

    gate.main()

    assert "on the same" in verdicts()["champion"]["reason"]
    assert "(threshold 0.5, now 0.2)" in verdicts()["stability"]["reason"]


def test_shuffled_labels_are_refused_by_name(built, customers):
    shuffled = customers["churned"].sample(frac=1, random_state=0).to_numpy()
    customers.assign(churned=shuffled).to_parquet("data/customers.parquet")
    for stage in (validate, prepare, train, evaluate):
        stage.main()

    code = gate.main()

    refused = {name for name, v in verdicts().items() if not v["passed"] and v["severity"] == "critical"}
    assert code == 1
    assert {"roc_auc", "calibration slope"} <= refused


def test_a_planted_copy_of_the_target_is_refused_by_name(built, customers):
    customers.assign(support_tickets=customers["churned"] * 3).to_parquet("data/customers.parquet")
    for stage in (validate, prepare, train, evaluate):
        stage.main()

    assert gate.main() == 1
    assert "support_tickets alone determines the target" in verdicts()["leakage: columns"]["reason"]

"""Pull requests that a gate refuses: every gate fails in model.yml after a realistic change.

code.yml does not run here; test_scenarios_ci.py runs it. Gates that need only other settings for the same model share
one pull request with all these settings, and the comment must name each.
"""

import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from ml.gates import GATES
from tests.workflows.runner import git
from tests.workflows.test_scenarios_ci import MODEL, commented, instead, judged, results

pytestmark = [pytest.mark.slow, pytest.mark.template]

SENTENCE = re.compile(r"^- \*\*(.+?)\*\*: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Refused:
    """The change of a person, and the expected text of each refusal; the model is built if the change makes another."""

    changes: dict[str, str]
    reasons: dict[str, str]
    gates: tuple[str, ...]
    build: bool = False
    told: tuple[str, ...] = ()  # what else the comment says


STRICTER = """min: 0.7 -> min: 0.97
columns: [region] -> columns: [contract]
max_change: 0.1, allow: 0.01 -> max_change: 0.01, allow: 0.01
slope: { min: 0.8 } -> slope: { min: 1.4 }
max_mb: 100 -> max_mb: 0.1
p50_ms: 20.0 -> p50_ms: 0.001
accuracy: { min: 0.85 } -> accuracy: { min: 0.99 }"""

CASES = {
    "nine gates: stricter settings, scores rounded by the server, and a build that nobody committed": Refused(
        {
            "params.yaml": f"{STRICTER}\nbootstrap: 200 -> bootstrap: 300",
            "src/ml/tasks/answers.py": '[{"score": score, "label": score -> [{"score": round(score, 2), "label": score',
        },
        dict.fromkeys([f"slices: {name}" for name in ("plan", "region", "channel", "tenure_months")], "below 0.97")
        | {
            "slices: contract": r"worst is contract=one_year: roc_auc 0\.\d+, surely below 0\.97",
            "fairness: contract demographic parity": r"differs by 0\.\d+ .+ above the maximum 0\.1",
            "invariance: region": r"more than 0\.01 for [\d.]+% of rows: above the allowed 1\.0%",
            "calibration slope": r"1\.\d+ is below the minimum 1\.400",
            "size": r"the model has \d\.\d+ MB, above 0\.1 MB",
            "latency p50": r"one row takes [\d.]+ ms, .+ above 0\.001 ms",
            "accuracy": r"accuracy 0\.\d+ is below the minimum 0\.990",
            "api parity": r"differ by at most 5\.0e-03 on 1,000 rows, above 1e-06; \d+ with another decision",
            "locks: committed": r"different from the last commit: dvc\.lock\. Commit the build\.",
        },
        ("limits", "slices", "fairness", "behaviour", "calibration", "size", "latency", "api", "freshness"),
        told=("| gates.limits.accuracy.min | 0.85 | 0.99 |",),
    ),
    "champion and stability: a smaller forest": Refused(
        {
            "params.yaml": "n_estimators: 30, max_depth: 12 -> n_estimators: 5, max_depth: 6\n"
            "max_flips: 0.1 -> max_flips: 0.01"
        },
        {
            "champion": r"worse: roc_auc 0\.\d+ behind version 1 on the same 2,388 rows \(interval .+, margin 0\.005\)",
            "stability": r"\d+ of 2,388 rows change side against version 1, [\d.]+%: above the maximum 1\.0%",
        },
        ("champion", "stability"),
        build=True,
    ),
    "leakage: rows that test train as well": Refused(
        {"src/ml/stages/prepare.py": "train.add(part.train) -> train.add(part.train); train.add(part.test)"},
        {"leakage: ids": r"2,388 customer_ids are in training and test rows, e\.g\. c\d+"},
        ("leakage",),
        build=True,
        told=("better: roc_auc",),  # that is what it looks like to the champion's gate
    ),
}


@pytest.fixture
def scenario(scenario):
    """Like in test_scenarios_ci.py."""
    return instead(scenario, "")


def seen(scenario, branch, commit):
    """The result of a failed model.yml and its comment; nothing but that comment was written anywhere."""
    registry = git(scenario.origin, "rev-parse", "mlflow")

    outcome = judged(scenario, commit)

    comment = commented(scenario, outcome, branch, commit)
    assert outcome.jobs == results(MODEL, pipeline="failure", model="failure")
    assert "pipeline: failure, planned: success" in outcome.said("model")
    assert "❌ **model did not pass**" in comment
    assert "| Pipeline | Build, judge and report | read the report below" in comment
    assert len(scenario.hub.made("POST|PATCH|PUT|DELETE")) == 1
    assert git(scenario.origin, "rev-parse", "mlflow") == registry
    assert git(scenario.origin, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/heads/mlflow",
    ]
    return outcome, comment


def test_every_gate_has_a_pull_request_that_it_refuses():
    """The pull requests below are refused by all gates of `ml.gates` that a change of settings or code can fail."""
    elsewhere = {
        "contract": "bad data, below",
        "decisions": "only warns",
        "parity": "the compiled form answers to the last bit, so no setting raises it; `make prove` does",
    }

    assert sorted([*elsewhere, *(gate for case in CASES.values() for gate in case.gates)]) == sorted(GATES)


@pytest.mark.parametrize("what", CASES)
def test_a_pull_request_is_refused_by(scenario, what):
    """`model` fails; the comment names each refusing gate, and no other, with figure and limit; no version is made."""
    case = CASES[what]
    if case.build:
        scenario.build(case.changes)
    commit = scenario.commit({} if case.build else case.changes, "change")

    outcome, comment = seen(scenario, "change", commit)

    found = dict(SENTENCE.findall(comment))
    assert found.keys() == case.reasons.keys()
    assert {name for name, sentence in case.reasons.items() if not re.search(sentence, found[name])} == set()
    count = "1 reason" if len(found) == 1 else f"{len(found)} reasons"
    assert f"# ❌ churn: the model is refused for {count}\n" in comment
    assert outcome.artifacts() == ["report", "report.html"]
    assert "evaluate:" in outcome.said("pipeline")  # whatever was built before
    assert all(text in comment for text in case.told)
    assert not (scenario.store / "calls").exists()  # no image of a refused model


def test_bad_data_is_refused_before_training(scenario):
    """`ci` fails, nothing is trained; the comment names the column, the number of rows, and an example."""
    commit = with_bad_data(scenario)

    outcome, comment = seen(scenario, "bad-data", commit)

    assert "# ❌ churn: the data breaks its contract" in comment
    assert re.search(
        r"\| ❌ \| tenure_months \| .+ \| 1 of 12,000 rows are not 0 to 600, e\.g\. -7\.0 at row 37 \|", comment
    )
    assert "train:" not in outcome.said("pipeline")


def with_bad_data(scenario):
    script = (
        "import pandas as pd; p = 'data/customers.parquet'; f = pd.read_parquet(p);"
        "f.loc[36, 'tenure_months'] = -7; f.to_parquet(p)"
    )
    dvc = f"{sys.prefix}/bin/dvc"
    for command in (
        [dvc, "pull", "--quiet", "data.dvc"],
        [sys.executable, "-c", script],
        [dvc, "add", "--quiet", "data"],
        [dvc, "push", "--quiet", "data.dvc"],
    ):
        subprocess.run(command, cwd=scenario.folder, check=True)
    return scenario.commit({}, "bad-data")

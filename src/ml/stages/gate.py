"""Decide whether the model that was built may be registered."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
from sklearn.pipeline import Pipeline

from ml import baseline, cli, files, gates, lineage, locks, model, schema
from ml.gates import Evidence, Incumbent, Served, Verdict
from ml.params import Data, Params, read_params


def main() -> int:
    """Judge the build by params.gates and write build/verdict.json; exit 1 when a gate refuses, naming each."""
    params = read_params()
    evidence = collect(params)
    verdicts = gates.judge(evidence)
    refusals = gates.refused(verdicts)
    silent = gates.off(params)
    record = {
        "model": lineage.digest(files.MODEL / "model.skops"),
        "passed": not refusals,
        "champion": next((v.outcome for v in verdicts if v.outcome), ""),
        "off": silent,
        "verdicts": [asdict(v) for v in verdicts],
    }
    files.write_json(record, files.VERDICT)
    if silent:
        cli.say(f"gate: off      {', '.join(silent)} (params.yaml: gates)")
    for verdict in sorted(verdicts, key=_rank):
        cli.say(f"gate: {('passed ', 'WARNING', 'REFUSED')[_rank(verdict)]}  {verdict.gate}: {verdict.reason}")
    return 1 if refusals else 0


def collect(params: Params) -> Evidence:
    """Everything the gates judge, from build/, the lock files and the model to beat."""
    train, test = files.read_table(files.TRAIN), files.read_table(files.TEST)
    scored = files.read_table(files.SCORES)
    content = files.read_bytes(files.MODEL / "model.skops")
    return Evidence(
        params=params,
        validation=files.read_json(files.VALIDATION),
        train=train,
        test=test,
        label=scored["label"].to_numpy(),
        score=scored["score"].to_numpy(),
        intervals=files.read_json(files.INTERVALS),
        model=served(model.loads(content), content, params.data),
        locks=locks.read(),
        data=files.digest(Path(params.data.file)),
        champion=_incumbent(content, test, params.data),
    )


def served(fitted: Pipeline, content: bytes, data: Data) -> Served:
    """The model as serving uses it."""
    return Served(
        score=lambda frame: model.scores(fitted, frame, data),
        answer=lambda rows: model.scores(fitted, pd.DataFrame(rows, columns=schema.features(data)), data).tolist(),
        size=len(content),
    )


def _incumbent(content: bytes, test: pd.DataFrame, data: Data) -> Incumbent | None:
    """The model to beat with its scores of the test rows, or with the reason why it has none."""
    found = baseline.find()
    if found is None:
        return None
    known = {"params": found.lineage.get("params", {}), "data": found.lineage.get("data", {}).get("md5") or ""}
    if found.model is None:
        return Incumbent(found.version, **known, why=found.why)
    rival = served(model.loads(found.model), found.model, data)
    try:
        score = rival.score(test)
    except (KeyError, ValueError) as error:
        return Incumbent(found.version, **known, why=f"it needs other columns ({' '.join(str(error).split())})")
    return Incumbent(found.version, **known, served=rival, score=score, same=found.model == content)


def _rank(verdict: Verdict) -> int:
    return 0 if verdict.passed else 1 if verdict.severity == "warning" else 2


if __name__ == "__main__":
    cli.run(main)

"""Decide whether the model that was built may be registered."""

from dataclasses import asdict

from ml import cli, files, gates, lineage
from ml.params import read_params


def main() -> int:
    """Judge the build by params.gates and write build/verdict.json; exit 1 when a gate refuses, naming each."""
    params = read_params()
    rows = files.read_json(files.METRICS)["rows"]
    verdicts = gates.absolute(files.read_json(files.INTERVALS), rows, params.gates)
    refusals = gates.refused(verdicts)
    judged = lineage.digest(files.MODEL / "model.skops")
    record = {"model": judged, "passed": not refusals, "verdicts": [asdict(v) for v in verdicts]}
    files.write_json(record, files.VERDICT)
    for verdict in verdicts:
        cli.say(f"gate: {'passed ' if verdict.passed else 'REFUSED'} {verdict.reason}")
    return 1 if refusals else 0


if __name__ == "__main__":
    cli.run(main)

"""A file that a command reads may be absent, cut off or malformed: each case ends in a sentence, never a traceback."""

import contextlib
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from ml.io import files
from ml.io.errors import UserError
from ml.stages import evaluate, gate, prepare, register, report, track, train, validate
from tests.conftest import furnish
from tests.pipeline.test_stages import configure

pytestmark = pytest.mark.slow
TABLE = Path("data/customers.parquet")
MODEL, CONTRACT = files.MODEL / "model.skops", files.MODEL / "contract.json"
FORM, TREES = files.MODEL / "compiled.json", files.MODEL / "compiled.onnx"
LEDGER = Path(".mlflow/ledger.jsonl")
READS = {  # of each command: what it reads, whoever wrote it
    "validate": [files.PARAMS, TABLE],
    "prepare": [files.PARAMS, TABLE],
    "train": [files.PARAMS, files.TRAIN],
    "tune": [files.TRAIN],
    "evaluate": [files.TRAIN, files.TEST, MODEL, FORM, TREES],
    "track": [files.METRICS, files.INTERVALS, MODEL, CONTRACT],
    "gate": [files.TEST, files.SCORES, files.INTERVALS, files.VALIDATION, MODEL, FORM, TREES, LEDGER],
    "report": [files.VERDICT, files.VALIDATION, files.INTERVALS, files.PROFILE, files.PLOTS / "importance.csv"],
    "register": [
        files.VERDICT,
        files.METRICS,
        files.INTERVALS,
        files.PROFILE,
        files.REFERENCE,
        MODEL,
        CONTRACT,
        LEDGER,
    ],
    "models": [files.PARAMS, LEDGER],
    "promote": [LEDGER],
    "rollback": [LEDGER],
    "reproduce": [LEDGER],
    "monitor": [files.PARAMS, LEDGER],
    "retrain": [files.PARAMS],
    "propose": [files.RETRAIN, files.MONITOR],
    "alert": [files.MONITOR],
    "push": [files.IMAGE, files.SMOKE],
    "smoke": [files.IMAGE],
    "scan": [files.IMAGE],
    "deploy": [files.IMAGE],
    "manifests": [files.IMAGE],
}
ARGUMENTS = {"promote": {"version": 1}, "manifests": {"env": "staging"}, "tune": {"trials": 1}}
DAMAGES = {
    "absent": None,
    "cut off": lambda whole: whole[: len(whole) // 2],
    "noise": lambda whole: bytes(range(256)) * 8,
    "an object": lambda _: b"{}\n",
    "a text": lambda _: b'"x"\n',
}
GATES = {"limits": {"accuracy": {"min": 0.7}}, "freshness": None, "api": None, "latency": None}
MEMBERS = [(stage, path) for stage, paths in READS.items() for path in paths]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, customers):
    """A repository with everything built and registered once, from a forest small enough for tests."""
    folder = tmp_path_factory.mktemp("finished")
    furnish(folder, customers)
    with contextlib.chdir(folder):
        configure(train__random_forest__n_estimators=5, evaluate__bootstrap=100, gates=GATES)
        for command in (["init", "-q", "-b", "main"], ["add", "params.yaml"], ["commit", "-qm", "start"]):
            subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *command], check=True)
        for stage in (validate, prepare, train, evaluate, track):
            stage.main()
        gate.main()
        report.main()
        register.main(force="a test")
        for path, content in _others().items():
            files.write_json(content, path)
    return folder


def _others():
    """Records that commands for a container engine or GitHub write."""
    image = {"image": "a:1", "id": "sha256:1", "digest": None, "version": 1, "model": "m", "revision": "r", "size": 1}
    return {
        files.IMAGE: image,
        files.SMOKE: {"image": "sha256:1", "passed": True, "checks": []},
        files.RETRAIN: {"outcome": "refused", "reasons": ["a reason"], "project": "churn", "date": "2026-01-01"}
        | {"base": "main", "base_commit": "1", "branch": "retrain/2026-01-01"},
        files.MONITOR: {"verdict": "drift", "reason": "a reason", "confirmed": True},
    }


@pytest.mark.parametrize(("stage", "path"), MEMBERS, ids=str)
def test_damage_ends_in_a_sentence(finished, tmp_path, monkeypatch, stage, path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True, symlinks=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    whole = path.read_bytes() if path.exists() else b""
    said, trouble = [], []
    for name, change in DAMAGES.items():
        path.unlink(missing_ok=True)
        if change:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(change(whole))
        try:
            import_module(f"ml.stages.{stage}").main(**ARGUMENTS.get(stage, {}))
        except UserError as error:
            said.append(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ours
            trouble.append(f"{name}: {type(error).__name__}: {error}"[:200])

    assert not trouble, "\n".join(trouble)
    assert all(said)

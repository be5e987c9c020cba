"""A record that one command writes is read by another with the same type; a damaged or newer one gives a sentence."""

import json

import pytest

from ml.data.validation_record import ValidationRecord
from ml.deployment.image_record import ImageRecord
from ml.gates.gate_record import GateRecord
from ml.gates.verdict import Verdict
from ml.io.errors import UserError
from ml.model.lineage import Lineage
from ml.monitoring.monitor_record import MonitorRecord
from ml.registry.ledger import Version

WHOLE = {"model": "m", "passed": True, "verdicts": [{"gate": "size", "passed": True, "reason": "small"}]}


def test_a_record_is_read_back_unchanged(tmp_path):
    verdict = Verdict("slices", passed=False, reason="few", value=3, evidence=({"slice": "plan=a", "rows": 9},))
    record = GateRecord(model="m", passed=False, verdicts=(verdict,))

    record.write(tmp_path / "verdict.json")

    assert GateRecord.read(tmp_path / "verdict.json") == record
    assert json.loads((tmp_path / "verdict.json").read_text())["schema_version"] == 1


def test_a_file_without_a_version_is_read(tmp_path):
    (tmp_path / "verdict.json").write_text(json.dumps(WHOLE))

    assert GateRecord.read(tmp_path / "verdict.json").verdicts[0].gate == "size"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(WHOLE | {"schema_version": 2}), "has schema version 2, and this code reads up to 1"),
        (json.dumps(WHOLE | {"passed": "perhaps"}), "`passed`: Input should be a valid boolean"),
        (json.dumps(WHOLE | {"pased": True}), "`pased`: Extra inputs are not permitted"),
        (json.dumps(WHOLE)[:40], "is not JSON"),
        ("[]", "is damaged, or has another version"),
    ],
)
def test_a_damaged_or_newer_record_names_the_file_and_the_remedy(tmp_path, content, said):
    path = tmp_path / "verdict.json"
    path.write_text(content)

    with pytest.raises(UserError, match="Run `make run`") as error:
        GateRecord.read(path)

    assert str(path) in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("kind", "command"),
    [(MonitorRecord, "make monitor"), (ImageRecord, "make image"), (ValidationRecord, "make run")],
)
def test_a_missing_record_names_the_command_that_writes_it(tmp_path, kind, command):
    with pytest.raises(UserError, match=f"is missing. Run `{command}`"):
        kind.read(tmp_path / "none.json")


def test_the_lineage_of_an_older_registry_is_read_and_of_a_newer_one_refused():
    old = {"commit": "c" * 40, "changed": [], "data": {"md5": "1" * 32}, "something": "of then"}

    assert Version(1, {"run": {"lineage": old}}).lineage == Lineage.model_validate(old)
    with pytest.raises(UserError, match="the lineage of version 3 has schema version 9"):
        _ = Version(3, {"run": {"lineage": old | {"schema_version": 9}}}).lineage


@pytest.mark.parametrize("library", ["../../elsewhere", "os.path", "", "-e", "a b", "a\u2028"])
def test_a_library_in_a_shared_record_is_a_name_and_never_a_path_or_a_module_to_import(library):
    shared = {"commit": "c" * 40, "changed": [], "data": {"md5": None}, "estimator": {"library": library}}

    with pytest.raises(UserError, match=r"`estimator\.library`"):
        _ = Version(1, {"run": {"lineage": shared}}).lineage

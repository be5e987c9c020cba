"""The proof passes, and it fails if a gate or a judgement inside a gate is disabled."""

import inspect
import types
from dataclasses import replace
from functools import wraps
from pathlib import Path

import pytest

from ml import gates
from ml.gates import GATES, Verdict
from tests.gates import prove
from tests.gates.faults import faults

pytestmark = pytest.mark.slow
MODULES = [module for _, module in sorted(vars(gates).items()) if isinstance(module, types.ModuleType)]
JUDGEMENTS = [
    (module, name)
    for module in MODULES
    for name, function in sorted(vars(module).items())
    if inspect.isfunction(function)
    and function.__module__ == module.__name__
    and "Verdict" in str(inspect.signature(function).return_annotation)
    and name not in {"refused", "warned"}
]


def lenient(function):
    """The same judgement, with every verdict passed."""

    @wraps(function)
    def judged(*arguments, **options):
        found = function(*arguments, **options)
        if isinstance(found, Verdict):
            return replace(found, passed=True)
        return found and [replace(verdict, passed=True) for verdict in found]

    return judged


def of(gate):
    """The faults planted for one gate."""
    return [fault for fault in faults() if fault.gate == gate]


def noticed(gate, judge):
    """Whether the proof fails if another function replaces a gate; it stops at the first fault that shows it."""
    return any(prove.failures({gate: judge}, prove.prove({gate: judge}, [fault])) for fault in of(gate))


def test_every_gate_catches_its_faults_and_passes_their_controls():
    rows = prove.prove(GATES, faults())

    assert prove.failures(GATES, rows) == []


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("mutant", [lambda judge: lambda evidence: [], lenient], ids=["silent", "lenient"])
def test_a_disabled_gate_fails_the_proof(gate, mutant):
    assert noticed(gate, mutant(GATES[gate]))


@pytest.mark.parametrize(("module", "name"), JUDGEMENTS, ids=lambda v: getattr(v, "__name__", v))
def test_a_judgement_that_finds_nothing_wrong_fails_the_proof(module, name, monkeypatch):
    gate = next(gate for gate, judge in GATES.items() if judge.__module__ == module.__name__)
    monkeypatch.setattr(module, name, lenient(getattr(module, name)))

    assert noticed(gate, module.judge)


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_refuses_everything_fails_the_proof(gate):
    def paranoid(evidence):
        return [replace(verdict, passed=False, severity="critical") for verdict in GATES[gate](evidence)]

    assert noticed(gate, paranoid)


def test_a_gate_without_a_planted_fault_fails_the_proof():
    assert prove.failures({"newcomer": lambda evidence: []}, []) == ["newcomer: no fault is planted for this gate"]


def test_the_command_exits_1_when_a_gate_is_disabled(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(prove, "faults", lambda: of("size"))
    monkeypatch.setattr(prove, "GATES", {"size": lambda evidence: []})

    code = prove.main()

    assert code == 1
    assert "LET PASS" in capsys.readouterr().out


def test_the_document_shows_every_fault_in_the_order_of_the_proof():
    document = Path("docs/gates.md").read_text(encoding="utf-8")
    answer = {"critical": "refused", "warning": "warned"}

    table = "".join(f"| {f.gate} | {f.what} | {answer[f.severity]} | passes |\n" for f in faults())

    assert table in document

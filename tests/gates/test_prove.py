"""The proof holds, and it fails as soon as any gate, or any judgement inside one, is switched off."""

import inspect
import types
from dataclasses import replace
from functools import wraps

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
    """The same judgement, but nothing it sees is ever wrong."""

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


def test_every_gate_catches_its_faults_and_lets_their_good_neighbours_pass():
    rows = prove.prove(GATES, faults())

    assert prove.failures(GATES, rows) == []


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("mutant", [lambda judge: lambda evidence: [], lenient], ids=["silent", "lenient"])
def test_a_disabled_gate_fails_the_proof(gate, mutant):
    disabled = {gate: mutant(GATES[gate])}

    rows = prove.prove(disabled, of(gate))

    assert prove.failures(disabled, rows)


@pytest.mark.parametrize(("module", "name"), JUDGEMENTS, ids=lambda v: getattr(v, "__name__", v))
def test_a_judgement_that_finds_nothing_wrong_fails_the_proof(module, name, monkeypatch):
    gate = next(gate for gate, judge in GATES.items() if judge.__module__ == module.__name__)
    monkeypatch.setattr(module, name, lenient(getattr(module, name)))
    mutated = {gate: module.judge}

    rows = prove.prove(mutated, of(gate))

    assert prove.failures(mutated, rows)


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_refuses_everything_fails_the_proof(gate):
    paranoid = {gate: lambda evidence: [replace(v, passed=False, severity="critical") for v in GATES[gate](evidence)]}

    rows = prove.prove(paranoid, of(gate))

    assert prove.failures(paranoid, rows)


def test_a_gate_that_was_shown_no_fault_fails_the_proof():
    assert prove.failures({"newcomer": lambda evidence: []}, []) == ["newcomer: no fault is planted for this gate"]


def test_the_command_exits_1_when_a_gate_is_disabled(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(prove, "faults", lambda: of("size"))
    monkeypatch.setattr(prove, "GATES", {"size": lambda evidence: []})

    code = prove.main()

    assert code == 1
    assert "LET PASS" in capsys.readouterr().out

"""Gives every gate a fault that it must catch and a control without the fault that it must pass: `make prove`."""

from collections.abc import Iterable, Mapping
from typing import Any

from ml import gates
from ml.gates import GATES, Gate, Verdict
from ml.gates.proof_record import ProofRecord
from ml.io import cli, files, git
from tests.gates.faults import Fault, faults


def main() -> int:
    """Print the outcome of each planted fault and write build/prove.json; exit 1 when a gate fails its proof."""
    rows = prove(GATES, faults())
    wrong = failures(GATES, rows)
    ProofRecord(commit=git.commit(), passed=not wrong, wrong=wrong, rows=rows).write(files.PROOF)
    print(table(rows))
    for sentence in wrong:
        cli.say(f"prove: {sentence}")
    if not wrong:
        cli.say(f"prove: {len(rows)} faults caught by {len(GATES)} gates; every control passes")
    return 1 if wrong else 0


def prove(judges: Mapping[str, Gate], planted: Iterable[Fault]) -> list[dict[str, Any]]:
    """For each fault whether its gate caught it and passed the control, with the gate's reason."""
    return [_proof(judges[fault.gate], fault) for fault in planted if fault.gate in judges]


def failures(judges: Mapping[str, Gate], rows: list[dict[str, Any]]) -> list[str]:
    """The failures of a proof, one sentence each; a gate without a planted fault is a failure too."""
    unproven = [f"{name}: no fault is planted for this gate" for name in judges.keys() - {r["gate"] for r in rows}]
    let = [f"{r['gate']}: lets pass: {r['fault']}" for r in rows if not r["caught"]]
    refused = [f"{r['gate']}: refuses the control of: {r['fault']}" for r in rows if not r["control"]]
    return sorted(unproven) + let + refused


def table(rows: list[dict[str, Any]]) -> str:
    """The proof for a terminal."""
    lines = [["gate", "planted fault", "caught", "control"]]
    for row in rows:
        answer = "refused" if row["expected"] == "critical" else "warned"
        passes = "passes" if row["control"] else "REFUSED"
        lines.append([row["gate"], row["fault"], answer if row["caught"] else "LET PASS", passes])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _proof(judge: Gate, fault: Fault) -> dict[str, Any]:
    bad, good = judge(fault.bad()), judge(fault.good())
    caught = [v for v in bad if v.gate == fault.verdict and not v.passed and v.severity == fault.severity]
    return {
        "gate": fault.gate,
        "verdict": fault.verdict,
        "fault": fault.what,
        "expected": fault.severity,
        "caught": bool(caught),
        "control": bool(good) and not gates.refused(good) and not _raised(good, fault),
        "reason": caught[0].reason if caught else "",
    }


def _raised(verdicts: list[Verdict], fault: Fault) -> bool:
    return any(v.gate == fault.verdict and not v.passed for v in verdicts)


if __name__ == "__main__":
    cli.run(main)

"""Why a retraining waits or is refused, and how many rows it counted."""

from collections.abc import Iterator
from pathlib import Path

from ml.data.validation_record import ValidationRecord
from ml.io import files
from ml.io.text import counted
from ml.retraining import fresh
from ml.retraining.retrain_record import Counts
from ml.settings.params import Params


def counts(sifted: fresh.Sifted, known: int) -> Counts:
    """How many fresh rows are good, set aside and already known."""
    why = {str(reason): int(count) for reason, count in sifted.reasons.value_counts().items()}
    return Counts(fresh=len(sifted.good), quarantined=len(sifted.bad), why=why, known=known)


def few(rows: int, params: Params) -> str:
    """Too few fresh rows with labels."""
    return f"{counted(rows, 'fresh labelled row')}: fewer than retrain.min_rows {params.retrain.min_rows:,}"


def broken_source(sifted: fresh.Sifted, params: Params) -> str:
    """Too many fresh rows that break the contract, and which rule most of them break."""
    why = sifted.broken.value_counts()
    return (
        f"{len(sifted.broken):,} of {counted(len(sifted.bad) + len(sifted.good), 'fresh row')} "
        f"({sifted.share:.1%}) break the "
        f"contract, more than retrain.max_quarantined {params.retrain.max_quarantined:.1%}; most often "
        f"{why.index[0]} ({counted(int(why.iloc[0]), 'row')}). Fix the source: {files.QUARANTINE} contains the rows."
    )


def broken(folder: Path) -> Iterator[str]:
    """What the contract says of the table with the fresh rows in it, where `validate` has stopped."""
    path = folder / files.VALIDATION
    for check in ValidationRecord.read(path).broken if path.exists() else ():
        yield f"{check.subject}: {check.found}"

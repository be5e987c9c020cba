"""The reason why a retraining waits or is refused, and the counts of its rows."""

from collections.abc import Iterator
from pathlib import Path

from ml.data.validation_record import ValidationRecord
from ml.io import files
from ml.io.text import counted
from ml.retraining import fresh
from ml.retraining.retrain_record import RowCounts
from ml.settings.params import Params


def counts(sifted: fresh.Sifted, known: int) -> RowCounts:
    """The numbers of fresh rows that are accepted, quarantined and already known."""
    why = {str(reason): int(count) for reason, count in sifted.reasons.value_counts().items()}
    return RowCounts(fresh=len(sifted.good), quarantined=len(sifted.bad), why=why, known=known)


def few(rows: int, params: Params) -> str:
    """The reason that there are too few fresh rows with labels, else None."""
    return f"{counted(rows, 'fresh labelled row')}: fewer than retrain.min_rows {params.retrain.min_rows:,}"


def broken_source(sifted: fresh.Sifted, params: Params) -> str:
    """The reason that too many fresh rows break the contract, with the rule that most of them break, else None."""
    why = sifted.broken.value_counts()
    return (
        f"{len(sifted.broken):,} of {counted(len(sifted.bad) + len(sifted.good), 'fresh row')} "
        f"({sifted.share:.1%}) break the "
        f"contract, more than retrain.max_quarantined {params.retrain.max_quarantined:.1%}; most often "
        f"{why.index[0]} ({counted(int(why.iloc[0]), 'row')}). Fix the source: {files.QUARANTINE} contains the rows."
    )


def broken(folder: Path) -> Iterator[str]:
    """The error of `validate` about the table with the fresh rows."""
    path = folder / files.VALIDATION
    for check in ValidationRecord.read(path).broken if path.exists() else ():
        yield f"{check.subject}: {check.found}"

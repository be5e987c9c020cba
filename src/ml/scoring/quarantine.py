"""The rows of a batch job that break the contract."""

from pathlib import Path

from ml.io import sheets

NAME = "_quarantine"  # of the folder in the output
OWN = ("source", "row", "reason")  # its columns beside those of the table


def example(output: Path) -> str:
    """The reason and the place of the first row in the quarantine of an output."""
    first = sheets.read_rows(min((output / NAME).glob("*.csv")))[0]
    source, place, reason = (first[name] for name in OWN)
    return f"{reason} at row {place:,.0f} of {source}"

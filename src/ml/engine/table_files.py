"""The .parquet and .csv files at an address of fsspec."""

from typing import Any

from ml.io.errors import UserError
from ml.io.text import counted

ENDINGS = (".parquet", ".csv")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
TABLES = (*ENDINGS, *PACKED, ".pq", ".parq", ".tsv", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xls")


def found(system: Any, path: str, where: str) -> list[str]:
    """One file, all of a folder, or all that match a pattern, by name; hidden ones (`.x`, `_x`) do not count.

    Raises UserError if there is none, or if there is a table in another format, which must not be left out silently.
    """
    if system.isdir(path):
        there = [p for p in system.find(path) if not _hidden(p.removeprefix(path))]
        some = [p for p in there if p.lower().endswith(TABLES)]
    else:  # a file name may contain wildcard characters
        some = [path] if system.exists(path) else system.glob(path) if {*"*?["} & {*path} else []
    if not some:
        raise UserError(f"{where} contains no .parquet or .csv file. Correct the address.")
    if odd := sorted(p for p in some if not p.endswith(ENDINGS)):
        if some == [path]:
            raise UserError(f"{path} is neither .parquet nor .csv. Write it in one of these formats.")
        raise UserError(
            f"{where} contains {counted(len(odd), 'table')} in another format than .parquet and .csv, e.g. {odd[0]}. "
            "Write it in one of these formats, or move it away."
        )
    return sorted(some)


def _hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.strip("/").split("/"))

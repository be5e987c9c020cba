"""Exported files in common formats, which `adopt` reads once and stores as Parquet."""

import bz2
import codecs
import gzip
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from ml.adoption.exported_text import (
    BOMS,
    HALF,
    HEAD,
    TITLES,
    csv_table,
    decoded,
    lines_of,
    skipped,
    usual,
)
from ml.data import cells, file_kinds, reading
from ml.io import files
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import as_text

UNPACK = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
EXCEL = (".xlsx", ".xlsm")
PARQUET = (".parquet", ".pq", ".parq")


@dataclass(frozen=True)
class ExportedTable:
    """A table, and whether the pipeline can read its file; otherwise the table is stored as Parquet."""

    table: reading.Table
    as_it_is: bool


def read(path: Path, encoding: str = "", target: str = "") -> ExportedTable:
    """The table in a CSV, TSV, Parquet, JSON, JSON-lines or Excel file, also compressed with gzip, zip, bzip2 or xz.

    `encoding` is that of a text file; without it UTF-8, UTF-16 and Windows-1252 are told apart. The header is the first
    line, or a later one that names the target. Raises UserError, with what to do, for anything else.
    """
    if path.suffix == ".parquet" or (path.suffix == ".csv" and not encoding and _usual_csv(path, target)):
        return ExportedTable(reading.read(path), as_it_is=True)
    with _explained(path):
        name, content, notes = _unpacked(path.name, path.read_bytes())
        kind = _kind(name, content)
        if kind == "parquet":
            found = reading.read_open(io.BytesIO(content), str(path), kind)
        elif kind == "excel":
            found = _excel(content, str(path), target)
        else:
            text, told = decoded(content, encoding)
            found = _json(text, str(path)) if kind == "json" else csv_table(text, str(path), target)
            notes += told
    return ExportedTable(
        reading.Table(found.frame, [*(f"{path}: {note}" for note in notes), *found.notes]), as_it_is=False
    )


def exported(address: str) -> bool:
    """Whether an address is a file on this machine that must be converted before the pipeline reads it."""
    path = Path(address)
    return path.is_file() and not (path.suffix == ".parquet" or (path.suffix == ".csv" and _usual_csv(path, "")))


def _usual_csv(path: Path, target: str) -> bool:
    """Whether a file is UTF-8 with a usual separator and usual quotes, which the pipeline can read."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        with files.opened(path) as stream:
            head = decoder.decode(stream.read(HEAD))
            for chunk in iter(lambda: stream.read(1 << 20), b""):
                decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return usual(head, target)


@contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, UnicodeError, LookupError) as error:
        said = str(error).rstrip(".") or type(error).__name__
        raise UserError(f"{path} cannot be read: {said}. Export it again, or set ENCODING=.") from None


def _unpacked(name: str, content: bytes) -> tuple[str, bytes, list[str]]:
    """The innermost file, by name and content."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in UNPACK:
        return name[: -len(suffix)], UNPACK[suffix](content), []
    if suffix != ".zip":
        return name, content, []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX")]
        members = [m for m in names if not PurePosixPath(m).name.startswith(".")]
        if len(members) != 1:
            raise UserError(
                f"{name} holds {counted(len(members), 'file')} ({', '.join(members[:5])}). Unpack one of "
                "them, or join them into one table."
            )
        return members[0], archive.read(members[0]), [f"it holds {members[0]}"]


def _kind(name: str, content: bytes) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if content[:4] == b"PAR1" or suffix in PARQUET:
        return "parquet"
    if suffix in EXCEL:
        if not content.startswith(b"PK"):
            file_kinds.must_be("a workbook", content[:1000], name)
        return "excel"
    if suffix == ".xls" or content[:4] == b"\xd0\xcf\x11\xe0":
        raise UserError(f"{name} is a workbook of Excel 2003 or older. Save it as .xlsx or .csv.")
    if suffix in {".json", ".jsonl", ".ndjson"}:
        if content.lstrip()[:1] not in b"[{":
            file_kinds.must_be("JSON", content[:1000], name)
        return "json"
    file_kinds.must_be("CSV", content[:1000], name)
    if b"\x00" in content[:1000] and content[:2] not in BOMS:
        if any(content[:1000]) and all(byte > 31 or byte in b"\t\r\n\0" for byte in content[:1000]):  # noqa: PLR2004 - text but for them
            line = content[: content.index(b"\x00")].count(b"\n") + 1
            raise UserError(f"{name} has a NUL character in line {line:,}. Remove it, or export the table again.")
        raise UserError(f"{name} is not a CSV, Parquet, JSON or Excel file. Export the table in one of these formats.")
    return "csv"


def _json(text: str, where: str) -> reading.Table:
    """A list of records, or one record per line; the parts of nested records become separate columns."""
    try:
        if text.lstrip()[:1] == "[":
            records = json.loads(text)
        else:
            records = [json.loads(line) for line in lines_of(text) if line.strip()]
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is neither a list of records nor JSON lines: {error}. Export it again.") from None
    if not records or not all(isinstance(record, dict) for record in records):
        raise UserError(f"{where} has no records ({{column: value, …}}), one per line or in a list. Export it again.")
    if len(records) == 1 and any(isinstance(value, list | dict) for value in records[0].values()):
        raise UserError(
            f"{where} holds one record, of columns or of rows. Write a list of rows: [{{column: value, …}}, …]."
        )
    if r"\ud" in text.lower():
        _must_be_whole(records, where)
    nested = any(isinstance(value, dict) for record in records[:1000] for value in record.values())
    frame = pd.json_normalize(records) if nested else pd.DataFrame.from_records(records)
    return _settled(frame, where, [])


def _must_be_whole(records: list[dict[str, object]], where: str) -> None:
    """Raise UserError at a lone surrogate, half of a character, which JSON can write and no other file can hold."""
    for place, record in enumerate(records, 1):
        for name, value in record.items():
            if half := HALF.search(f"{name}{json.dumps(value, ensure_ascii=False)}"):
                raise UserError(
                    f"{where}: row {place:,}, column {name!r}: {cells.shown(value)} holds half a character "
                    f"({half[0]!r}, a lone surrogate). Correct the value, or export the table again as UTF-8."
                )


def _excel(content: bytes, where: str, target: str) -> reading.Table:
    """The first sheet with rows; empty rows and columns around the table are dropped."""
    try:
        sheets = pd.read_excel(io.BytesIO(content), sheet_name=None, header=None, dtype=object, keep_default_na=False,
                               na_values=[""])  # fmt: skip
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{where} is not a workbook: {' '.join(str(error).split())[:200]}. Save it as .xlsx again."
        ) from None
    full = {name: kept for name, sheet in sheets.items() if len(kept := _trimmed(sheet)) > 1}
    if not full:
        raise UserError(f"{where} has no sheet with a header and rows. Export the data again.")
    name, kept = next(iter(full.items()))
    top = kept.head(TITLES).map(lambda cell: "" if pd.isna(cell) else as_text(cell).strip())
    place = int((top == (target or None)).any(axis="columns").to_numpy().argmax())  # 0 if no row names it
    frame = kept.iloc[place + 1 :].reset_index(drop=True)
    frame.columns = [*top.iloc[place]]
    told = [skipped(place)] if place else []
    more = [f"it is sheet {name!r} of {len(full)}; the others are left out"] if len(full) > 1 else []
    return _settled(frame, where, told + more)


def _trimmed(sheet: pd.DataFrame) -> pd.DataFrame:
    return sheet.dropna(how="all").dropna(how="all", axis="columns")


def _settled(frame: pd.DataFrame, where: str, notes: list[str]) -> reading.Table:
    """Columns in the narrowest suitable type, with cleaned names."""
    names, renamed = reading.column_names([str(name) for name in frame.columns], where)
    frame = frame.set_axis(names, axis="columns").infer_objects()
    if frame.empty:
        raise UserError(f"{where} has {counted(len(names), 'column')} and no rows. Export the data again.")
    return reading.Table(frame, [f"{where}: {note}" for note in (*notes, *renamed)])

"""The only module that accesses the disk: tables, JSON, text and the model file; each write is atomic."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ml.io.errors import UserError

if TYPE_CHECKING:  # its import takes a second, and verdicts and reports do not need it
    import pandas as pd

PARAMS = Path("params.yaml")
BUILD = Path("build")
DATA = Path("data")
VALIDATION = BUILD / "validation.json"
VALIDATION_TEXT = BUILD / "validation.md"
PROFILE = BUILD / "profile.json"
TRAIN = BUILD / "train.parquet"
TEST = BUILD / "test.parquet"
MODEL = BUILD / "model"
TRAINING = BUILD / "training.json"
METRICS = BUILD / "metrics.json"
INTERVALS = BUILD / "intervals.json"
PARITY = BUILD / "parity.json"
PLOTS = BUILD / "plots"
SCORES = BUILD / "scores.parquet"
REFERENCE = BUILD / "reference.json"
VERDICT = BUILD / "verdict.json"
PROOF = BUILD / "prove.json"
IMAGE = BUILD / "image.json"
SMOKE = BUILD / "smoke.json"
SBOM = BUILD / "sbom.json"
DEPLOY = Path(".deploy")  # environments on this machine, one folder each
RETRAIN = BUILD / "retrain.json"
GROUP = 100_000  # rows of a group in a Parquet file that is written in parts
NAMING = {"column", "class"}  # of a record: its cells are names, also `1`
DECISIONS = ["actual", "predicted", "rows"]  # a file with these columns counts classes, which have names
FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # the last are wide forms; how a spreadsheet's formula may begin
QUARANTINE = BUILD / "quarantine.csv"
MONITOR = BUILD / "monitor.json"
MONITOR_TEXT = BUILD / "monitor.md"
MONITOR_PAGE = BUILD / "monitor.html"
MONITOR_HISTORY = BUILD / "monitor_history.html"
EVIDENTLY = BUILD / "evidently.html"
EVIDENTLY_LABELS = BUILD / "evidently_classification.html"
REPORT = BUILD / "report.md"
REPORT_HTML = BUILD / "report.html"
CONTRIBUTIONS = BUILD / "contributions.json"


def read_table(path: Path | str) -> pd.DataFrame:
    """A Parquet table of the pipeline; raises UserError if it is absent, empty or unreadable.

    ml.data.reading reads the tables of users, in all supported formats.
    """
    import pandas as pd  # noqa: PLC0415

    path = Path(path)
    with opened(path) as stream:
        try:
            return pd.read_parquet(stream, partitioning=None)
        except (OSError, ValueError) as error:  # pyarrow's errors are of both types
            raise UserError(f"{path} cannot be read: {_first_line(error)} Write the file again.") from None


def opened(path: Path) -> BinaryIO:
    """A file opened for reading; raises UserError if it is absent or empty."""
    if not path.exists():
        raise UserError(f"{path} is missing. {_source(path)}")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty (0 bytes). Write it again, or `dvc checkout` to restore the last version.")
    return path.open("rb")


def opened_all(url: str) -> Iterator[tuple[str, BinaryIO]]:
    """All files of a path or URL of fsspec (wildcards allowed), opened; raises UserError if there is none."""
    import fsspec  # noqa: PLC0415

    try:
        for file in fsspec.open_files(url, "rb", expand=True):
            with file as stream:
                yield file.path, stream
    except (ImportError, OSError, ValueError) as error:
        raise UserError(f"{url} cannot be read: {_first_line(error)} Correct the address or its credentials.") from None


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a Parquet file; the same frame gives the same bytes."""
    _whole(path, lambda file: frame.to_parquet(file, index=False, compression="zstd"))


class TableParts:
    """A Parquet file with row groups of GROUP rows, independent of the size of the written parts."""

    def __init__(self, path: Path) -> None:
        self._path, self._writer, self._waiting, self.rows = path, None, [], 0

    def add(self, frame: pd.DataFrame) -> None:
        """Write the next rows, with the columns of the first part; a column without values has the type text."""
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415

        table = pa.Table.from_pandas(frame, preserve_index=False)
        if not self._writer:
            fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in table.schema]
            about = {k: v.replace(b'"empty"', b'"unicode"') for k, v in (table.schema.metadata or {}).items()}
            self._schema = pa.schema(fields, metadata=about)
            self._writer = parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        self._waiting.append(table.cast(pa.schema([*self._schema])).replace_schema_metadata(self._schema.metadata))
        self.rows += len(frame)
        waiting = pa.concat_tables(self._waiting)
        while waiting.num_rows > GROUP:
            self._writer.write_table(waiting.slice(0, GROUP).combine_chunks())
            waiting = waiting.slice(GROUP)
        self._waiting = [waiting]

    def close(self) -> None:
        """Write the remaining rows."""
        if self._writer:
            for table in self._waiting:
                self._writer.write_table(table.combine_chunks())
            self._writer.close()


@contextmanager
def table_in_parts(path: Path) -> Generator[TableParts]:
    """A table that appears complete at the end of the block, or not at all if the block raises."""
    with _beside(path) as temporary:
        parts = TableParts(temporary)
        try:
            yield parts
        finally:
            parts.close()


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table for people."""
    write_text(_csv(frame), path)


def write_sheet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table for a spreadsheet, see `sheet`."""
    write_text(sheet(frame), path)


def sheet(frame: pd.DataFrame) -> str:
    """A table as CSV for a spreadsheet; text and names that would be a formula get a leading apostrophe.

    Source: OWASP, CSV Injection.
    """
    return _csv(frame.map(_unformulated).set_axis([*map(_unformulated, frame.columns)], axis="columns"))


def _csv(frame: pd.DataFrame) -> str:
    text = frame.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # most readers treat it as a line end, but the writer does not quote it
        text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text


def _unformulated(value: Any) -> Any:
    """A cell that no spreadsheet treats as a formula; numbers are unchanged."""
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA and not _number(value) else value


def write_rows(records: list[dict[str, Any]], path: Path) -> None:
    """Write records as a CSV file for a plot, with six digits per number."""
    lines = [[*records[0]] if records else [], *([_short(value) for value in r.values()] for r in records)]
    breaks = any("\r" in cell for line in lines for cell in line if isinstance(cell, str))  # as in write_csv
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC if breaks else csv.QUOTE_MINIMAL)
    writer.writerows(lines)
    write_text(text.getvalue(), path)


def append_text(text: str, path: Path) -> None:
    """Append text to a file of another program, such as a job's summary."""
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


class Part(dict):
    """An object of a JSON file that raises UserError for a missing key."""

    def __init__(self, path: Path, found: dict[str, Any]) -> None:
        super().__init__(found)
        self._path = path

    def __missing__(self, key: str) -> Any:
        raise UserError(
            f"{self._path} lacks {key!r}: the file has another version or is damaged. {_source(self._path)}"
        )


def read_json(path: Path) -> Any:
    """The object in a JSON file; raises UserError with the command that writes it if it is absent or not an object."""
    try:
        found = json.loads(read_bytes(path), object_hook=lambda part: Part(path, part))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}. {_source(path)}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} contains {str(found)[:40]!r} instead of an object. {_source(path)}")
    return found


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The records of a CSV file that `write_rows` wrote."""
    try:
        return parse_rows(read_bytes(path).decode())
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is damaged: {error}. {_source(path)}") from None


def parse_rows(text: str) -> list[dict[str, Any]]:
    """The records in the text of such a file; raises ValueError for a row that is longer or shorter than the header."""
    header, *rows = [*csv.reader(io.StringIO(text, newline=""), strict=True)] or [[]]
    records = [dict(zip(header, row, strict=True)) for row in rows if row]
    naming = NAMING | {*DECISIONS[:2]} if header == DECISIONS else NAMING
    return [{key: cell if key in naming else _value(cell) for key, cell in record.items()} for record in records]


def digest(path: Path) -> str:
    """The md5 of a file, as DVC records it."""
    return md5(read_bytes(path), usedforsecurity=False).hexdigest()


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises UserError with the command that writes it if it is absent."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing. {_source(path)}") from None


def write_json(value: Any, path: Path) -> None:
    """Write JSON with sorted keys and a line end."""
    write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", path)


def edit_yaml(path: Path, changes: Mapping[Any, Any]) -> None:
    """Set values of a YAML file by their dotted paths; all other lines are unchanged."""
    from ml.io import yaml_edit  # noqa: PLC0415  (a third of a second of import, for two commands)

    write_bytes(yaml_edit.edited(read_bytes(path).decode(), changes).encode(), path)


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8 with Unix line ends on every system, so that digests agree; what is no Unicode is escaped."""
    write_bytes(text.encode(errors="backslashreplace"), path)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file."""
    _whole(path, lambda file: file.write_bytes(content))


def move(path: Path, target: Path) -> None:
    """Move a file, also to another disk; at its new path it is complete or absent."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        write_bytes(path.read_bytes(), target)
        path.unlink()


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, otherwise: str) -> Generator[None]:
    """Hold a lock that ends with this process; raises UserError(`otherwise`) if another process has it."""
    from filelock import FileLock, Timeout  # noqa: PLC0415

    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        raise UserError(otherwise) from None


def _number(text: str) -> bool:
    return isinstance(_value(text), float)


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _whole(path: Path, write: Any) -> None:
    with _beside(path) as temporary:
        write(temporary)


@contextmanager
def _beside(path: Path) -> Generator[Path]:
    """A temporary file that replaces this one at the end of the block, or is deleted if the block raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _source(path: Path) -> str:
    if path.parts[:1] == BUILD.parts:
        return "Run `make run` (or `dvc repro`) to build it."
    if path.parts[:1] != DATA.parts:
        return "Correct the path."
    return "Get it with `dvc pull`, or set data.file in params.yaml."


def _first_line(error: Exception) -> str:
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line if line.endswith(".") else f"{line}."

"""Files of text, JSON and bytes, and the paths of the pipeline; each write is atomic."""

import errno
import json
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import Any, BinaryIO

from ml.io.errors import UserError

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


def opened(path: Path) -> BinaryIO:
    """A file opened for reading; raises UserError if it is absent or empty."""
    if not path.exists():
        raise UserError(f"{path} is missing. {remedy(path)}")
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
        raise UserError(f"{url} cannot be read: {first_line(error)} Correct the address or its credentials.") from None


def append_text(text: str, path: Path) -> None:
    """Append text to a file of another program, such as a job's summary."""
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


class JsonPart(dict):
    """An object of a JSON file that raises UserError for a missing key."""

    def __init__(self, path: Path, found: dict[str, Any]) -> None:
        super().__init__(found)
        self._path = path

    def __missing__(self, key: str) -> Any:
        raise UserError(f"{self._path} lacks {key!r}: the file has another version or is damaged. {remedy(self._path)}")


def read_json(path: Path) -> Any:
    """The object in a JSON file; raises UserError with the command that writes it if it is absent or not an object."""
    try:
        found = json.loads(read_bytes(path), object_hook=lambda part: JsonPart(path, part))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}. {remedy(path)}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} contains {str(found)[:40]!r} instead of an object. {remedy(path)}")
    return found


def digest(path: Path) -> str:
    """The md5 of a file, as DVC records it."""
    return md5(read_bytes(path), usedforsecurity=False).hexdigest()


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises UserError with the command that writes it if it is absent."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing. {remedy(path)}") from None


def write_json(value: Any, path: Path) -> None:
    """Write JSON with sorted keys and a line end."""
    write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8 with Unix line ends on every system, so that digests agree; what is no Unicode is escaped."""
    write_bytes(text.encode(errors="backslashreplace"), path)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


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


@contextmanager
def replacing(path: Path) -> Generator[Path]:
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


def remedy(path: Path) -> str:
    """A sentence on how to get a file that is missing or damaged."""
    if path.parts[:1] == BUILD.parts:
        return "Run `make run` (or `dvc repro`) to build it."
    if path.parts[:1] != DATA.parts:
        return "Correct the path."
    return "Get it with `dvc pull`, or set data.file in params.yaml."


def first_line(error: Exception) -> str:
    """The first line of an error as a sentence."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line if line.endswith(".") else f"{line}."

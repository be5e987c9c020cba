"""Places the prediction log is shipped to: PostgreSQL, or any place that fsspec reaches (S3, GCS, Azure, a share).

Sending a segment again changes nothing: rows have the key (segment, line), objects are named by their segment.
"""

import gzip
import zlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ml.io.errors import UserError
from ml.prediction_log import segments
from ml.prediction_log.deadline import VARIABLE, Deadline, Silent
from ml.prediction_log.records import parse

TABLE = """create table if not exists prediction_log (
  segment text not null, line integer not null, kind text not null, time timestamptz not null, record json not null,
  primary key (segment, line))"""
INDEX = "create index if not exists prediction_log_time on prediction_log (time)"
INSERT = """insert into prediction_log select %s, line, kind, time, record::json
  from unnest(%s::integer[], %s::text[], %s::timestamptz[], %s::text[]) as new (line, kind, time, record)
  on conflict do nothing"""
READ = """select segment, line, record::text from prediction_log
  where (kind = 'feedback' or time >= %s) and (%s::text[] is null or segment = any(%s::text[]))"""
FETCHED = 100  # lines that are read at once; a line may hold 1,000 rows
REFUSED = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")
OBJECT = ".jsonl.gz"
UNPACKED = 10**9  # bytes of a segment; an object that unpacks to more is a bomb
LONGEST = timedelta(days=2)  # upper bound of the time from the opening of a segment to its last line


class Line(NamedTuple):
    """A line and its position; segment and number are its key in every place."""

    segment: str
    number: int
    content: bytes


class Unreachable(UserError):  # noqa: N818 - a user error like others, but one that waiting may cure
    """The place does not respond."""


class Postgres:
    """A table `prediction_log` in the database that the URL names; made on first use."""

    def __init__(self, url: str) -> None:
        self._url, self.name, self._deadline = url, redacted(url), Deadline()
        self.damaged: list[str] = []  # inserts of rows are atomic
        self._psycopg = _module("psycopg")

    def send(self, segment: str, content: bytes) -> None:
        """Return once the readable lines are committed; sending them again adds none."""
        lines = [(number, parse(line), line) for number, line in enumerate(segments.whole(content)[0], 1)]
        rows = [(number, record.kind, record.time, line.decode()) for number, record, line in lines if record]
        if rows:
            self._do(lambda: self._insert([segment, *map(list, zip(*rows, strict=True))]))

    def read(self, since: datetime | None, only: Collection[str] | None = None) -> Iterator[Line]:
        """All feedback, and the predictions since a time; of these segments alone if any are named."""
        names = None if only is None else [*only]
        connection = self._do(self._connected)
        try:
            cursor = connection.cursor("prediction_log")  # of the server, which does not send all rows at once
            self._do(lambda: cursor.execute(READ, [since or datetime.min, names, names]))  # noqa: DTZ901
            while rows := self._do(lambda: cursor.fetchmany(FETCHED)):
                yield from (Line(segment, number, record.encode()) for segment, number, record in rows)
        finally:
            connection.close()

    def _do(self, work: Any) -> Any:
        try:
            return self._deadline.within(work)
        except Silent:
            raise Unreachable(silence(self.name, self._deadline)) from None
        except self._psycopg.OperationalError as error:
            reason = " ".join(str(error).split())
            if any(words in reason for words in REFUSED):
                raise UserError(
                    f"{self.name} refuses the connection: {reason}. Correct the user, password or database "
                    "in PREDICTION_LOG; nothing is lost meanwhile."
                ) from None
            raise Unreachable(f"{self.name} does not respond: {reason}. Nothing is lost meanwhile.") from None
        except self._psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{self.name} refuses the log: {reason}. Correct that; nothing is lost meanwhile."
            ) from None

    def _insert(self, rows: list[Any]) -> None:
        with self._connected() as connection:
            connection.execute(INSERT, rows)

    def _connected(self) -> Any:
        """A connection to the database, which has the table."""
        alive = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
        connection = self._psycopg.connect(self._url, **alive)
        if connection.execute("select to_regclass('prediction_log')").fetchone() == (None,):
            connection.execute("select pg_advisory_xact_lock(hashtext('prediction_log'))")
            connection.execute(TABLE)
            connection.execute(INDEX)
            connection.commit()
        return connection


class Bucket:
    """A folder at any place that fsspec reaches: one compressed object a segment, in folders by day."""

    def __init__(self, url: str) -> None:
        self.name, self._deadline = redacted(url), Deadline()
        self.damaged: list[str] = []
        fsspec = _module("fsspec")
        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UserError(
                f"{self.name} cannot be used: {error}. Install its package, or correct PREDICTION_LOG."
            ) from None
        if hasattr(self._system, "auto_mkdir"):  # object stores create folders implicitly
            self._system.auto_mkdir = True

    def send(self, segment: str, content: bytes) -> None:
        """Return once the object is complete; sending a segment again writes the same bytes to the same name."""
        path = f"{self._root}/day={segments.opened(segment):%Y-%m-%d}/{segment}.jsonl.gz"
        packed = gzip.compress(content, mtime=0)

        def put() -> None:
            with self._system.transaction:  # on file systems, a rename when all is written
                self._system.pipe_file(path, packed)

        self._do(put)

    def read(self, since: datetime | None, only: Collection[str] | None = None) -> Iterator[Line]:
        """The lines of all segments that may hold lines after a time, of these alone if any are named.

        `damaged` names objects that are left out.
        """
        self.damaged.clear()
        self._system.invalidate_cache()
        for path in sorted(self._do(lambda: self._system.find(self._root))):
            name = path.rpartition("/")[2].removesuffix(OBJECT)
            known = path.endswith(OBJECT) and segments.proper(name)
            if known and only is not None and name not in only:
                continue
            if known and (since is None or segments.opened(name) > since - LONGEST):
                packed = self._do(lambda path=path: self._system.cat_file(path))
                try:
                    content = _unpacked(packed)
                except (ValueError, zlib.error) as error:
                    self.damaged.append(f"{path} in {self.name} cannot be unpacked and is left out: {error}.")
                    continue
                yield from numbered(name, content)

    def _do(self, work: Any) -> Any:
        try:
            return self._deadline.within(work)
        except Silent:
            raise Unreachable(silence(self.name, self._deadline)) from None
        except FileNotFoundError as error:
            raise UserError(
                f"{self.name} does not exist: {error}. Create the bucket, or correct PREDICTION_LOG."
            ) from None
        except PermissionError as error:
            raise UserError(
                f"{self.name} refuses the connection: {error}. Correct the key; nothing is lost meanwhile."
            ) from None
        except Exception as error:  # noqa: BLE001 - every file system raises its own kinds
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise Unreachable(f"{self.name} does not respond: {reason}. Nothing is lost meanwhile.") from None


def silence(name: str, deadline: Deadline) -> str:
    """The message about a place that accepts the connection and does not respond."""
    return f"{name} does not respond: stopped after {deadline.seconds:g} s ({VARIABLE}). Nothing is lost meanwhile."


def target(url: str) -> Postgres | Bucket:
    """The target of a URL."""
    return Postgres(url) if urlsplit(url).scheme in {"postgresql", "postgres"} else Bucket(url)


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    content = unpacker.decompress(packed, UNPACKED + 1)
    if len(content) > UNPACKED:
        raise ValueError(f"it holds more than {UNPACKED / 1e6:,.0f} MB")
    if not unpacker.eof:
        raise ValueError("it is cut off")
    return content


def numbered(segment: str, content: bytes) -> Iterator[Line]:
    """The complete lines of a segment, numbered from 1."""
    return (Line(segment, number, line) for number, line in enumerate(segments.whole(content)[0], 1))


def redacted(url: str) -> str:
    """A URL without its password and query, fit for messages."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _module(name: str) -> ModuleType:
    try:
        return __import__(name)
    except ImportError:
        raise UserError(f"{name} is not installed. Install the extra `shipping`: pip install 'ml[shipping]'.") from None

"""MLflow's database in the embedded home: a view of the ledger, created again when it is missing or damaged."""

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from ml.io import cli
from ml.io.errors import UserError
from ml.io.text import counted
from ml.registry import mirror, tracking
from ml.registry.ledger import State

DATABASE = "mlflow.db"
UNUSABLE = (
    "out-of-date database schema",
    "no such table",
    "no such column",
    "malformed",
    "not a database",
    "unexpected state",
)


def refresh(home: Path, project: str, state: State) -> None:
    """Update MLflow to this state; on failure print a warning and continue, because the ledger is authoritative."""
    try:
        _refresh(home, project, state)
    except Exception as error:  # noqa: BLE001 - whatever SQLite, MLflow or the disk raise, the ledger is written
        reason = " ".join(str(error).split()) or type(error).__name__
        cli.say(
            f"registry: the ledger is up to date, but MLflow's database is not: {reason[:300]} "
            "The next command that writes, or `make ui`, updates it."
        )


def damage(database: Path) -> str:
    """SQLite's error for a database; empty when it is intact, absent, or locked by another process."""
    if not database.exists():
        return ""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            (found,) = opened.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)


def _refresh(home: Path, project: str, state: State) -> None:
    database = home / DATABASE
    if why := damage(database):
        _set_aside(database, why)
    made = not database.exists()
    try:
        _update(home, project, state)
    except Exception as error:  # MLflow wraps SQLite's message in several exceptions
        if not any(words in str(error) for words in UNUSABLE):
            raise
        _set_aside(database, next(words for words in UNUSABLE if words in str(error)))
        made = True
        _update(home, project, state)
    if made and len(state.versions) > 1:
        cli.say(
            f"registry: MLflow's database was created again from the ledger: {counted(len(state.versions), 'version')}"
        )


def _update(home: Path, project: str, state: State) -> None:
    try:
        tracking.send(project, home)
    except UserError as error:  # a waiting run must not prevent registration of versions
        cli.say(f"registry: {error}")
    if state.versions:
        mirror.update(tracking.open_client(home), project, state)


def _set_aside(database: Path, why: str) -> None:
    """Rename an unusable database, so that data that only it holds (runs never registered) is not lost."""
    kept = database.with_name(f"{DATABASE}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    database.rename(kept)
    for more in ("-journal", "-wal", "-shm"):
        database.with_name(DATABASE + more).unlink(missing_ok=True)
    _forget()
    cli.say(f"registry: MLflow's database cannot be used ({' '.join(why.split())[:200]}); it is kept as {kept}")


def _forget() -> None:
    """Make MLflow open the file again: it caches connections by address for the life of the process."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Versions  # noqa: PLC0415
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Runs  # noqa: PLC0415
    from mlflow.tracking._model_registry.registry import ModelRegistryStoreRegistry  # noqa: PLC0415
    from mlflow.tracking._tracking_service.registry import TrackingStoreRegistry  # noqa: PLC0415

    for store in (Runs, Versions):
        for engine in store._engine_map.values():  # noqa: SLF001
            engine.dispose()
        store._engine_map.clear()  # noqa: SLF001
    TrackingStoreRegistry._get_store_with_resolved_uri.cache_clear()  # noqa: SLF001
    ModelRegistryStoreRegistry._get_store_with_resolved_uri.cache_clear()  # noqa: SLF001

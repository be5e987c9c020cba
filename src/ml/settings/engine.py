"""Settings of the engine for large tables."""

from typing import Literal

from ml.settings.section import Count, Section


class Engine(Section):
    """The engine that processes the chunks of a table: this process, or a Dask cluster."""

    name: Literal["local", "dask"] = "local"
    scheduler: str = ""
    workers: Count | None = None

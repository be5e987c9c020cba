"""Settings of where work on large tables is done."""

from typing import Literal

from ml.settings.section import Count, Section


class Engine(Section):
    """Who works through the chunks of a table: this process, or the workers of a Dask cluster."""

    name: Literal["local", "dask"] = "local"
    scheduler: str = ""
    workers: Count | None = None

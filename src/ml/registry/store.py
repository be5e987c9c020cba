"""MLflow artifact addresses that stay valid when the folder moves: `store:/a/b` is the file a/b in the home directory.

MLflow writes absolute artifact paths into its database, so a moved or cloned folder loses its models. Every MLflow
process in the environment loads this plug-in (named in pyproject.toml), including `mlflow ui`. The home is `.mlflow/`
in the directory in which the process starts, or the directory in REGISTRY_HOME.
"""

import os
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

VARIABLE = "REGISTRY_HOME"
SCHEME = "store:"


class StoreArtifactRepository(LocalArtifactRepository):
    """The files of one `store:` address; an address outside the home directory is refused."""

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        home = Path(os.environ.get(VARIABLE, ".mlflow")).resolve()
        path = (home / artifact_uri.removeprefix(SCHEME).lstrip("/")).resolve()
        if not path.is_relative_to(home):
            raise MlflowException.invalid_parameter_value(f"{artifact_uri} leads out of {home}")
        super().__init__(path.as_uri(), tracking_uri, registry_uri)

"""Settings of the server: environment variables that start with SERVING_, read once and refused when wrong."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ml.errors import UserError
from ml.params import Log

PREFIX = "SERVING_"
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda v: [n.strip() for n in v.split(",") if n.strip()] if isinstance(v, str) else v),
]


class Settings(BaseModel):
    """What the server runs with; docs/serving.md explains each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "build/model"
    challenger: str | None = None
    canary: Annotated[float, Field(ge=0, lt=1)] = 0.0
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    max_rows: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_body_mb: Annotated[float, Field(gt=0, le=1000)] = 5
    unknown_columns: Literal["refuse", "ignore"] = "refuse"
    keys_file: Path | None = None
    rate: Annotated[float, Field(ge=0)] = 0
    access_log: Literal["all", "errors", "none"] = "errors"
    drain_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    log: Literal["on", "off"] = "on"
    log_directory: str = "logs"
    log_fsync: Literal["none", "batch", "always"] = "none"
    log_unavailable: Literal["refuse", "count"] = "refuse"
    log_omit: Names = ()
    log_hash: Names = ()
    log_secret_file: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.canary and not self.challenger:
            raise ValueError("SERVING_CANARY needs SERVING_CHALLENGER, the model that gets this share")
        if self.log_hash and not self.log_secret_file:
            raise ValueError("SERVING_LOG_HASH needs SERVING_LOG_SECRET_FILE: without a secret, hashes can be guessed")
        return self

    @property
    def prediction_log(self) -> Log:
        """The prediction log's own settings."""
        return Log(directory=self.log_directory, fsync=self.log_fsync, unavailable=self.log_unavailable)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings; raises UserError naming every variable that is wrong or unknown."""
    given = {k.removeprefix(PREFIX).lower(): v for k, v in environment.items() if k.startswith(PREFIX) and v != ""}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        lines = "\n".join(f"  {_sentence(e['loc'], e['msg'], e['type'])}" for e in error.errors())
        raise UserError(f"the server's settings have {error.error_count()} mistake(s):\n{lines}") from None


def secret_lines(path: Path) -> list[str]:
    """The lines of a secret file without blanks and comments; raises UserError when others may read it."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}). It holds a secret of the server.") from None
    if mode & 0o007:
        raise UserError(f"{path} is open to every account on this machine. Close it: chmod 640 {path}")
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _sentence(location: tuple[int | str, ...], message: str, kind: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = PREFIX + str(location[0]).upper()
    if kind == "extra_forbidden":
        return f"{name} is no setting; known: {', '.join(PREFIX + n.upper() for n in Settings.model_fields)}"
    return f"{name}: {message}"

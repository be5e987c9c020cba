"""Settings of the server: environment variables that start with SERVING_, read once and checked."""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ml.io.errors import UserError
from ml.io.text import counted
from ml.prediction_log import segments
from ml.registry.sources import follows
from ml.settings.log import Log
from ml.settings.params import read_params

PREFIX = "SERVING_"
PARAMS = Path("params.yaml")
LOG = ("directory", "fsync", "fsync_ms", "segment_mb", "segment_seconds", "unavailable")  # settings that need a log
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda v: [n.strip() for n in v.split(",") if n.strip()] if isinstance(v, str) else v),
]


def _networks(given: tuple[str, ...]) -> tuple[str, ...]:
    for name in given:
        ip_network(name)  # its error already gives the reason
    return given


class Settings(BaseModel):
    """The settings of the server; docs/serving.md explains each."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str = "build/model"
    challenger: str | None = None
    poll_seconds: Annotated[float, Field(ge=0, le=86_400)] = 0
    canary: Annotated[float, Field(ge=0, lt=1)] = 0.0
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    max_rows: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_body_mb: Annotated[float, Field(gt=0, le=1000)] = 5
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1000
    idle_seconds: Annotated[int, Field(ge=1, le=3600)] = 75
    trusted_proxies: Annotated[Names, AfterValidator(_networks)] = ()
    cors_origins: Names = ()
    unknown_columns: Literal["refuse", "ignore"] = "refuse"
    explain: bool = False
    keys_file: Path | None = None
    rate: Annotated[float, Field(ge=0)] = 0
    access_log: Literal["all", "errors", "none"] = "errors"
    drain_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    log: Literal["on", "off"] = "on"
    prediction_log: Log = Log()  # of `params.yaml: log`
    log_omit: Names = ()
    log_hash: Names = ()
    log_secret_file: Path | None = None
    simulated_time: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.canary and not self.challenger:
            raise ValueError("SERVING_CANARY needs SERVING_CHALLENGER, the model that gets this share")
        if self.poll_seconds and not (follows(self.model) or follows(self.challenger)):
            raise ValueError("SERVING_POLL_SECONDS needs a model named by alias: SERVING_MODEL=models:/NAME@champion")
        if self.challenger and not self.canary and self.log == "off":
            raise ValueError("SERVING_LOG=off would discard the predictions of the shadow in SERVING_CHALLENGER")
        if self.log_hash and not self.log_secret_file:
            raise ValueError("SERVING_LOG_HASH needs SERVING_LOG_SECRET_FILE: without a secret, hashes can be guessed")
        return self


def read_settings(environment: Mapping[str, str] = os.environ, params: Path = PARAMS) -> Settings:
    """The settings; raises UserError listing every invalid or unknown variable.

    `params.yaml: log` and PREDICTION_LOG configure the prediction log for all its readers. Variables of the same names
    after SERVING_LOG_ override both, for machines without params.yaml.
    """
    given = {k.removeprefix(PREFIX).lower(): v for k, v in environment.items() if k.startswith(PREFIX) and v != ""}
    log = {name: given.pop(f"log_{name}") for name in LOG if f"log_{name}" in given}
    known = read_params(params).log if params.exists() else Log()
    named = {"directory": str(segments.places(known.directory, environment)[0])}
    try:
        settings = Settings.model_validate(given)
        found = Log.model_validate(known.model_dump() | named | log, strict=False)  # variables are text
    except ValidationError as error:
        part = "LOG_" if error.title == Log.__name__ else ""
        lines = "\n".join(f"  {_sentence(e['loc'], e['msg'], e['type'], part)}" for e in error.errors())
        raise UserError(f"the server's settings have {counted(error.error_count(), 'mistake')}:\n{lines}") from None
    return settings.model_copy(update={"prediction_log": found})


def secret_lines(path: Path) -> list[str]:
    """The lines of a secret file without blank lines and comments; raises UserError if every account may read it."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}). It contains a secret of the server.") from None
    if mode & 0o007:
        raise UserError(f"{path} is readable by every account on this machine. Restrict it: chmod 640 {path}")
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _sentence(location: tuple[int | str, ...], message: str, kind: str, part: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = PREFIX + part + str(location[0]).upper()
    if kind == "extra_forbidden":
        names = [*(n for n in Settings.model_fields if n != "prediction_log"), *(f"log_{n}" for n in LOG)]
        return f"{name} is not a setting; known: {', '.join(PREFIX + n.upper() for n in names)}"
    return f"{name}: {message}"

"""The base class of all sections of `params.yaml`."""

from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ml.io.errors import UserError
from ml.io.text import meant

T = TypeVar("T")
Share = Annotated[float, Field(ge=0, le=1)]
Open = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Project = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Count = Annotated[int, Field(ge=1)]
Strings = Annotated[
    tuple[str, ...], BeforeValidator(lambda v: tuple(map(str, v)) if isinstance(v, list | tuple) else v)
]


class Section(BaseModel):
    """A part of `params.yaml`: frozen, with strict types; an unknown key is an error with a suggestion."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in values if isinstance(values, dict) else ():
            if key not in known:
                hint = meant(str(key), known, f"known here: {', '.join(known)}.")
                raise ValueError(f"unknown setting `{key}`; {hint}")
        return values


class Range(Section):
    """A lower and an upper limit, both inclusive and optional."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


def given(section: T | None) -> T:
    """The value of an optional setting that must be set here, because disabled gates are never called."""
    if section is None:
        raise UserError(
            "a setting of params.yaml is null that another one needs, as prepare.split_by: time needs data.time. "
            "Run `make run`, which checks all settings and names it."
        )
    return section

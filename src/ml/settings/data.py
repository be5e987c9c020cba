"""Settings of the data: the contract."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_serializer, model_validator

from ml.settings.section import Range, Section, Share, Strings
from ml.tasks.kinds import DEFAULT, KINDS, Kind, Name

LONGEST = 200  # characters of an id, and of a level that the contract does not list
FEWEST_CLASSES = 2  # a multiclass task may have two classes


def as_text(value: Any) -> str:
    """A level, an id or a label as text; 2, 2.0 and "2" are equal."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


class Usual(Range):
    """The usual range of values: more than `share` of the rows outside causes a warning; no row is refused."""

    share: Share = 0.01


class Number(Range):
    """A numeric column: float64 in the pipeline; true and false count as 1 and 0.

    `min` and `max` are hard limits; `usual` only warns. An `integer` holds only whole numbers, a `boolean` only
    true and false (1 and 0).
    """

    type: Literal["number", "integer", "boolean"]
    missing: Share = 0.0
    usual: Usual | None = None

    @model_validator(mode="before")
    @classmethod
    def _truths(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("type") != "boolean":
            return values
        if values.get("usual") or (values.get("min", 0), values.get("max", 1)) != (0, 1):
            raise ValueError("a boolean has no min, max and usual: it is true or false")
        return values | {"min": 0, "max": 1}

    @property
    def whole(self) -> bool:
        """Whether decimals are refused."""
        return self.type != "number"


class Category(Section):
    """A column of levels, always strings in the pipeline; with `others`, levels outside `values` are allowed.

    The model gets a column for each level in `values`, or with `encoding: target` the mean of the target for each level
    of the training rows, or with `encoding: none` nothing: only functions of src/features.py read the column.
    """

    type: Literal["category"]
    values: Annotated[Strings, Field(min_length=1)]
    missing: Share = 0.0
    others: bool = False
    encoding: Literal["levels", "target", "none"] = "levels"

    @property
    def longest(self) -> int:
        """The number of characters of the longest allowed level outside `values`."""
        return LONGEST

    @model_serializer(mode="wrap")
    def _without_the_usual(self, handler: Any) -> dict[str, Any]:
        """A contract without another encoding has the form from before encodings."""
        return {name: value for name, value in handler(self).items() if name != "encoding" or value != "levels"}

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        twice = sorted({v for v in self.values if self.values.count(v) > 1})
        if twice:
            raise ValueError(f"values lists {', '.join(twice)} more than once")
        if any(not value.strip() for value in self.values):
            raise ValueError("values lists an empty text, which is a missing value: set its share as `missing`")
        return self


class Text(Category):
    """A column of free text; the model gets the frequency of its words, hashed into `words` columns.

    A row with more than `length` characters is refused. Where levels are counted (profile, slices, fairness, leakage,
    drift), a text counts by its number of words.
    """

    type: Literal["text"]  # ty: ignore[incompatible-attribute-override]  (the tag of a union)
    words: Annotated[int, Field(ge=8, le=4096)] = 256
    length: Annotated[int, Field(ge=1, le=100_000)] = 5000
    values: Strings = ("some words",)  # an example
    others: bool = True
    encoding: Literal["levels", "target", "none"] = "none"  # of levels

    @model_validator(mode="before")
    @classmethod
    def _no_levels(cls, values: Any) -> Any:
        strange = {*values} & {"values", "others", "encoding"} if isinstance(values, dict) else ()
        if strange:
            raise ValueError(f"{', '.join(sorted(strange))}: a text has only words, length and missing")
        return values

    @model_serializer(mode="plain")
    def _of_text(self) -> dict[str, Any]:
        return {"type": self.type, "words": self.words, "length": self.length, "missing": self.missing}

    @property
    def longest(self) -> int:
        """The number of characters of the longest allowed text."""
        return self.length


class MadeBound(Range):
    """The bounds of a column that src/features.py makes; only numbers have `min` and `max`."""

    missing: Share = 1.0


class Target(Section):
    """The label column: a positive and a negative value, several classes, or a number."""

    name: str
    task: Name = DEFAULT.name
    positive: bool | int | str = True
    classes: Strings = ()
    min: float | None = None
    max: float | None = None
    unit: str = ""

    @property
    def kind(self) -> Kind:
        """The properties that settings depend on."""
        return KINDS[self.task]

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers, not labels."""
        return self.kind.numeric

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        own = self.kind.fields
        strange = self.model_fields_set - {*own} - {"name", "task"}
        if strange:
            raise ValueError(f"{', '.join(sorted(strange))}: a {self.task} target has {', '.join(own)}")
        if self.kind.listed and len(set(self.classes)) < FEWEST_CLASSES:
            raise ValueError(f"classes must list at least {FEWEST_CLASSES} classes of the target")
        return self

    @model_serializer(mode="wrap")
    def _own(self, handler: Any) -> dict[str, Any]:
        """Only the fields of this kind of target, so the contract of two classes keeps its earlier form."""
        kept = ("name", *(("task",) if self.kind is not DEFAULT else ()), *self.kind.fields)
        return {name: value for name, value in handler(self).items() if name in kept}


class Data(Section):
    """The data contract: the table's file and the content of its columns."""

    file: str
    id: str
    time: str | None = None
    time_format: str | None = None
    group: str | None = None
    weight: str | None = None
    target: Target
    columns: Annotated[dict[str, Annotated[Number | Category | Text, Field(discriminator="type")]], Field(min_length=1)]
    made: dict[str, MadeBound] = Field(default_factory=dict)

    def as_sent(self) -> Self:
        """The contract for clients, without the encoding of levels and texts, which only the model needs."""
        levels = {name: c for name, c in self.columns.items() if isinstance(c, Category)}
        usual = {n: {"words": 256} if isinstance(c, Text) else {"encoding": "levels"} for n, c in levels.items()}
        same = {name: c.model_copy(update=usual[name]) for name, c in levels.items()}
        return self.model_copy(update={"columns": self.columns | same})

    @model_serializer(mode="wrap")
    def _without_nothing(self, handler: Any) -> dict[str, Any]:
        """A contract without bounds of made columns has the form from before such bounds."""
        return {name: value for name, value in handler(self).items() if name != "made" or value}

    @model_validator(mode="after")
    def _one_role_each(self) -> Self:
        roles = [self.id, self.target.name, *filter(None, [self.time, self.group, self.weight])]
        twice = sorted({n for n in roles if n in self.columns or roles.count(n) > 1})
        if twice:
            raise ValueError(
                f"{', '.join(twice)}: a column is id, time, group, weight, target or feature, not two of them"
            )
        if self.time_format and not self.time:
            raise ValueError("time_format needs data.time, which is not set")
        if not self.file.endswith((".parquet", ".csv")):
            raise ValueError(f"file {self.file} is neither .parquet nor .csv")
        return self

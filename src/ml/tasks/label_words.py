"""The allowed values of late labels as request types: those of the target, its classes, or numbers."""

from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ml.data.words import LARGEST, cell, key
from ml.settings.data import Data, Number
from ml.tasks.kinds import BINARY, MULTICLASS, REGRESSION

CHOICE: Any = Literal  # of literals that the contract defines at run time
SHOWN = 100  # characters of a wrong label


class LabelContract(Protocol):
    """The target of a served model."""

    @property
    def negative(self) -> str | None:
        """The target's other word; a model of an older release does not know it."""
        ...

    @property
    def data(self) -> Data:
        """The contract of the table."""
        ...


def label_type(contract: LabelContract) -> tuple[Any, Any]:
    """The type of a late label, and an example."""
    return TYPES[contract.data.target.task](contract)


def _of_classes(contract: LabelContract) -> tuple[Any, Any]:
    """A class, read as training does: 1, 1.0 and "1" are one, without spaces around it."""
    classes = contract.data.target.classes
    known = {key(name): name for name in classes}
    spelled = BeforeValidator(lambda v: known.get(key(v), v) if isinstance(v, bool | str | int | float) else v)
    return Annotated[CHOICE[classes], spelled], classes[0]


def _of_numbers(contract: LabelContract) -> tuple[Any, Any]:  # noqa: ARG001
    read = BeforeValidator(lambda value: cell(value, Number(type="number")) if isinstance(value, str) else value)
    return Annotated[float, Field(ge=-LARGEST, le=LARGEST), read], 1.5


def _of_two_words(contract: LabelContract) -> tuple[Any, Any]:
    yes = key(contract.data.target.positive)
    no = contract.negative or {"True": "False", "False": "True"}.get(yes)
    truths = "True" in {yes, no}
    words = [yes, no] if no else [yes]
    known = [True, False, *([] if truths else words)]

    def worded(value: Any) -> Any:
        """The target's own value. True and false, as `/predict` returns them, are its positive and negative value."""
        word = key(value) if isinstance(value, bool | str | int | float) else None
        if isinstance(value, bool) and not truths:
            word = yes if value else no
        if word in words:
            return word == "True" if truths else word
        if no is None and isinstance(value, bool | str | int):
            return value  # a model of an older release, without the negative value
        allowed = ", ".join("true" if v is True else "false" if v is False else repr(v) for v in known)
        said = {"value": repr(value)[:SHOWN], "allowed": allowed}
        raise PydanticCustomError("label", "{value} is not a label of the target", said)

    schema = {"enum": known} if no else {"anyOf": [{"type": "boolean"}, {"type": "string"}, {"type": "integer"}]}
    return Annotated[Any, PlainValidator(worded), WithJsonSchema(schema)], True if truths else yes


TYPES = {BINARY.name: _of_two_words, MULTICLASS.name: _of_classes, REGRESSION.name: _of_numbers}

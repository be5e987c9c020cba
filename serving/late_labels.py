"""The request model of late labels, in the words of the target."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ml.data.words import key
from ml.model.model_contract import Contract
from serving.fields import CHOICE, LIST, MADE, Id
from serving.problems import SHOWN_CHARACTERS

MOST_LABELS = 1000


def feedback(model: Contract) -> Any:
    """The request model of late labels: `{"labels": [{"id": …, "label": …}, …]}`, in the words of the target."""
    if model.data.target.task == "multiclass":
        classes = model.data.target.classes
        return _labels(Annotated[CHOICE[classes], _speller_of_classes(classes)], classes[0])
    if model.data.target.task == "regression":
        return _labels(Annotated[float, Field(allow_inf_nan=False)], 1.5)
    yes, no = model.words()
    truths = "True" in {yes, no}
    words = [yes, no] if no else [yes]
    known = [True, False, *([] if truths else words)]

    def worded(value: Any) -> Any:
        """The target's own word; true and false, as `/predict` answers, are its positive and its negative one."""
        word = key(value) if isinstance(value, bool | str | int | float) else None
        if isinstance(value, bool) and not truths:
            word = yes if value else no
        if word in words:
            return word == "True" if truths else word
        if no is None and isinstance(value, bool | str | int):
            return value  # a model of an older release, which does not know its negative word
        allowed = ", ".join("true" if v is True else "false" if v is False else repr(v) for v in known)
        said = {"value": repr(value)[:SHOWN_CHARACTERS], "allowed": allowed}
        raise PydanticCustomError("label", "{value} is not a label of the target", said)

    schema = {"enum": known} if no else {"anyOf": [{"type": "boolean"}, {"type": "string"}, {"type": "integer"}]}
    return _labels(Annotated[Any, PlainValidator(worded), WithJsonSchema(schema)], True if truths else yes)


def _labels(kind: Any, example: Any) -> Any:
    """The request model of late labels of this type."""
    label: Any = MADE("Label", {"id": Id, "label": kind})
    label.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    labels: Any = Annotated[LIST[label], Field(min_length=1, max_length=MOST_LABELS)]
    many = MADE("Feedback", {"labels": labels})
    shown: Any = {"labels": [{"id": "example-1", "label": example}]}
    many.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [shown]})
    return many


def _speller_of_classes(classes: tuple[str, ...]) -> BeforeValidator:
    """Reads a class as training does: 1, 1.0 and "1" are one, without spaces around it."""
    known = {key(name): name for name in classes}
    return BeforeValidator(lambda v: known.get(key(v), v) if isinstance(v, bool | str | int | float) else v)

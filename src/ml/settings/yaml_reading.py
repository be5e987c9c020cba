"""Reading `params.yaml`: the whole file, or only the sections that a stage of dvc.yaml depends on."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.section import Section

PARAMS = Path("params.yaml")
Kind = TypeVar("Kind", bound=Section)


class SettingsPart(Section):
    """Some sections of `params.yaml`, named by the fields of a subclass; all other sections are not read.

    A stage that reads a Part imports only those sections, so a change elsewhere in the file or in the module of another
    section does not rerun it. `ml.stages.run` reads the whole file before any stage starts.
    """

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        return values


def read(kind: type[Kind], path: Path = PARAMS) -> Kind:
    """The settings of `kind`; raises UserError with every mistake and its path, e.g. `train.seed`."""
    try:
        return check(kind, parse(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing. Run this from the root of the repository.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: byte {error.start + 1:,}. Save it with that encoding.") from None
    except (YAMLError, RecursionError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}. Fix that line.") from None


def check(kind: type[Kind], content: Any, path: Path = PARAMS) -> Kind:
    """The settings of `kind` in the parsed content of `path`; raises UserError with every mistake."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        mistakes = "\n".join(f"  {_path(e['loc'])}: {_sentence(e)}" for e in error.errors())
        raise UserError(
            f"{path} has {counted(error.error_count(), 'mistake')}:\n{mistakes}\nCorrect the file and run again."
        ) from None


def parse(text: str) -> Any:
    """YAML 1.2 as DVC reads it: `yes` is text, a key given twice is an error. Raises ruamel.yaml.error.YAMLError."""
    return deepcopy(_parsed(text))


@lru_cache(maxsize=8)  # parsing takes twenty milliseconds, and one command reads the same file several times
def _parsed(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def _path(location: tuple[int | str, ...]) -> str:
    tags = {
        "number",
        "integer",
        "boolean",
        "category",
        "text",
    }  # pydantic adds the chosen member of a union to the path
    return ".".join(str(part) for part in location if part not in tags) or "the whole file"


def _sentence(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in {"value_error", "missing"}:
        return message
    return f"{message} (found {error['input']!r})"

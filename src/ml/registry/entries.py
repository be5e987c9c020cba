"""Lines of the registry's files: each holds any text on one line, and is accepted only if it matches its schema.

Others can write to the branch or server that they come from, and a digest becomes a folder name, a commit an argument
of git.
"""

import json
import math
import posixpath
import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from ml.io import cli
from ml.io.errors import UserError

Entry = dict[str, Any]
NAME = re.compile(r"[\w.\- :/]{1,250}")  # of a metric, a parameter or a tag in MLflow
DIGEST = re.compile(r"[0-9a-f]{64}")


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("it names no time zone")
    return text


def _name(text: str) -> str:
    if not NAME.fullmatch(text) or posixpath.normpath(text) != text or text.startswith((".", "/")):
        raise ValueError("MLflow takes no such name")
    return text


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Named = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
Name = Annotated[str, AfterValidator(_name)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$")]
Image = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/@-]*)?$")]


class _Line(BaseModel):
    """The fields of every line; further fields are kept unchanged."""

    model_config = ConfigDict(extra="allow")

    action: Word
    model: Named
    time: Annotated[str, AfterValidator(_moment)]
    who: str
    reason: str


class _Data(BaseModel):
    md5: str | None


class _Lineage(BaseModel):
    commit: Word | None  # becomes an argument of git, so it must not look like an option
    data: _Data
    changed: list[str]


class _Run(BaseModel):
    digest: Digest
    name: str
    params: dict[Name, Any]
    metrics: dict[Name, float]
    tags: dict[Name, Any]
    dataset: dict[str, str | None]
    lineage: _Lineage


class _Gates(BaseModel):
    passed: bool = False


class _Register(_Line):
    model: Digest
    run: _Run
    verdict: _Gates


class _Step(_Line):
    model: Image  # from the label of an image; it is compared and never used as a path
    id: Word
    env: Word
    target: Word
    image: Image
    before: Image = ""


def dumps(entries: list[Entry]) -> bytes:
    """Entries as bytes, one on each line: JSON in ASCII, in which every line end within a text is escaped."""
    return "".join(json.dumps(entry, sort_keys=True, allow_nan=False) + "\n" for entry in entries).encode()


def loads(content: bytes, where: str, *, torn: bool = False) -> list[Entry]:
    """The entries in these bytes; an entry that does not match the schema is reported and left out.

    Raises UserError naming a damaged line; with `torn`, such a line is reported and left out as well.
    """
    entries = []
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n") if content else [], 1):
        try:
            entries.append(accepted(_parsed(line)))
        except UserError as error:
            _warn(f"{where}: line {number} is refused: {error} The rest is used.")
        except (ValueError, RecursionError):
            if not torn:
                raise UserError(f"{where}: line {number} is damaged. `make registry DO=pull` repairs it.") from None
            _warn(f"{where}: line {number} is damaged and left out. The rest is used.")
    return entries


def accepted(entry: Any) -> Entry:
    """The entry if it matches the schema; raises UserError naming the field that does not."""
    kind: type[BaseModel] = _Line
    if isinstance(entry, dict):
        kind = _Register if entry.get("action") == "register" else _Step if "env" in entry else _Line
    try:
        _adapter(kind).validate_python(entry, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"])) or "it"
        raise UserError(f"`{name}` is {first['input']!r:.80}: {first['msg']}.") from None
    return entry


def reason(text: str) -> str:
    """A reason as it is stored; raises UserError if the command line holds bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"the reason {text!a:.80} is not UTF-8 text. Write it in UTF-8.") from None
    return text


def registered(entries: list[Entry], where: str) -> list[Entry]:
    """The entries of a ledger whose model is registered by an earlier line; the others are reported."""
    known, kept = set(), []
    for number, entry in enumerate(entries, 1):
        if entry["action"] == "register":
            known.add(entry["model"])
        if entry["model"] in known:
            kept.append(entry)
        else:
            _warn(f"{where}: entry {number} is refused: {entry['action']} of a model that is not registered.")
    return kept


def _parsed(line: bytes) -> Any:
    return json.loads(line.decode(), parse_constant=_no_number, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


@cache
def _adapter(kind: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _warn(message: str) -> None:
    """Print it once, because a server reads the ledger every few seconds."""
    cli.say(f"registry: {message}")

"""Lines of the registry's files: no text breaks one, and each is accepted only in its exact form.

They come from a branch or a server that others write to, and a digest becomes a folder, a commit an argument of git.
"""

import json
import math
import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from ml.io import cli
from ml.io.errors import UserError

Entry = dict[str, Any]
DIGEST = re.compile(r"[0-9a-f]{64}")


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("it names no time zone")
    return text


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Named = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$")]
Image = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/@-]*)?$")]


class _Line(BaseModel):
    """What every line says; what it says beyond that is kept as it is."""

    model_config = ConfigDict(extra="allow")

    action: Word
    model: Named
    time: Annotated[str, AfterValidator(_moment)]
    who: str
    reason: str


class _Data(BaseModel):
    md5: str | None


class _Lineage(BaseModel):
    commit: Word | None  # an argument of git, and no option of it
    data: _Data
    changed: list[str]


class _Run(BaseModel):
    digest: Digest
    name: str
    params: dict[str, Any]
    metrics: dict[str, float]
    tags: dict[str, Any]
    dataset: dict[str, str | None]
    lineage: _Lineage


class _Gates(BaseModel):
    passed: bool = False


class _Register(_Line):
    model: Digest
    run: _Run
    verdict: _Gates


class _Step(_Line):
    model: Image  # what the label of an image says; it is compared, and never a path
    id: Word
    env: Word
    target: Word
    image: Image
    before: Image = ""


def dumps(entries: list[Entry]) -> bytes:
    """Entries as bytes, one a line: JSON in ASCII, which holds any text and no line end but our own."""
    return "".join(json.dumps(entry, sort_keys=True, allow_nan=False) + "\n" for entry in entries).encode()


def loads(content: bytes, where: str, *, torn: bool = False) -> list[Entry]:
    """The entries in these bytes; one that breaks the form is named and left out.

    Raises UserError with the line that is damaged; with `torn` such a line is named and left out as well.
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
    """The entry itself when its form is exact; raises UserError naming the field that is not."""
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
    """A reason as it is kept; raises UserError for bytes of the command line that are no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"the reason {text!a:.80} is not UTF-8 text. Write it in UTF-8.") from None
    return text


def registered(entries: list[Entry], where: str) -> list[Entry]:
    """The entries of a ledger without those about a model that no line before them registers; these are named."""
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
    """Say it once: a server reads the ledger every few seconds."""
    cli.say(f"registry: {message}")

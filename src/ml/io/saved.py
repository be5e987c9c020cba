"""Records that one command writes and another reads: typed JSON files with a schema version."""

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ml.io import files
from ml.io.errors import UserError


class SavedRecord(BaseModel):
    """A record of one command for others; a record without `schema_version` has version 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    NEWEST: ClassVar[int] = 1  # the schema version that this code writes, and the newest that it reads
    AGAIN: ClassVar[str] = "Run `make run` to write it again."

    schema_version: int = 1

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file; raises UserError with the command that writes it if it is absent or damaged."""
        if not path.exists():
            raise UserError(f"{path} is missing. {cls.AGAIN.replace(' again', '')}")
        return cls.parsed(files.read_bytes(path), str(path))

    @classmethod
    def parsed(cls, content: bytes | str, where: str) -> Self:
        """The record in a text; raises UserError with `where`, the source of the text."""
        try:
            return cls.taken(json.loads(content), where)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where} is not JSON: {error}. {cls.AGAIN}") from None

    @classmethod
    def taken(cls, found: Any, where: str) -> Self:
        """The record in a JSON object; raises UserError for a newer schema version and for the first wrong field."""
        form = found.get("schema_version", 1) if isinstance(found, dict) else 1
        if isinstance(form, int) and form > cls.NEWEST:
            raise UserError(
                f"{where} has schema version {form}, and this code reads up to {cls.NEWEST}: "
                "newer code wrote it. Check out that code, or write the file again with this "
                f"code. {cls.AGAIN}"
            )
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"])) or "it"
            raise UserError(
                f"{where} is damaged, or has another version: `{name}`: {first['msg']}. {cls.AGAIN}"
            ) from None

    def write(self, path: Path) -> None:
        """Write the record."""
        files.write_json(self.plain(), path)

    def plain(self) -> dict[str, Any]:
        """The record as an object of JSON."""
        return self.model_dump(mode="json")

"""Check the data against its contract; stop when it breaks."""

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from ml.data import reading, schema
from ml.data.notes import brief
from ml.io import cli, files, markdown
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.reading import Part, read
from ml.settings.validate import Validate


class Settings(Part):
    """What this stage reads of params.yaml, and so what runs it again."""

    data: Data
    validation: Annotated[Validate, Field(alias="validate")] = Validate()


def main() -> None:
    """Check data.file against the contract in params.yaml and write build/validation.json and .md."""
    params = read(Settings)
    table = reading.read(params.data.file)
    rows = len(table.frame)
    cli.say(f"validate: {counted(rows, 'row')} of {params.data.file}")
    try:
        typed = schema.read(table.frame, params.data)
    except schema.ContractError as error:
        _write(rows, [_breach(column, found) for column, found in error.problems])
        raise
    notes = [*table.notes, *typed.changes]
    del table  # as large as what the checks need themselves
    for sentence in brief(notes):
        cli.say(f"validate: {sentence}")

    from ml.data import checks  # noqa: PLC0415  (Great Expectations takes seconds to import: not for what is wrong already)

    found = checks.check(typed.frame, params.data, params.validation)
    _write(rows, [asdict(c) for c in found])
    for check in found:
        if not check.passed and check.severity != "critical":
            cli.say(f"validate: {check.severity}: {check.subject}: {check.found}")
    if blocking := checks.blocking(found):
        settings = [*dict.fromkeys(c.setting for c in blocking)]
        raise schema.ContractError(params.data, [(c.subject, c.found) for c in blocking], settings=settings)
    cli.say(f"validate: {sum(c.passed for c in found)} of {counted(len(found), 'check')} passed")


def _write(rows: int, found: list[dict[str, Any]]) -> None:
    passed = all(c["passed"] or c["severity"] != "critical" for c in found)
    result = {"rows": rows, "passed": passed, "checks": found}
    files.write_json(result, files.VALIDATION)
    files.write_text(markdown.validation(result), files.VALIDATION_TEXT)


def _breach(column: str, found: str) -> dict[str, Any]:
    return {"expectation": "readable", "subject": column, "severity": "critical", "passed": False, "found": found}


if __name__ == "__main__":
    cli.run(main)

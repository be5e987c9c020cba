"""Check the data against its contract; stop if it breaks the contract."""

import os
from typing import Annotated

import pandas as pd
from pydantic import Field

from ml.data import schema
from ml.data.notes import brief
from ml.data.validation_record import Check, ValidationRecord, blocking
from ml.engine import count
from ml.engine.count import CountedChunk
from ml.engine.spread import Workers, team
from ml.engine.table import ChunkedTable
from ml.io import cli, files, markdown
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.validate import Validate
from ml.settings.yaml_reading import SettingsPart, read


class Settings(SettingsPart):
    """The sections of params.yaml that this stage reads; a change of one reruns it."""

    data: Data
    validation: Annotated[Validate, Field(alias="validate")] = Validate()


def main() -> None:
    """Check data.file against the contract in params.yaml and write build/validation.json and .md."""
    params = read(Settings)
    table = ChunkedTable(params.data.file)
    with team(read(Workers).engine, os.environ.get("DASK_SCHEDULER", "")) as workers:
        seen = count.count(table, params.data, params.validation, workers)
    rows = seen.readings.rows
    cli.say(f"validate: {counted(rows, 'row')} of {params.data.file}")
    try:
        seen.readings.must_be_whole()
    except schema.ContractError as error:
        _write(rows, [_breach(column, found) for column, found in error.problems])
        raise
    for sentence in brief([*table.header.notes, *seen.readings.changes()]):
        cli.say(f"validate: {sentence}")

    from ml.validation import checks  # noqa: PLC0415  (Great Expectations takes seconds to import: not for what is wrong already)

    some = _some(seen)
    found = checks.of_counts(
        seen.counts, lambda row: count.identity(table, params.data, row), some, params.data, params.validation
    )
    _write(rows, found)
    for check in found:
        if not check.passed and check.severity != "critical":
            cli.say(f"validate: {check.severity}: {check.subject}: {check.found}")
    if broken := blocking(found):
        settings = [*dict.fromkeys(c.setting for c in broken)]
        raise schema.ContractError(params.data, [(c.subject, c.found) for c in broken], settings=settings)
    cli.say(f"validate: {sum(c.passed for c in found)} of {counted(len(found), 'check')} passed")


def _some(seen: CountedChunk) -> pd.DataFrame | None:
    """The rows that the user's own expectations see."""
    if seen.some is not None and len(seen.some) < seen.readings.rows:
        some = counted(len(seen.some), "row")
        cli.say(f"validate: validate.expectations are checked on {some} of the table, selected by a hash of the id")
    return seen.some


def _write(rows: int, found: list[Check]) -> None:
    record = ValidationRecord(rows=rows, passed=not blocking(found), checks=tuple(found))
    record.write(files.VALIDATION)
    files.write_text(markdown.validation(record.plain()), files.VALIDATION_TEXT)


def _breach(column: str, found: str) -> Check:
    return Check(expectation="readable", subject=column, severity="critical", passed=False, found=found)


if __name__ == "__main__":
    cli.run(main)

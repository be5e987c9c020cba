"""Split the checked table into training and test rows."""

import os

from ml.data import split
from ml.data.profile_record import ProfileRecord
from ml.data.validation_record import ValidationRecord
from ml.engine import sides
from ml.engine.spread import Workers, team
from ml.engine.table import ChunkedTable
from ml.io import cli, files, tables
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.prepare import Prepare
from ml.settings.yaml_reading import SettingsPart, read
from ml.validation.profile import of_parts


class Settings(SettingsPart):
    """The sections of params.yaml that this stage reads; a change of one reruns it."""

    data: Data
    prepare: Prepare = Prepare()


def main() -> None:
    """Split data.file by prepare.split_by and write both sides and build/profile.json."""
    params = read(Settings)
    ValidationRecord.read(files.VALIDATION)  # names the command to run if the data has not been checked
    table = ChunkedTable(params.data.file)
    with (
        tables.table_in_parts(files.TRAIN) as train,
        tables.table_in_parts(files.TEST) as test,
        team(read(Workers).engine, os.environ.get("DASK_SCHEDULER", "")) as workers,
    ):

        def keep(part: sides.SidePart) -> None:
            if part.train is not None and part.test is not None:
                train.add(part.train)
                test.add(part.test)

        found = sides.divide(table, params.data, params.prepare, workers, keep)
    split.must_have_rows(train.rows, test.rows, params.data, params.prepare)
    profile = {"schema_version": ProfileRecord.NEWEST, **of_parts(found, params.data)}
    ProfileRecord.model_validate(profile).write(files.PROFILE)
    neither = sum(part.rows for part in found) - train.rows - test.rows
    left = f", {neither:,} on neither side" if neither else ""
    cli.say(f"prepare: {counted(train.rows, 'row')} to train on, {test.rows:,} to test on{left}")


if __name__ == "__main__":
    cli.run(main)

"""Split the checked table into the rows that train and the rows that test."""

from ml.data import reading, schema, split
from ml.data.profile import profile
from ml.io import cli, files
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.prepare import Prepare
from ml.settings.reading import Part, read


class Settings(Part):
    """What this stage reads of params.yaml, and so what runs it again."""

    data: Data
    prepare: Prepare = Prepare()


def main() -> None:
    """Split data.file by prepare.split_by and write both sides and build/profile.json."""
    params = read(Settings)
    files.read_json(files.VALIDATION)  # says what to run when the data has not been checked
    frame = schema.conform(reading.read(params.data.file).frame, params.data)
    test = split.is_test(frame, params.data, params.prepare)
    files.write_table(frame[~test], files.TRAIN)
    files.write_table(frame[test], files.TEST)
    files.write_json(profile(frame, params.data), files.PROFILE)
    cli.say(f"prepare: {counted((~test).sum(), 'row')} to train on, {test.sum():,} to test on")


if __name__ == "__main__":
    cli.run(main)

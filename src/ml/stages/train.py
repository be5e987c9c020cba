"""Fit the model that params.yaml describes."""

from ml import cli, files, model
from ml.params import read_params


def main() -> None:
    """Fit train.model on build/train.parquet and write build/model/."""
    params = read_params()
    frame = files.read_table(files.TRAIN)
    cli.say(f"train: {params.train.model} on {len(frame):,} rows")
    content = model.dumps(model.fit(frame, params.data, params.train))
    files.write_bytes(content, files.MODEL / "model.skops")
    cli.say(f"train: model of {len(content) / 1e6:.1f} MB")


if __name__ == "__main__":
    cli.run(main)

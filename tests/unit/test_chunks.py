"""The results of validate and prepare do not depend on the chunk size or on the worker."""

import contextlib
import io
import pickle

import numpy as np
import pytest
import yaml
from pyarrow import parquet

from ml.data import schema
from ml.engine import table
from ml.engine.count import Sample
from ml.io import files
from ml.stages import prepare, validate
from tests.conftest import SAMPLE

SETTINGS = yaml.safe_load(SAMPLE.read_text())
RULES = SETTINGS["validate"] | {
    "expectations": [
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "usage_hours", "max_value": 1e3}}
    ]
}


def odd(customers):
    """Rows with faults that only the whole table shows."""
    frame = customers.head(240).copy()
    frame.loc[200, "customer_id"] = frame.loc[3, "customer_id"]
    features = frame.columns.drop("customer_id")
    frame.loc[201:220, features] = frame.loc[1:20, features].to_numpy()
    frame.loc[230:, "satisfaction"] = np.nan
    frame.loc[:90, "channel"] = None
    frame.loc[170, "plan"], frame.loc[180, "usage_hours"] = "gold", -4.0
    return frame


def german(customers):
    """A CSV file with decimal commas only in its last rows; in its first rows the commas could separate thousands."""
    frame = customers.head(240).astype(object)
    frame["monthly_charge"] = "1,000"
    frame.loc[230:, "monthly_charge"] = "12,5"
    frame.loc[150:160, "usage_hours"] = "NA"
    return frame


class Posted:
    """A team that records the data sent to another process."""

    def each(self, work, items, shared):
        for item in items:
            sent = pickle.loads(pickle.dumps((work, item, shared)))
            yield item, pickle.loads(pickle.dumps(sent[0](*sent[1:])))


@contextlib.contextmanager
def posted(*_):
    yield Posted()


def outcome(folder, frame, kind, **prepared):
    """The outputs and messages of both stages."""
    folder.mkdir()
    path = f"t.{kind}"
    frame.to_csv(folder / path, sep=";", index=False) if kind == "csv" else frame.to_parquet(folder / path)
    changed = {"data": SETTINGS["data"] | {"file": path}, "validate": RULES, "prepare": SETTINGS["prepare"] | prepared}
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS | changed))
    errors, said = [], io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said):
        for stage in (validate, prepare):
            try:
                stage.main()
            except schema.ContractError as error:
                errors.append(str(error))
        return errors, said.getvalue(), {path.name: path.read_bytes() for path in files.BUILD.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("parquet", odd),
        ("csv", german),
        ("csv", lambda f: f.head(240).assign(snapshot=["01/02/2026"] * 140 + ["13/02/2026"] * 100, plan=1)),
        ("parquet", lambda f: f.head(240).drop(columns="plan").assign(other=1, tenure_months="x")),
    ],
    ids=["wrong rows", "decimal commas", "unreadable", "a missing column"],
)
def test_the_chunk_size_changes_nothing(tmp_path, customers, monkeypatch, kind, spoil):
    frame, prepared = spoil(customers), {"split_by": "time"} if kind == "csv" else {}
    whole = outcome(tmp_path / "whole", frame, kind, **prepared)

    monkeypatch.setattr(table, "ROWS", 83)
    for stage in (validate, prepare):
        monkeypatch.setattr(stage, "team", posted)
    parts = outcome(tmp_path / "parts", frame, kind, **prepared)

    assert parts == whole


@pytest.mark.slow
def test_the_sample_for_own_expectations_does_not_depend_on_chunks(customers, params):
    def kept(at_a_time):
        sample = Sample(params.data, 300)
        for first in range(0, len(customers), at_a_time):
            sample.add(customers.iloc[first : first + at_a_time])
        return sample.rows

    one = kept(7)

    assert 100 < len(one) <= 300
    assert one.equals(kept(1200))


@pytest.mark.slow
def test_a_full_disk_leaves_both_sides_unchanged(tmp_path, customers, monkeypatch):
    outcome(tmp_path / "t", customers.head(240), "parquet")
    before = {path: path.read_bytes() for path in (tmp_path / "t" / "build").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path / "t")
    monkeypatch.setattr(parquet.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        prepare.main()

    assert {path: path.read_bytes() for path in files.BUILD.absolute().iterdir()} == before


def test_a_column_read_alone_equals_the_column_in_its_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,,b\nx,1,2\ny,4,5\n")  # a name that is empty is made of its place
    found = table.ChunkedTable(str(path))

    assert found.column("b").tolist() == ["2", "5"]
    assert found.column("Unnamed: 1").tolist() == ["1", "4"]

"""A damaged day or segment is named and left out, and the rest of the log is read."""

import gzip
import json

import pytest

from ml.io import tables
from ml.prediction_log import line_tables, segments, targets
from ml.prediction_log.predictions import read_log
from ml.stages import compact

FIRST, SECOND = "20260101T000000-1-a-000001", "20260102T000000-1-a-000002"


def line(name, day):
    record = {"kind": "prediction", "request_id": name, "model": "m", "variant": "champion"}
    record["time"] = f"2026-01-0{day}T12:00:00Z"
    row = {"id": name, "features": {"x": 1.0}, "score": 0.5, "label": True}
    return json.dumps(record | {"rows": [row]}).encode() + b"\n"


@pytest.fixture
def log(tmp_path):
    """Two segments of one day each, compacted; the segments are deleted, as they are after a week."""
    for segment, name, day in ((FIRST, "a", 1), (SECOND, "b", 2)):
        (tmp_path / f"{segment}.jsonl").write_bytes(line(name, day))
        compact.compact(tmp_path, tmp_path / f"{segment}.jsonl")
    return tmp_path


def parquet(log, day=1):
    (path,) = (log / "compacted" / "predictions" / f"day=2026-01-0{day}").glob("*.parquet")
    return path


DAMAGES = {
    "torn": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(b"PAR1" + b"\x07" * 500 + b"PAR1"),
    "another table": lambda path: tables.write_table(
        line_tables.tables([]).feedback.assign(segment=["x"], line=1, row=0).drop(columns=["time", "id"]), path
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_day_is_named_and_the_rest_is_read(log, capsys, damage):
    damage(parquet(log))
    for path in segments.listed(log, segments.DONE):
        path.unlink()

    table = read_log(log)

    assert table["id"].tolist() == ["b"]
    assert [str(parquet(log)) in why for why in table.attrs["damaged"]] == [True]
    assert f"log: {parquet(log)}" in capsys.readouterr().err


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_day_is_read_from_its_segment_if_it_still_exists(log, damage):
    damage(parquet(log))

    table = read_log(log)

    assert (table["id"].tolist(), table.attrs["damaged"]) == (["a", "b"], [])


def test_an_unreadable_segment_does_not_prevent_reading_others(log, capsys):
    (log / "20260103T000000-1-a-000003.jsonl").mkdir()  # a read fails, as on a bad disk
    (log / "20260104T000000-1-a-000004.jsonl").write_bytes(line("d", 4))

    assert read_log(log)["id"].tolist() == ["a", "b", "d"]
    assert [compact.compact(log, path) for path in segments.listed(log, segments.CLOSED)] == [0, 0]
    assert "20260103T000000-1-a-000003.jsonl cannot be read and is left" in capsys.readouterr().err


def test_damaged_lines_are_counted_and_the_others_are_read(log):
    times = [b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00"]
    wrong = [line("x", 3).replace(b"2026-01-03T12:00:00Z", time) for time in times] + [b"\x00" * 50 + b"\n", b"\r\n"]
    (log / "20260103T000000-1-a-000003.jsonl").write_bytes(b"".join(wrong) + line("c", 3))

    table = read_log(log)

    assert (table["id"].tolist(), table.attrs["unreadable"]) == (["a", "b", "c"], 4)


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(line("a", 1))[:-9], gzip.compress(bytes(2000))],
    ids=["empty", "noise", "torn", "bomb"],
)
def test_damaged_and_foreign_objects_of_a_bucket_do_not_prevent_reading_others(tmp_path, monkeypatch, content):
    monkeypatch.setattr(targets, "UNPACKED", 1000)
    folder = tmp_path / "day=2026-01-01"
    folder.mkdir()
    (folder / f"{FIRST}.jsonl.gz").write_bytes(content)
    (folder / f"{SECOND}.jsonl.gz").write_bytes(gzip.compress(line("b", 2)))
    for name in ("notes", "99999999T000000-1-a-000001"):
        (folder / f"{name}.jsonl.gz").write_bytes(b"of a person")

    table = read_log(f"file://{tmp_path}", since="2026-01-01")

    assert table["id"].tolist() == ["b"]
    assert len(table.attrs["damaged"]) == 1

"""A request that a proxy repeated counts once; a client that reuses a request id loses no row."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ml.prediction_log.line_tables import tables
from ml.prediction_log.predictions import read_log
from ml.prediction_log.resent import once
from ml.prediction_log.targets import Line

START = datetime(2026, 1, 1, tzinfo=UTC)


def line(number=1, *, seconds=0.0, score=0.5, rows=({"id": "a", "x": 1.0},), **head):
    record = {"kind": "prediction", "request_id": "r", "model": "m@1", "variant": "champion", **head}
    record["time"] = (START + timedelta(seconds=seconds)).isoformat()
    record["rows"] = [
        {"id": row["id"], "features": {k: v for k, v in row.items() if k != "id"}, "score": score, "label": score > 0.5}
        for row in rows
    ]
    return Line("20260101T000000-1-a-1", number, json.dumps(record).encode())


def read(*lines):
    return once(tables(lines).predictions)


@pytest.mark.parametrize("model", ["m@1", "m@2"])
def test_the_later_of_two_attempts_counts(model):
    (kept,) = read(line(1, score=0.4), line(2, seconds=5.2, score=0.6, model=model)).itertuples()

    assert (kept.line, kept.score, kept.model) == (2, 0.6, model)


def test_three_attempts_of_a_request_with_several_rows_count_once():
    rows = [{"id": name, "x": None} for name in "abc"]

    found = read(*(line(n, seconds=6 * n, rows=rows) for n in (1, 2, 3)))

    assert [(row.line, row.id) for row in found.itertuples()] == [(3, "a"), (3, "b"), (3, "c")]


@pytest.mark.parametrize(
    "other",
    [
        {"rows": [{"id": "b", "x": 1.0}]},
        {"rows": [{"id": "a", "x": 2.0}]},
        {"rows": [{"id": "a", "x": None}]},
        {"rows": [{"id": "a", "x": 1.0, "y": "more"}]},
        {"variant": "shadow"},
        {"request_id": "another"},
        {"seconds": 61},
    ],
    ids=str,
)
def test_a_reused_request_id_loses_nothing(other):
    assert len(read(line(1), line(2, **other))) == 2


def test_a_row_twice_in_one_request_is_kept():
    assert len(read(line(rows=[{"id": "a", "x": 1.0}] * 2))) == 2


def test_the_log_counts_left_out_lines(tmp_path):
    lines = [line(1), line(2, seconds=3), line(3, request_id="other")]
    (tmp_path / "20260101T000000-1-a-000001.jsonl").write_bytes(b"".join(one.content + b"\n" for one in lines))

    table = read_log(tmp_path)

    assert (len(table), table.attrs["repeated"], table.attrs["damaged"]) == (2, 1, [])

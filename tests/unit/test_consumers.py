"""Adopt, validate, API, batch scoring and retraining (from a file or the log) read the same values in a table."""

import datetime as dt
import json
import re
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import TypeAdapter, ValidationError

from ml.adoption import inference, proposed_contract
from ml.data import reading, row_ids, schema, values
from ml.data.breaches import breaches
from ml.engine.source import Chunk
from ml.io import files, tables
from ml.io.errors import UserError
from ml.model.model_contract import Contract
from ml.prediction_log.predictions import read_log
from ml.retraining import fresh
from ml.scoring import rows as scoring
from ml.settings.data import Data, Number, Target
from ml.settings.retrain import Retrain
from serving.recorder import Asked, Recorder
from serving.request_model import body, feedback
from serving.server_settings import Settings

ROWS = 60
PLACES = range(ROWS)
DAYS = [dt.datetime(2024, 1, 31) + dt.timedelta(hours=7 * n) for n in PLACES]  # noqa: DTZ001
REMEDY = re.compile(r"[A-Z][a-z]+ (it|the|one|a|them|that|another)\b|TARGET=|TIME_FORMAT=|params\.yaml")


def gaps(values):
    return [None if place % 7 == 0 else value for place, value in enumerate(values)]


def array(values, kind=None):
    return pa.array([*values], kind)


KINDS = {  # values of a column as Parquet may hold them
    "normal": lambda: array(np.random.default_rng(0).normal(size=ROWS)),
    "half": lambda: array(np.arange(ROWS).astype("float16")),
    "decimal": lambda: array([Decimal(n) / 8 for n in PLACES], pa.decimal128(20, 3)),
    "decimal without places": lambda: array(gaps(Decimal(n % 9) for n in PLACES), pa.decimal128(10, 0)),
    "decimal256": lambda: array([Decimal(n) / 8 for n in PLACES], pa.decimal256(50, 3)),
    "beyond every integer": lambda: array([Decimal(10**25 + n) for n in PLACES], pa.decimal128(30, 0)),
    "beyond int64": lambda: array(gaps(2**63 + n for n in PLACES), pa.uint64()),
    "beyond 2^53": lambda: array(2**53 + n for n in PLACES),
    "small": lambda: array([n % 100 for n in PLACES], pa.int8()),
    "truths with gaps": lambda: array(gaps(n % 2 == 0 for n in PLACES)),
    "nearly 0": lambda: array([5e-324 * (n % 3) for n in PLACES]),
    "negative 0": lambda: array([-0.0 if n % 2 else 1.5 for n in PLACES]),
    "large": lambda: array([1e38 * (n % 3) for n in PLACES]),
    "too large": lambda: array([1e39 * (n % 3) for n in PLACES]),
    "no number": lambda: array([float("nan") if n % 5 == 0 else n / 2 for n in PLACES]),
    "nothing": lambda: pa.nulls(ROWS),
    "nothing of a type": lambda: array([None] * ROWS, pa.timestamp("us")),
    "list": lambda: array([[n] for n in PLACES]),
    "struct": lambda: array([{"a": n} for n in PLACES]),
    "map": lambda: array([[("a", n)] for n in PLACES], pa.map_(pa.string(), pa.int64())),
    "bytes": lambda: array(b"ab" for _ in PLACES),
    "levels": lambda: array(["a", "NA", "ß", " b", "", "nan"] * (ROWS // 6)),
    "levels that end lines": lambda: array(["a\nb", "a\rb", "a\u2028b", "a\x85b"] * (ROWS // 4)),
    "levels cut short": lambda: array(["a\x00b", "a\x00c"] * (ROWS // 2)),
    "levels of one look": lambda: array(["é", "e\u0301", "a\u200b", "a"] * (ROWS // 4)),
    "levels like numbers": lambda: array(["1", "1.0", "-0", "x"] * (ROWS // 4)),
    "levels like truths": lambda: array(["True", "TRUE", "true", "x"] * (ROWS // 4)),
    "a dictionary": lambda: array(["a", "b"] * (ROWS // 2)).dictionary_encode(),
    "a dictionary of numbers": lambda: array([3, 4] * (ROWS // 2)).dictionary_encode(),
    "large text": lambda: array(["a", "b"] * (ROWS // 2), pa.large_string()),
    "a view of text": lambda: array(["a", "b"] * (ROWS // 2), pa.string_view()),
    "codes": lambda: array(f"{n:05d}" for n in PLACES),
    "decimal commas": lambda: array(f"{n},5" for n in PLACES),
    "thousands": lambda: array(f"{n},500" for n in PLACES),
    "durations": lambda: array(gaps(dt.timedelta(seconds=n) for n in PLACES), pa.duration("ms")),
    "clock": lambda: array([dt.time(n % 3) for n in PLACES], pa.time32("s")),
    "days": lambda: array([day.date() for day in DAYS], pa.date32()),
    "seconds": lambda: array(DAYS, pa.timestamp("s")),
    "nanoseconds in Vienna": lambda: array(DAYS, pa.timestamp("ns", tz="Europe/Vienna")),
    "milliseconds in India": lambda: array(DAYS, pa.timestamp("ms", tz="+05:30")),
    "times with gaps": lambda: array(gaps(DAYS), pa.timestamp("us")),
    "times as text": lambda: array(f"{day:%Y-%m-%dT%H:%M:%S}+02:00" for day in DAYS),
    "microseconds since 1970": lambda: array(1_700_000_000_000_000 + n for n in PLACES),
}
REFUSED = ("levels cut short", "too large")
NAMES = ("score", "label", "id ", "time", "model_config", "null", "1", "a.b", "$a_$b", "=1+1", "features.x", "Ü\u2028")


def table(**columns):
    """A table with an id, an informative feature and a target."""
    there = {"customer": array(f"c{n}" for n in PLACES), "told": KINDS["normal"]()} | columns
    return pa.table(there | {"bad": array(n % 3 == 0 for n in PLACES)})


def adopted(path, time=""):
    """The contract that adopt infers from a file."""
    raw = reading.read(path).frame
    roles = {"time": time} if time else {}
    found, _ = proposed_contract.infer(inference.typed(raw, "bad", "", time).frame, str(path), "bad", roles)
    if "time" in found:
        found |= inference.time_format(raw[found["time"]], "")
    return Data.model_validate(found)


def plain(frame):
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def requested(frame, data):
    """The rows of a table as the API takes them."""
    sent = json.dumps({"rows": plain(frame[[data.id, *data.columns]])})
    return body(data, ROWS, "refuse").adapter.validate_json(sent)["rows"]


def logged(folder, taken, labels, data):
    """The rows that retraining finds in the log of these requests."""
    recorder, lines = Recorder(data, Settings()), []
    for place, (row, label) in enumerate(zip(taken, labels, strict=True)):
        answered = {"id": row[data.id], "features": {n: v for n, v in row.items() if n != data.id}}
        head, asked = {"model": "m", "variant": "champion"}, Asked(f"r{place}")
        lines.append(recorder.prediction(asked, head, [answered | {"score": 0.5, "label": True}]))
        lines.append(recorder.feedback(asked, row[data.id], label == "True"))
    files.write_bytes(b"\n".join(lines) + b"\n", folder / "20250430T100000Z-a-000001.jsonl")
    return fresh.labelled(read_log(folder), data)


def agreed(folder, told, time=""):
    """Compare all readers of a table; raises UserError if the table is refused."""
    path = folder / "t.parquet"
    parquet.write_table(told, path)
    data, raw = adopted(path, time), reading.read(path).frame
    known = schema.conform(raw, data)
    features = plain(known[[*data.columns]])

    sifted = fresh.sift(raw, raw, data)
    tables.write_table(fresh.combine(raw, sifted.good, data, Retrain()).table, folder / "again.parquet")
    again = schema.conform(reading.read(folder / "again.parquet").frame, data)
    taken = requested(known, data)
    scored = scoring.check(Chunk(str(path), 0, parquet.read_table(path)), data)
    log = fresh.sift(logged(folder, taken, known["bad"], data), raw, data)

    assert not any(rows.any() for _, rows, _ in breaches(known, data))
    assert (len(sifted.bad), len(scored.refused), len(log.bad)) == (0, 0, 0)
    assert plain(again) == plain(known)
    assert [{name: row.get(name) for name in data.columns} for row in taken] == features
    assert plain(pd.DataFrame(scored.table)) == features
    assert [*scored.ids] == known[data.id].tolist()
    assert plain(log.good[[data.id, *data.columns, "bad"]]) == plain(known[[data.id, *data.columns, "bad"]])
    return data


@pytest.mark.slow
def test_all_readers_agree_on_a_column_of_any_kind(tmp_path):
    data = agreed(tmp_path, table(**{kind: make() for kind, make in KINDS.items() if kind not in REFUSED}))

    assert len(data.columns) > len(KINDS) / 2  # the others are left out: nothing in them, nested, dates


@pytest.mark.parametrize("kind", REFUSED)
def test_adopt_names_an_unreadable_column(tmp_path, kind):
    with pytest.raises(UserError, match=REMEDY) as found:
        agreed(tmp_path, table(c=KINDS[kind]()))

    assert re.search(r"c: \d+ of 60 rows are .*, e\.g\. .* at row \d", str(found.value))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["days", "seconds", "nanoseconds in Vienna", "milliseconds in India", "times as text"])
def test_all_readers_agree_on_a_time(tmp_path, kind):
    assert agreed(tmp_path, table(when=KINDS[kind]()), "when").time == "when"


@pytest.mark.parametrize("kind", ["decimal without gaps", "beyond every integer", "codes", "beyond 2^53"])
def test_all_readers_agree_on_an_id(tmp_path, kind):
    ids = KINDS[kind]() if kind in KINDS else array(map(Decimal, PLACES), pa.decimal128(20, 0))

    assert agreed(tmp_path, table(customer_id=ids).drop_columns("customer")).id == "customer_id"


WORDS = """12.5, 7 ,1e3,+.5,-0,1 200,€ 3,12 %,0x1,1_0,٣,inf,NaN,, ,?,n/a,none,True,false,yes,1e39,1e400,1\x00,007,1d"""
WORDS = [*WORDS.split(","), "1,5", "1,200", "1.234,5", "5e-324", "-3e38", " 7\u00a0"]
WRITTEN = st.sampled_from(WORDS) | st.text("0123456789.,-+e %€'\u00a0", max_size=9)
COLUMNS = [Number(type="number", missing=0.5), Number(type="number", max=9)]
COLUMNS += [Number(type="integer"), Number(type="boolean", missing=0.5)]


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@example(WORDS)
@given(st.lists(WRITTEN, min_size=1, max_size=6))
def test_tables_and_requests_read_the_same_number_from_text(drawn):
    words = {f"{n}": word for n, word in enumerate(drawn * len(COLUMNS))}
    columns = {n: COLUMNS[int(n) * len(COLUMNS) // len(words)] for n in words}
    data = Data(file="t.csv", id="who", target=Target(name="bad"), columns=columns)
    row = pd.DataFrame({n: pd.Series([word or None], dtype="str") for n, word in words.items()})

    found = values.typed(row, data, [*words])
    refused = {w.column for w in found.wrong} | {n for n, wrong, _ in breaches(found.frame, data) if wrong.any()}

    assert asked(data, words) == {n: v for n, v in plain(found.frame)[0].items() if n not in refused}


def asked(data, words):
    """The values that the API reads from a row, without the columns that it refuses."""
    known = body(data, 1, "refuse").rows
    try:
        return known.validate_python([words])[0]
    except ValidationError as error:
        refused = {str(e["loc"][1]) for e in error.errors()}
    sent = {n: word for n, word in words.items() if n not in refused}
    kept = data.model_copy(update={"columns": {n: data.columns[n] for n in sent}})
    return body(kept, 1, "refuse").rows.validate_python([sent])[0]


@pytest.mark.parametrize("word", [*WORDS, 3, 2.5, True])
def test_a_late_label_that_is_a_number_is_read_as_the_table_reads_it(word):
    data = Data(file="t.csv", id="who", target=Target(name="bad", task="regression"), columns={"c": COLUMNS[0]})
    known = values.typed(pd.DataFrame({"bad": [word]}), data, ["bad"]).frame["bad"]
    labels = TypeAdapter(feedback(Contract(project="p", data=data, threshold=0.5)))

    try:
        found = [labels.validate_python({"labels": [{"id": "a", "label": word}]})["labels"][0]["label"]]
    except ValidationError:
        found = []

    assert found == [float(label) for label in known.dropna() if word not in {True, "True", "false"}]


def test_an_id_that_no_request_may_send_is_refused_by_all_readers(tmp_path):
    data = Data(file="t.csv", id="who", target=Target(name="bad"), columns={"c": COLUMNS[0]})
    frame = pd.DataFrame({"who": ["a", "b" * 201], "c": [1, 2], "bad": ["True", "False"]})
    scored = scoring.check(Chunk("t.csv", 0, pa.Table.from_pandas(frame, preserve_index=False)), data)

    with pytest.raises(UserError, match=r"1 of 2 rows are longer than 200 characters, .* at row 2"):
        schema.conform(frame, data)
    with pytest.raises(UserError, match="who cannot be the id: 1 of 2 rows have one that is longer than 200"):
        row_ids.told(frame, "who")
    assert scored.refused["reason"].tolist() == fresh.sift(frame, frame, data).reasons.tolist()
    with pytest.raises(ValidationError):
        body(data, 1, "refuse").rows.validate_python([{"who": "b" * 201, "c": 1}])


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*KINDS]), min_size=1, max_size=4))
def test_all_readers_agree_on_unusual_columns_with_unusual_names(drawn):
    said = "Fix the rows"
    with tempfile.TemporaryDirectory() as folder:
        try:
            agreed(Path(folder), table(**{name: KINDS[kind]() for name, kind in drawn.items()}))
        except UserError as error:
            said = str(error)
    assert REMEDY.search(said), said

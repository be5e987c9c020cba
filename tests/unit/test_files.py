from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.io import files, sheets, tables
from ml.io.errors import UserError
from ml.settings.params import read_params

TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0") | st.sampled_from("\r\n\u2028\x85\x1c")
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.parquet", b"", "is empty"),
        ("cut.parquet", b"PAR1abc", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError, match=message):
        tables.read_table(tmp_path / name)


def test_columns_of_a_table_on_disk_equal_those_in_memory(tmp_path, monkeypatch):
    frame = pd.DataFrame({"a": ["x", None, "y"], "b": [1.0, None, 3.0], "c": pd.Timestamp("2026-01-01")})
    tables.write_table(frame, tmp_path / "a.parquet")
    monkeypatch.setattr(tables, "GROUP", 2)
    stored, read = tables.StoredTable(tmp_path / "a.parquet"), tables.read_table(tmp_path / "a.parquet")

    assert len(stored) == len(frame)
    pd.testing.assert_series_equal(stored["a"], read["a"])
    pd.testing.assert_frame_equal(stored[["c", "b"]], read[["c", "b"]])
    for table in (stored, read):
        parts = [*tables.parts(table, ["a", "b"])]
        pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), read[["a", "b"]])
    assert [len(part) for part in tables.parts(stored, ["a"])] == [2, 1]


def test_a_parquet_file_cut_short_says_so(tmp_path):
    tables.write_table(pd.DataFrame({"a": range(1000)}), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[:-20])

    with pytest.raises(UserError, match="cannot be read"):
        tables.read_table(tmp_path / "a.parquet")


def test_a_missing_project_table_names_dvc_pull_and_any_other_its_path(tmp_path):
    with pytest.raises(UserError, match="dvc pull"):
        tables.read_table(files.DATA / "none.parquet")
    with pytest.raises(UserError, match=r"is missing\. Correct the path"):
        tables.read_table(tmp_path / "none.parquet")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    files.write_json({"kept": 1}, path)

    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json({"lost": float("nan")}, path)
    with pytest.raises(pa.ArrowInvalid):
        tables.write_table(pd.DataFrame({"lost": [object()]}), path)

    assert files.read_json(path) == {"kept": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("disk", ["the same", "another"])
def test_a_file_is_moved_to_another_disk(tmp_path, disk):
    if disk == "another" and not Path("/dev/shm").is_dir():
        pytest.skip("there is no other disk here")
    source = tmp_path / "a"
    source.write_bytes(b"x")

    with TemporaryDirectory(dir="/dev/shm" if disk == "another" else tmp_path) as there:
        files.move(source, Path(there, "new", "b"))

        assert [path.read_bytes() for path in Path(there, "new").iterdir()] == [b"x"]
        assert not source.exists()


def test_the_same_table_gives_the_same_bytes(tmp_path):
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", None]})

    tables.write_table(frame, tmp_path / "one.parquet")
    tables.write_table(frame.copy(), tmp_path / "two.parquet")

    assert files.digest(tmp_path / "one.parquet") == files.digest(tmp_path / "two.parquet")


def test_invalid_json_is_reported(tmp_path):
    (tmp_path / "a.json").write_text("{")

    with pytest.raises(UserError, match="not JSON"):
        files.read_json(tmp_path / "a.json")


@pytest.mark.slow
@given(st.lists(TEXT.map("text {}".format), min_size=1, max_size=3))  # what looks like a number comes back as one
def test_any_text_in_a_written_csv_file_is_read_back_unchanged(texts):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        sheets.write_rows([{"text": text, "number": 1} for text in texts], path)
        assert [row["text"] for row in sheets.read_rows(path)] == texts

        sheets.write_csv(pd.DataFrame({"text": texts, "number": 1}), path)
        assert pd.read_csv(path, dtype=str, keep_default_na=False)["text"].tolist() == texts


@pytest.mark.parametrize("content", [b"", b'{"a": [1,', b"\xff\xfe\x00\x80", b"\x00", "deep"])
@pytest.mark.parametrize(("read", "deeper"), [(files.read_json, b"["), (read_params, b"- ")])
def test_a_damaged_file_is_a_message_that_names_it(tmp_path, read, deeper, content):
    path = tmp_path / "damaged"
    path.write_bytes(deeper * 10_000 if content == "deep" else content)

    with pytest.raises(UserError, match="damaged"):
        read(path)


@pytest.mark.parametrize("text", ["\ud800", "caf\udce9", "a\u2028b\x85\x00\n\\ud800"])
def test_a_record_stores_any_text_also_invalid_unicode(tmp_path, text):
    files.write_json({"a": text, text: 1}, tmp_path / "a.json")

    assert files.read_json(tmp_path / "a.json") == {"a": text, text: 1}

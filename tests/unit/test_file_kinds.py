"""A file whose content differs from its extension is refused, and the message names the real format."""

import gzip
import io
import json

import pandas as pd
import pytest

from ml.adoption import exported_files
from ml.data import reading
from ml.engine import source
from ml.io.errors import UserError

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n"
CSV = FRAME.to_csv(index=False).encode()


def workbook():
    out = io.BytesIO()
    FRAME.to_excel(out, index=False)
    return out.getvalue()


CONTENT = {
    "JSON": FRAME.to_json(orient="records").encode(),
    "JSON of lines": FRAME.to_json(orient="records", lines=True).encode(),
    "JSON of columns": FRAME.to_json().encode(),
    "HTML": b"\n<!DOCTYPE html><html>Log in</html>",
    "workbook": workbook(),
    "gzip": gzip.compress(CSV),
    "Git LFS": LFS,
    ".dvc file": b"outs:\n- md5: 1\n",
    "SQLite": b"SQLite format 3\0" + b"\0" * 100,
}


def score(name):
    return [*source.Files(name).chunks(10)]


@pytest.mark.parametrize("kind", [*CONTENT])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
@pytest.mark.parametrize("read", [reading.read, reading.read_all, exported_files.read, score])
def test_another_file_format_is_named(tmp_path, kind, name, read):
    path = tmp_path / name
    path.write_bytes(CONTENT[kind])

    with pytest.raises(UserError, match=rf"t\.{name[2:]} is not (CSV|Parquet): it is .*{kind.split(' of ')[0]}.*\."):
        read(path if read is exported_files.read else str(path))


def test_csv_named_parquet_and_parquet_named_csv_are_detected(tmp_path):
    (tmp_path / "t.parquet").write_bytes(CSV)
    FRAME.to_parquet(tmp_path / "t.csv")

    with pytest.raises(UserError, match="is not Parquet: it is text"):
        reading.read(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="is not CSV: it is Parquet"):
        reading.read(tmp_path / "t.csv")
    assert exported_files.read(tmp_path / "t.csv").table.frame.equals(FRAME)  # which `adopt` stores as Parquet


@pytest.mark.parametrize("content", [b"[a],{b}\n1,2\n", b"<5,PK\n1,2\n", b"version,b\n1,2\n", b"outs:,b\n1,2\n"])
def test_csv_with_an_unusual_header_is_csv(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)

    assert len(reading.read(tmp_path / "t.csv").frame) == 1


@pytest.mark.parametrize(("name", "what"), [("t.xlsx", "a workbook"), ("t.json", "JSON")])
def test_adopt_names_a_page_that_was_saved_in_place_of_the_table(tmp_path, name, what):
    (tmp_path / name).write_bytes(CONTENT["HTML"])

    with pytest.raises(UserError, match=f"{name} is not {what}: it is a page of HTML"):
        exported_files.read(tmp_path / name)


HALVES = [({"a": "x\ud83d"}, "'a'"), ({"b\udc00": 1}, r"'b\\udc00'"), ({"n": {"c": "\ud800"}}, "'n'")]


@pytest.mark.parametrize(("row", "column"), HALVES)
def test_a_lone_surrogate_in_json_is_named_with_row_and_column(tmp_path, row, column):
    (tmp_path / "t.json").write_text(json.dumps([{"a": "\U0001f600"}, {"a": "y"}, row]))

    with pytest.raises(UserError, match=rf"row 3, column {column}: .* holds half a character .* Correct the value"):
        exported_files.read(tmp_path / "t.json")

"""Any common file format gives `adopt` the same table."""

import gzip
import json
import zipfile

import pandas as pd
import pytest

from ml.adoption import exported_files, inference
from ml.io import sheets
from ml.io.errors import UserError

FRAME = pd.DataFrame(
    {
        "größe": [1.5, 2.5, None, 4.0] * 5,
        "name": ["Zoë", "b;c", "d,e", "x\ty"] * 5,
        "n": range(20),
        "flag": [True, False] * 10,
    }
)


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in/table.csv", FRAME.to_csv(index=False))
        archive.writestr("__MACOSX/table.csv", "")
        archive.writestr("in/.DS_Store", "")


WRITTEN = {
    "plain.csv": lambda p: FRAME.to_csv(p, index=False),
    "bom.csv": lambda p: FRAME.to_csv(p, index=False, encoding="utf-8-sig"),
    "semicolon.csv": lambda p: FRAME.to_csv(p, sep=";", decimal=",", index=False),
    "windows.csv": lambda p: FRAME.to_csv(p, index=False, lineterminator="\r\n"),
    "table.parquet": FRAME.to_parquet,
    "utf16.csv": lambda p: FRAME.to_csv(p, index=False, encoding="utf-16"),
    "cp1252.csv": lambda p: FRAME.to_csv(p, index=False, encoding="cp1252"),
    "tabs.tsv": lambda p: FRAME.to_csv(p, sep="\t", index=False),
    "caret.csv": lambda p: FRAME.to_csv(p, sep="^", index=False),
    "stated.csv": lambda p: p.write_text("sep=;\r\n" + FRAME.to_csv(sep=";", index=False, lineterminator="\r\n")),
    "quoted.csv": lambda p: FRAME.to_csv(p, index=False, quotechar="'", quoting=1),
    "packed.csv.gz": lambda p: p.write_bytes(gzip.compress(FRAME.to_csv(index=False).encode())),
    "packed.zip": zipped,
    "table.pq": FRAME.to_parquet,
    "lines.jsonl": lambda p: FRAME.to_json(p, orient="records", lines=True),
    "list.json": lambda p: FRAME.to_json(p, orient="records"),
    "sheet.xlsx": lambda p: FRAME.to_excel(p, index=False, startrow=2, startcol=1),
}
TITLED = {
    "titled.csv": lambda p: p.write_text('"Export, 2024"\n\n' + FRAME.to_csv(index=False)),
    "titled.tsv": lambda p: p.write_text(
        "Export of\u2028today\r\n" + FRAME.to_csv(index=False, sep="\t", lineterminator="\r\n")
    ),
    "titled.xlsx": lambda p: pd.DataFrame(
        [["Export"], ["größe", "name", "n", "flag"], *FRAME.to_numpy().tolist()]
    ).to_excel(p, index=False),
}
AS_THEY_ARE = {"plain.csv", "bom.csv", "semicolon.csv", "windows.csv", "table.parquet"}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_gives_the_same_table(tmp_path, name):
    WRITTEN[name](tmp_path / name)

    found = exported_files.read(tmp_path / name)
    typed = inference.typed(found.table.frame, "flag").frame

    assert found.as_it_is == (name in AS_THEY_ARE)
    assert [*typed] == [*FRAME]
    assert typed["größe"].astype("float64").tolist() == pytest.approx(FRAME["größe"].tolist(), nan_ok=True)
    assert typed["name"].tolist() == FRAME["name"].tolist()
    assert typed["n"].tolist() == FRAME["n"].tolist()
    assert typed["flag"].map(str).tolist() == FRAME["flag"].map(str).tolist()


def test_parts_of_nested_records_become_columns(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": {"b": 1, "c": "x"}, "d": [1]}\n{"a": {"b": 2}, "d": []}\n')

    found = exported_files.read(tmp_path / "a.jsonl").table.frame

    assert found["a.b"].tolist() == [1, 2]
    (left,) = inference.typed(found, "a.c").left
    assert left.startswith("d: holds lists, bytes or other nested values")


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c", "\r", "\n"])
def test_other_line_separators_are_text_within_a_value(tmp_path, sign):
    frame = pd.DataFrame({"k": [f"a{sign}b", "c"], "n": [1, 2]})
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")))
    escaped = json.dumps(f"a{sign}b")
    raw = f'"a{sign}b"' if sign not in "\n\r\x0b\x1c" else escaped  # which JSON allows escaped alone
    (tmp_path / "b.jsonl").write_text(f'{{"k": {raw}, "n": 1}}\n{{"k": "c", "n": 2}}\n', newline="")
    sheets.write_csv(frame, tmp_path / "c.csv")

    for name in ("a.jsonl", "b.jsonl", "c.csv"):
        assert exported_files.read(tmp_path / name).table.frame["k"].tolist() == frame["k"].tolist()


def test_an_encoding_can_be_set(tmp_path):
    (tmp_path / "a.csv").write_bytes("имя,n\nАнна,1\n".encode("cp1251"))  # noqa: RUF001

    found = exported_files.read(tmp_path / "a.csv", "cp1251").table

    assert found.frame["имя"].tolist() == ["Анна"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv.gz", b"no", "cannot be read: Not a gzipped file"),
        ("a.xlsx", b"PK\x03\x04no", "is not a workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "Excel 2003 or older"),
        ("a.bin", bytes(100), "is not a CSV, Parquet, JSON or Excel file"),
        ("a.json", b'{"a": 1', "neither a list of records nor JSON lines"),
        ("a.json", b"[1, 2]", "has no records"),
        ("a.json", b"[" * 100_000, "neither a list of records nor JSON lines"),
        ("a.json", b'{"a": {"0": 1}, "b": {"0": 2}}', "one record, of columns or of rows. Write a list of rows"),
        ("a.json", b'{"data": [{"a": 1}, {"a": 2}]}', "one record, of columns or of rows. Write a list of rows"),
        ("a.zip", b"no", "File is not a zip file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError, match=message):
        exported_files.read(tmp_path / name)


def test_an_archive_of_several_tables_names_them(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.csv", "a,b\n1,2\n")
        archive.writestr("two.csv", "a,b\n3,4\n")

    with pytest.raises(UserError, match=r"holds 2 files \(one.csv, two.csv\)\. Unpack one of them, or join them"):
        exported_files.read(tmp_path / "a.zip")


@pytest.mark.parametrize("name", TITLED)
def test_titles_above_the_header_are_left_out(tmp_path, name):
    TITLED[name](tmp_path / name)

    found = exported_files.read(tmp_path / name, target="name")

    pd.testing.assert_frame_equal(inference.typed(found.table.frame, "flag").frame.drop(columns="flag"),
                                  FRAME.drop(columns="flag"), check_dtype=False)  # fmt: skip
    assert any("names the target" in note for note in found.table.notes)


def test_a_file_without_a_header_says_so(tmp_path):
    (tmp_path / "iris.data").write_text("5.1,3.5,1.4,0.2,1.4\n4.9,3.0,1.4,0.2,1.4\n")

    with pytest.raises(UserError, match="first line seems to hold values"):
        exported_files.read(tmp_path / "iris.data", target="species")

"""The real format of a file whose content does not match its name."""

import re

from ml.io.errors import UserError

MAGIC = {  # the first bytes, their format, and what to do
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "Name it .zip or .xlsx for `make adopt`, or export CSV"),
    b"\xd0\xcf\x11\xe0": ("a workbook of Excel 2003 or older", "Save it as .xlsx or .csv"),
    b"\x1f\x8b": ("compressed with gzip", "Unpack it with `gunzip`, or name it .csv.gz for `make adopt`"),
    b"BZh": ("compressed with bzip2", "Unpack it with `bunzip2`, or name it .csv.bz2 for `make adopt`"),
    b"\xfd7zXZ": ("compressed with xz", "Unpack it with `unxz`, or name it .csv.xz for `make adopt`"),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "Unpack it with `unzstd`"),
    b"7z\xbc\xaf": ("a 7z archive", "Unpack it"),
    b"PAR1": ("Parquet", "Name it .parquet"),
    b"ARROW1": ("an Arrow or Feather file", "Write it as Parquet"),
    b"ORC": ("an ORC file", "Write it as Parquet"),
    b"Obj\x01": ("an Avro file", "Write it as Parquet"),
    b"\x89HDF": ("an HDF5 file", "Write its table as Parquet"),
    b"SQLite format 3": ("an SQLite database", "Export one of its tables as CSV or Parquet"),
    b"%PDF": ("a PDF document", "Export the table as CSV or Parquet"),
    b"\x80\x04\x95": ("a pickle of Python", "Write its table as Parquet"),
    b"\x80\x05\x95": ("a pickle of Python", "Write its table as Parquet"),
    b"version https://git-lfs": ("a pointer of Git LFS, not the file itself", "Get the file with `git lfs pull`"),
}  # fmt: skip
TEXT = {  # the same for text, after leading space
    rb"\s*<(?:!doctype|html|head|body|table|\?xml|!--|svg|div|meta)\b|\s*<!--": (
        "a page of HTML or XML, perhaps an error or login page in place of the table", "Download or export it again"
    ),
    rb"outs:\s*\n\s*- ": ("a .dvc file, not the table itself", "Get the table with `dvc pull`"),
    rb"""\s*(?:\[\s*(?:[\[{]|\])|\{\s*(?:"|\}))""": ("JSON", "Name it .json for `make adopt`, or write it as CSV"),
}  # fmt: skip
BOM = b"\xef\xbb\xbf"


def must_be(what: str, head: bytes, where: str) -> None:
    """Raise UserError if these first bytes belong to another known format than this one."""
    if found := _kind(head):
        raise UserError(f"{where} is not {what}: it is {found[0]}. {found[1]}.")


def must_be_parquet(head: bytes, where: str) -> None:
    """Raise UserError, naming the format, if these first bytes cannot be those of a Parquet file."""
    if head.startswith((b"PAR1", b"PARE")):
        return
    kind, remedy = _kind(head) or ("", "")
    if not kind and b"\x00" not in head and any(mark in head for mark in b",;\t|\n"):
        kind, remedy = "text", "Name it .csv if it is CSV"
    if kind:
        raise UserError(f"{where} is not Parquet: it is {kind}. {remedy}.")


def _kind(head: bytes) -> tuple[str, str] | None:
    head = head.removeprefix(BOM)
    text = (about for pattern, about in TEXT.items() if re.match(pattern, head, re.IGNORECASE))
    return next((about for start, about in MAGIC.items() if head.startswith(start)), None) or next(text, None)

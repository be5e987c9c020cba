"""A text from an archive made by an unknown person."""

import io
import zipfile

import pytest

from ml.github import artifact
from ml.io.errors import UserError


def archive(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name.replace("_", "."), text)
    return content.getvalue()


def test_the_text_is_read_and_invalid_bytes_are_replaced():
    assert artifact.text(archive(report_md=b"fine \xff"), "report.md", 100) == "fine \ufffd"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive(other_md="x"), "has no report.md"),
        (b"PK\x03\x04 not an archive", "not a readable archive"),
        (archive(report_md="x" * 1000)[:-30], "not a readable archive"),
        (archive(report_md="x" * 10_000_000), "larger than 100 bytes"),  # ten kilobytes, packed
    ],
    ids=[
        "another file",
        "no archive",
        "cut",
        "a bomb",
    ],  # the bytes contain the time, so each worker would name them differently
)
def test_any_other_archive_gives_one_sentence(content, said):
    with pytest.raises(UserError, match=said):
        artifact.text(content, "report.md", 100)

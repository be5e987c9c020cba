"""Tables of measurements between two comments of a document."""

from pathlib import Path

from ml.io import files


def fill(page: Path, name: str, text: str) -> None:
    """Replace the text between `<!-- name -->` and `<!-- end of name -->`."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = files.read_bytes(page).decode().partition(start)
    files.write_text(f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}", page)

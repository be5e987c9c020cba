"""Texts from an archive of an unknown author: nothing is unpacked to disk or larger than allowed."""

import io
import zipfile
import zlib

from ml.io.errors import UserError
from ml.io.text import counted


def text(content: bytes, name: str, limit: int) -> str:
    """The member `name` of a zip archive as text of at most `limit` bytes; raises UserError for anything else.

    Other members are not read. Bytes that are not UTF-8 are replaced.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(name) as member:
            found = member.read(limit + 1)  # the sizes in the archive are not trusted
    except KeyError:
        raise UserError(f"the artifact has no {name}.") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UserError(f"the artifact is not a readable archive: {error}.") from None
    if len(found) > limit:
        raise UserError(f"{name} in the artifact is larger than {counted(limit, 'byte')}.")
    return found.decode("utf-8", errors="replace")

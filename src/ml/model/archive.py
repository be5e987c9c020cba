"""Reads a model's zip archive within bounds, before skops sees it.

The unpacked content may be at most twenty times as large as the file (or 32 MiB), whatever size the archive declares.
"""

import io
import json
import re
import zipfile

GROWTH = 20  # forests of stumps compress best, by a factor of 12
LEAST = 32 * 2**20
DENSITY = 20  # bytes of schema.json for each container or separator; our models have 40
CHUNK = 2**20
SCHEMA = "schema.json"
MEMBER = re.compile(r"\d{1,20}\.npy|schema\.json", re.ASCII)
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def checked(content: bytes) -> bytes:
    """The same archive, uncompressed; raises ValueError when it is damaged, malformed or larger than its bound."""
    limit = max(LEAST, GROWTH * len(content))
    members = _members(content, limit)
    _check_schema(members, limit)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as plain:
        for name, part in members.items():
            plain.writestr(zipfile.ZipInfo(name), part)
    return out.getvalue()


def _members(content: bytes, limit: int) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    left = limit
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        if sum(info.file_size for info in infos) > limit:
            raise ValueError(_too_large(limit))
        for info in infos:
            name = info.filename
            if not MEMBER.fullmatch(name) or name in members or info.compress_type not in METHODS:
                raise ValueError(f"{name[:40]!r} is not a member of a model file")
            members[name] = _read(archive, info, left)
            left -= len(members[name])
    return members


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """One member, read in pieces, because its declared size may be false."""
    found = bytearray()
    with archive.open(info) as member:
        while piece := member.read(CHUNK):
            found += piece
            if len(found) > most:
                raise ValueError(_too_large(most))
    if len(found) != info.file_size:
        raise ValueError(f"{info.filename} is truncated")
    return bytes(found)


def _check_schema(members: dict[str, bytes], limit: int) -> None:
    """Check that the objects and members that the schema names, counted at each mention, stay within the bound."""
    schema = members[SCHEMA]
    if sum(map(schema.count, (b"{", b"[", b","))) > max(1000, len(schema) // DENSITY):
        raise ValueError(f"{SCHEMA} holds too many objects for its size")
    named: list[str] = []
    json.loads(schema, object_hook=lambda found: named.append(found["file"]) if "file" in found else None)
    if sum(len(members[name]) for name in named) > limit:
        raise ValueError(_too_large(limit))


def _too_large(limit: int) -> str:
    return f"it unpacks to more than {limit / 2**20:,.0f} MiB"

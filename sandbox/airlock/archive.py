"""The outer and inner containers of a package, each with exactly one spelling.

Outside a ZIP (stored, fixed order and timestamps), inside a tar (ustar). Readers rebuild what they read and compare, so no byte
is left in which anything could hide: no second directory, no comment, no link, no path.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

from catalog.errors import IntegrityBroken

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")  # APPNOTE 4.3.7
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")  # APPNOTE 4.3.12
_END: Final = struct.Struct("<4sHHHHIIH")  # APPNOTE 4.3.16
_VERSION, _STORED, _FLAGS, _TIME, _DATE = 20, 0, 0, 0, 0x21  # 1980-01-01 00:00, the format's own beginning
_UNIX_FILE_0600 = (3 << 8 | _VERSION, 0o100600 << 16)
DIRECTORY: Final = "the archive's directory"


def write_zip(members: Sequence[tuple[str, bytes]]) -> bytes:
    """An uncompressed ZIP of ``members`` in this order; the same members always give the same bytes. At most 4 GiB in all."""
    body = b"".join(part for name, data in members for part in (_local_header(name, data), data))
    return body + _directory(members)


def read_zip(data: bytes, limits: Mapping[str, int]) -> dict[str, bytes]:
    """The members named by ``limits`` (name → largest size in bytes), in that order and no other.

    Raises IntegrityBroken("package.damaged", member=…) when one byte differs from what ``write_zip`` writes.
    """
    found: dict[str, bytes] = {}
    at = 0
    for name, limit in limits.items():
        member = _member_at(data, at, name, limit)
        found[name] = member
        at += len(_local_header(name, member)) + len(member)
    if data[at:] != _directory(list(found.items())):
        raise IntegrityBroken("package.damaged", member=DIRECTORY)
    return found


def write_tar(files: Sequence[tuple[str, bytes]]) -> bytes:
    """A ustar archive of ``files`` in this order, owner, times and modes fixed; the same files always give the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o600, 0
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def read_tar(data: bytes, sizes: Sequence[tuple[str, int]], member: str) -> dict[str, bytes]:
    """The files named by ``sizes``, in that order, cut out by their known sizes; nothing is parsed.

    Raises IntegrityBroken("package.damaged", member=``member``) when the archive differs from what ``write_tar`` writes for them.
    """
    block = tarfile.BLOCKSIZE
    found: dict[str, bytes] = {}
    at = 0
    for name, size in sizes:
        found[name] = data[at + block : at + block + size]
        at += block + (size + block - 1) // block * block
    if write_tar(list(found.items())) != data:
        raise IntegrityBroken("package.damaged", member=member)
    return found


def _member_at(data: bytes, at: int, name: str, limit: int) -> bytes:
    header_length = _LOCAL.size + len(name)
    if len(data) < at + header_length:
        raise IntegrityBroken("package.damaged", member=name)
    size = _LOCAL.unpack_from(data, at)[8]
    if size > limit:
        raise IntegrityBroken("package.damaged", member=name)
    member = data[at + header_length : at + header_length + size]
    if data[at : at + header_length] != _local_header(name, member):
        raise IntegrityBroken("package.damaged", member=name)
    return member


def _directory(members: Sequence[tuple[str, bytes]]) -> bytes:
    entries, offset = b"", 0
    for name, data in members:
        entries += _central_header(name, data, offset)
        offset += _LOCAL.size + len(name) + len(data)
    return entries + _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(entries), offset, 0)


def _local_header(name: str, data: bytes) -> bytes:
    sizes = (zlib.crc32(data), len(data), len(data))
    return _LOCAL.pack(b"PK\x03\x04", _VERSION, _FLAGS, _STORED, _TIME, _DATE, *sizes, len(name), 0) + name.encode("ascii")


def _central_header(name: str, data: bytes, offset: int) -> bytes:
    made_by, attributes = _UNIX_FILE_0600
    sizes = (zlib.crc32(data), len(data), len(data))
    fixed = (b"PK\x01\x02", made_by, _VERSION, _FLAGS, _STORED, _TIME, _DATE, *sizes, len(name), 0, 0, 0, 0, attributes, offset)
    return _CENTRAL.pack(*fixed) + name.encode("ascii")

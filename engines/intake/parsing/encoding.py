"""Bytes to UTF-8, strictly: UTF-8 with or without its mark, else GB18030. Nothing is replaced or guessed over."""

from __future__ import annotations

import codecs
import re

from engines.intake.parsing.refusal import Refusal

MIXED_SHARE = 0.1  # of the lines with non-ASCII bytes: this many valid as UTF-8 means two encodings in one file
# What GB18030 yields when it reads bytes that were never GB18030: control characters, private use, the replacement mark.
_NOT_WRITING = re.compile("[\x80-\x9f\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]")


def to_utf8(data: bytes, declared: str | None = None) -> tuple[bytes, str]:
    """The same text as UTF-8 without mark, and the encoding's name. Raises Refusal with the line and column that cannot be read."""
    if not data.strip():
        raise Refusal("intake.file_empty", line=1, column=1)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refusal("intake.wrong_encoding", line=1, column=1)
    nul = data.find(b"\0")
    if nul >= 0:
        raise _at("intake.nul_byte", data, nul)
    if data.startswith(codecs.BOM_UTF8):
        return _strict_utf8(data, skip=len(codecs.BOM_UTF8)), "utf-8-sig"
    if declared == "gb18030":
        return _strict_gb18030(data), "gb18030"
    try:
        return _strict_utf8(data), "utf-8"
    except Refusal as not_utf8:
        if declared is not None:
            raise
        return _second_guess(data, not_utf8), "gb18030"


def _second_guess(data: bytes, not_utf8: Refusal) -> bytes:
    """Not UTF-8: GB18030, or else refused where the encoding that got further into the file stopped."""
    _refuse_mixture(data)
    try:
        return _strict_gb18030(data)
    except Refusal as not_gb18030:
        raise max(not_utf8, not_gb18030, key=_position) from None


def _position(refusal: Refusal) -> tuple[int, int]:
    return int(refusal.params["line"]), int(refusal.params["column"])


def _strict_utf8(data: bytes, skip: int = 0) -> bytes:
    try:
        data[skip:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _at("intake.wrong_encoding", data, error.start + skip) from None
    return data[skip:]


def _strict_gb18030(data: bytes) -> bytes:
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError as error:
        raise _at("intake.wrong_encoding", data, error.start) from None
    stray = _NOT_WRITING.search(text)
    if stray is not None:
        raise _at("intake.wrong_encoding", data, len(text[: stray.start()].encode("gb18030")))
    return text.encode("utf-8")


def _refuse_mixture(data: bytes) -> None:
    """Two files glued together: some lines can only be UTF-8, some cannot be. Or UTF-8 with a byte of no encoding in it."""
    valid, first_invalid, offset, lines = 0, -1, 0, 0
    code = "intake.mixed_encoding"
    for line in data.split(b"\n"):
        if not line.isascii():
            lines += 1
            wrong = _first_wrong(line, "utf-8")
            valid += wrong < 0
            if wrong >= 0 and first_invalid < 0:
                first_invalid = offset + wrong
                code = code if _first_wrong(line, "gb18030") < 0 else "intake.wrong_encoding"
        offset += len(line) + 1
    if valid > MIXED_SHARE * lines:
        raise _at(code, data, first_invalid)


def _first_wrong(line: bytes, encoding: str) -> int:
    try:
        line.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    return -1


def _at(code: str, data: bytes, offset: int) -> Refusal:
    start = data.rfind(b"\n", 0, offset) + 1
    before = data[start:offset]
    delimiter = b"," if before.count(b",") >= before.count(b"|") else b"|"
    return Refusal(code, line=data.count(b"\n", 0, offset) + 1, column=before.count(delimiter) + 1)

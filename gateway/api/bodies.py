"""Bodies that are not JSON: sealed files and YAML texts, read whole, within the limit of their address."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request

from catalog import canonical_json
from catalog.errors import BadInput

MIB: Final = 1 << 20
DEFAULT_LIMIT: Final = 1 * MIB  # JSON, contracts, features
JOB_LIMIT: Final = 3 * MIB  # a spec, and 1 MiB of code in base64
SEALED_LIMIT: Final = 256 * MIB  # cohorts and consents, sealed


def limit_for(method: str, path: str) -> int:
    """The most bytes a body sent to ``path`` may have."""
    if method != "POST":
        return DEFAULT_LIMIT
    if path.endswith("/cohorts") or "/consents/" in path:
        return SEALED_LIMIT
    return JOB_LIMIT if path.endswith("/jobs") else DEFAULT_LIMIT


async def _whole(request: Request) -> bytes:
    body = await request.body()
    if not body:
        raise BadInput("gateway.body_empty")
    return body


def check_plain(value: object, where: str) -> None:
    """What crosses to the data zone is hashed as canonical JSON. Raises BadInput for what that cannot carry, such as 2^53 + 1."""
    try:
        canonical_json.dumps(value)
    except (ValueError, TypeError, RecursionError):
        raise BadInput("gateway.not_plain", where=where) from None


WholeBody = Annotated[bytes, Depends(_whole)]


def bytes_of(media_type: str) -> dict[str, object]:
    """For OpenAPI: this route's body is raw bytes."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}

"""Names for things the platform creates: a prefix that says what it is, then 80 random bits."""

from __future__ import annotations

import re
import secrets

_NAME = re.compile(r"[a-z][a-z0-9_]{1,62}")


def new_id(prefix: str) -> str:
    """For example ``job-3f9c…``. Random, so that ids of one tenant say nothing of another's activity."""
    return f"{prefix}-{secrets.token_hex(10)}"


def is_name(text: str) -> bool:
    """Lower-case ASCII word of 2–63 characters: what datasets, fields, features and steps are called."""
    return _NAME.fullmatch(text) is not None

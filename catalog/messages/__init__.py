"""The message catalogue: every sentence a user can meet, in English and Chinese, one YAML file per room.

An entry is ``code: {en: "…", zh: "…"}`` with ``{named}`` placeholders, the same ones in both languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

Language = Literal["en", "zh"]


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All messages by code. Raises ValueError when two files define one code."""
    entries: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        for code, texts in (yaml.safe_load(path.read_text("utf-8")) or {}).items():
            if code in entries:
                raise ValueError(f"message {code!r} is defined twice, again in {path.name}")
            entries[code] = texts
    return entries


def render(code: str, params: Mapping[str, object], language: Language = "en") -> str:
    """The sentence for ``code``. An unknown code shows itself rather than hiding the error it reports."""
    texts = catalogue().get(code)
    if texts is None:
        return f"{code} {dict(params)}"
    try:
        return texts[language].format(**params)
    except (KeyError, IndexError):
        return f"{texts[language]} {dict(params)}"

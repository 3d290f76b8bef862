"""A stored reason (message code and params) as people read it, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.faults import FaultyInput
from catalog.messages import Language, render
from gateway.schemas.jobs import Why


def why_of(reason: Mapping[str, Any] | None) -> Why | None:
    """None when there is nothing to say."""
    if not reason or not isinstance(reason.get("code"), str):
        return None
    code, params = str(reason["code"]), dict(reason.get("params") or {})
    return Why(code=code, params=params, text=_text(code, params, "en"), text_zh=_text(code, params, "zh"))


def _text(code: str, params: Mapping[str, Any], language: Language) -> str:
    faults = params.get("faults")
    if isinstance(faults, list):
        return FaultyInput(code, **{**params, "faults": faults}).text(language)
    return render(code, params, language)

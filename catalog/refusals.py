"""An error as JSON and back: how a refusal crosses the mailbox, stands in a job's row, and reaches whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from catalog import errors
from catalog.errors import GloveboxError, PolicyRefusal
from catalog.faults import FaultyInput

CLASSES: Final[Mapping[str, type[GloveboxError]]] = {
    **{name: each for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, GloveboxError)},
    "FaultyInput": FaultyInput,
}


def to_json(error: GloveboxError) -> dict[str, Any]:
    """``{class, code, params}``; the class is the nearest that ``from_json`` knows."""
    known = next(each.__name__ for each in type(error).__mro__ if each.__name__ in CLASSES)
    return {"class": known, "code": error.code, "params": plain(error.params)}


def from_json(document: Mapping[str, Any]) -> GloveboxError:
    """The error that ``to_json`` wrote."""
    kind = CLASSES.get(document["class"], PolicyRefusal)
    return kind(document["code"], **document["params"])


def plain(params: Mapping[str, object]) -> dict[str, Any]:
    """Params as JSON carries them; what it does not carry becomes text."""
    return {key: _plain(value) for key, value in params.items()}


def _plain(value: object) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value)

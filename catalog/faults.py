"""Many faults of one file in one refusal: whoever wrote the file sees all of them at once, each with its place.

A fault names a message and where it stands ("properties.uscc.recipe", "line 3, column uscc"); it never holds a row's value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalog.errors import BadInput
from catalog.messages import Language, render

SHOWN = 50  # faults spelled out in the text; ``params`` holds them all


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: a message code, where, and what fills the message."""

    code: str
    where: str
    params: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: Language = "en") -> str:
        return f"{self.where}: {render(self.code, self.params, language)}"

    def to_json(self) -> dict[str, object]:
        return {"code": self.code, "where": self.where, "params": dict(self.params)}


class FaultyInput(BadInput):
    """A file with faults. ``code`` is the heading's message (placeholders ``file`` and ``count``); ``params["faults"]`` is JSON-ready."""

    def __init__(self, code: str, /, *, faults: Sequence[Mapping[str, object]], **params: object) -> None:
        super().__init__(code, **{"count": len(faults), **params, "faults": list(faults)})
        self.faults = tuple(Fault(str(f["code"]), str(f["where"]), _mapping(f["params"])) for f in faults)

    def text(self, language: Language = "en") -> str:
        head = render(self.code, {k: v for k, v in self.params.items() if k != "faults"}, language)
        more = ["  …"] if len(self.faults) > SHOWN else []
        return "\n".join([head, *(f"  {fault.text(language)}" for fault in self.faults[:SHOWN]), *more])


def refuse_if_any(code: str, faults: Sequence[Fault], **params: object) -> None:
    """Raise FaultyInput when there are faults, else return."""
    if faults:
        raise FaultyInput(code, faults=[fault.to_json() for fault in faults], **params)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}

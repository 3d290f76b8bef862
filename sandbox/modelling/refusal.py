"""How code inside a jail says no: a code of the message catalogue and harmless parameters, for the parent to raise."""

from __future__ import annotations


class JobRefused(Exception):
    """The job cannot be done with what it was given. ``params`` name columns and limits, never a row's value."""

    def __init__(self, code: str, **params: str | int | float) -> None:
        self.code = code
        self.params = params
        super().__init__(code)

    def to_json(self) -> dict[str, object]:
        return {"refused": {"code": self.code, "params": self.params}}

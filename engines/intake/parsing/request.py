"""What the parser is told about a file: the plain part of its contract, and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

CellType = Literal["string", "integer", "number", "decimal", "date", "timestamp", "boolean"]
FileFormat = Literal["csv", "xlsx", "parquet"]


@dataclass(frozen=True, slots=True)
class ParseField:
    """One column. ``source_name`` is its header in the file, ``name`` what it is called from here on.

    ``formats`` are strptime formats tried in order (dates and timestamps); ``precision`` and ``scale`` count a decimal's digits,
    all and after the point; ``null_tokens`` are texts that mean nothing was given; ``length`` is the exact number of characters
    where the contract fixes one; ``identifier`` marks columns whose digits must not be rounded.
    """

    name: str
    source_name: str
    type: CellType
    required: bool = False
    formats: tuple[str, ...] = ()
    precision: int = 38
    scale: int = 2
    null_tokens: tuple[str, ...] = ("",)
    length: int | None = None
    identifier: bool = False


@dataclass(frozen=True, slots=True)
class ParseRequest:
    format: FileFormat
    fields: tuple[ParseField, ...]
    delimiter: str | None = None  # None: read it off the header
    encoding: str | None = None  # None: UTF-8, else GB18030
    received_on: str | None = None  # ISO date; a two-digit year never lies after it

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: lists for tuples."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ParseRequest:
        """Read what ``to_json`` wrote, before or after a trip through JSON text."""
        fields = tuple(ParseField(**{key: _frozen(value) for key, value in field.items()}) for field in plain["fields"])
        return cls(**{**plain, "fields": fields})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

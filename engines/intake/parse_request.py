"""What of a contract the parse jail is told: column names, types and formats. Nothing about keys, recipes or grades."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePath

from catalog.clock import business_date
from catalog.contracts import DatasetContract, FieldContract
from catalog.errors import BadInput
from engines.intake.parsing.request import FileFormat, ParseField, ParseRequest

FORMATS: dict[str, FileFormat] = {".csv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".parquet": "parquet"}
RULE_LENGTHS = {"registration_number": 15, "mobile": 11, "org_code": 9, "uscc": 18}  # characters, each rule's own standard
_FIXED_DIGITS = re.compile(r"(?:\^|\\A)?(?:\[0-9\]|\\d)\{(\d{1,3})\}(?:\$|\\z|\\Z)?")


def parse_request(contract: DatasetContract, file_name: str, received_at: datetime) -> ParseRequest:
    """The parser's orders for one file. Raises BadInput for a suffix that names no format."""
    suffix = PurePath(file_name).suffix.lower()
    if suffix not in FORMATS:
        raise BadInput("intake.format_unknown", dataset=contract.name, formats=", ".join(FORMATS))
    fields = tuple(_parse_field(contract, field) for field in contract.fields)
    return ParseRequest(FORMATS[suffix], fields, received_on=business_date(received_at).isoformat())


def _parse_field(contract: DatasetContract, field: FieldContract) -> ParseField:
    is_subject = field.name == contract.subject.field
    return ParseField(
        name=field.name,
        source_name=field.source_name,
        type=field.type,
        required=field.required,
        formats=field.date_formats,
        precision=field.precision or 38,
        scale=field.scale or 0,
        null_tokens=field.null_tokens,
        length=_fixed_length(contract, field),
        identifier=is_subject or field.identifier == "direct" or field.identifier_kind not in ("", "none"),
    )


def _fixed_length(contract: DatasetContract, field: FieldContract) -> int | None:
    """Number of characters every value must have, where an identifier rule or a pattern of digits says so."""
    rules = [contract.subject.rule] if field.name == contract.subject.field else []
    rules.append(field.identifier_kind)
    for rule in contract.rules:
        if rule.field == field.name:
            rules += [rule.check or "", f"pattern:{rule.pattern or ''}"]
    for name in rules:
        fixed = _FIXED_DIGITS.fullmatch(name.removeprefix("pattern:"))
        if name in RULE_LENGTHS or fixed:
            return RULE_LENGTHS.get(name) or int(fixed[1] if fixed else 0)
    return None

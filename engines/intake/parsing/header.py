"""Match a file's header to its contract: every declared column once, no other."""

from __future__ import annotations

from collections.abc import Sequence

from engines.intake.parsing.refusal import Refusal, label
from engines.intake.parsing.request import ParseField

FEWEST_KNOWN = 0.5  # share of declared columns that must be present before the row counts as a header at all


def match_header(header: list[str], fields: Sequence[ParseField], line: int = 1) -> dict[str, int]:
    """Position in the file of each field, by field name. Raises Refusal naming the first column that is wrong.

    Order in the file is free. A first row that hardly knows the contract is taken for data and none of it is repeated.
    """
    names = [name.strip() for name in header]
    wanted = {field.source_name: field.name for field in fields}
    known = sum(name in wanted for name in set(names))
    if known < FEWEST_KNOWN * len(wanted):
        raise Refusal("intake.header_unknown", line=line, column=1, expected=len(wanted), known=known)
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not name:
            raise Refusal("intake.header_blank", line=line, column=index + 1)
        if name in seen:
            raise Refusal("intake.column_duplicate", line=line, column=label(names, index))
        seen.add(name)
    for source_name in wanted:
        if source_name not in seen:
            raise Refusal("intake.column_missing", line=line, column=source_name)
    for index, name in enumerate(names):
        if name not in wanted:
            raise Refusal("intake.column_unknown", line=line, column=label(names, index))
    return {wanted[name]: index for index, name in enumerate(names)}

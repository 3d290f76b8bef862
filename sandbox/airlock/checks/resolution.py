"""How finely scores leave: few bands, each with enough rows, so that no digit of a score can carry a row's data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

from sandbox.airlock.checks.finding import Finding, block, passed

if TYPE_CHECKING:
    from sandbox.airlock.policies import Policy


class Resolution(TypedDict):
    """Evidence on a list of scores."""

    rows: int
    bands: int
    highest_band: int
    smallest_band: int


def measure(bands: dict[str, int]) -> Resolution:
    """``bands``: band by row id."""
    counts = Counter(bands.values())
    return Resolution(
        rows=len(bands), bands=len(counts), highest_band=max(counts, default=0), smallest_band=min(counts.values(), default=0)
    )


def judge(found: Resolution, policy: Policy) -> list[Finding]:
    """≤ ``most_bands`` bands, each of ≥ ``smallest_band`` rows; an empty list has nothing to release."""
    most = max(found["bands"], found["highest_band"])
    few = found["smallest_band"] < policy.smallest_band
    return [
        (block if most > policy.most_bands else passed)("score_bands", most, policy.most_bands, "measured"),
        (block if few else passed)("score_band_size", found["smallest_band"], policy.smallest_band, "ACRO 10", rows=found["rows"]),
    ]


def judge_subjects(smallest: int, policy: Policy) -> Finding:
    """Distinct subjects in the smallest band, counted by the platform: rows of the list may repeat one firm."""
    return (block if smallest < policy.smallest_band else passed)("score_band_subjects", smallest, policy.smallest_band, "ACRO 10")

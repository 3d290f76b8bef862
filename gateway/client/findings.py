"""How a check's figure and limit read where the figure counts offenders, and the limit says what an offender lacks: never "0 of 10"."""

from __future__ import annotations

from typing import Final

from catalog.messages import Language, render

# Check → what its limit asks of each; None: the limit is the number of offenders allowed.
COUNTS_OFFENDERS: Final[dict[str, str | None]] = {
    "class_minimum": "finding.at_least",
    "curve_steps": "finding.at_least",
    "count_rounding": "finding.multiples",
    "metric_precision": "finding.decimals",
    "metric_consistency": None,
    "metrics_rows": None,
    "metrics_unverified": None,
    "unreachable_leaf": None,
    "threshold_grid": None,
    "pure_leaf": None,
    "bin_class": None,
    "re_emission": None,
    "evaluator": None,
}


def found_words(check: str, value: object, language: Language) -> str | None:
    """The figure in words, None where it speaks for itself or is withheld.

    >>> found_words("curve_steps", 0, "en")
    '0 offenders'
    """
    return render("finding.offenders", {"count": value}, language) if check in COUNTS_OFFENDERS and value is not None else None


def limit_words(check: str, limit: object, language: Language) -> str | None:
    """The limit in words, None where it is of the same kind as the figure.

    >>> limit_words("curve_steps", 10, "en")
    'at least 10 required'
    """
    code = COUNTS_OFFENDERS.get(check)
    return render(code, {"limit": limit}, language) if code is not None and limit is not None else None

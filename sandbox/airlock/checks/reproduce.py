"""Reproducible training: a second run on the same pinned inputs must give the same bytes, or something else went into the file."""

from __future__ import annotations

import hmac

from sandbox.airlock.checks.finding import Finding, block, passed


def judge(trained_sha256: str | None, retrained_sha256: str | None) -> Finding:
    """Hashes (hex) of a model or report of the first and the second run; a missing one is a block."""
    if trained_sha256 is None or retrained_sha256 is None:
        return block("reproduce", "not_retrained", "equal", "exact")
    same = hmac.compare_digest(trained_sha256, retrained_sha256)
    return (passed if same else block)("reproduce", "equal" if same else "different", "equal", "exact")

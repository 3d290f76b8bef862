"""Where the model came from: only training by the platform, on an approved label, makes a model that may be exported."""

from __future__ import annotations

from sandbox.airlock.checks.finding import Finding, block, passed

PLATFORM_ORIGINS = ("train",)
#: What such a job makes; a second run must give the same bytes.
RETRAINED_TYPES = ("model.trees", "model.scorecard", "metrics")


def judge(artefact_type: str, origin: str) -> Finding:
    """``origin`` is the kind of the job that made the artefact. A bank's own script may release metrics; its model never leaves."""
    if artefact_type.startswith("model.") and origin not in PLATFORM_ORIGINS:
        return block("model_origin", origin, "train", "house rule")
    return passed("model_origin", origin, "train", "house rule")

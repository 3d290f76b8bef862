"""Jail A: hostile bytes at /in/artefact become canonical bytes at /out/canonical and evidence at /out/findings.json.

Nothing of the artefact but its canonical form, hashes and counts comes out. A refused artefact gives an empty canonical file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox.airlock.checks import metrics, resolution
from sandbox.airlock.checks.grammar import measure_re_emission, reprint
from sandbox.airlock.checks.metrics_file import parse_metrics
from sandbox.airlock.checks.scores_file import parse_scores
from sandbox.modelling.text_grammar import GrammarError


def run(inputs: Path, outputs: Path) -> None:
    """``inputs``: ``artefact`` and ``request.json`` {"type", "features": list or null, "limits", "truth": null or as
    ``metrics.Truth``}. The grammar decides before LightGBM."""
    request = json.loads((inputs / "request.json").read_bytes())
    data = (inputs / "artefact").read_bytes()
    canonical, evidence = examine(request["type"], data, request.get("features"), request.get("limits", {}), request.get("truth"))
    (outputs / "canonical").write_bytes(canonical)
    (outputs / "findings.json").write_text(json.dumps(evidence, sort_keys=True, allow_nan=False))


def examine(
    artefact_type: str, data: bytes, features: list[str] | None, limits: Mapping[str, int], truth: metrics.Truth | None = None
) -> tuple[bytes, dict[str, Any]]:
    """(canonical bytes, evidence); canonical is empty when the grammar refuses. ``truth`` is of the rows behind a claimed report."""
    evidence: dict[str, Any] = {
        "v": 1,
        "type": artefact_type,
        "input_sha256": hashlib.sha256(data).hexdigest(),
        "grammar": {"code": None, "where": None},
        "canonical_sha256": None,
        "re_emission": None,
        "metrics": None,
        "claims": None,
        "resolution": None,
        "errors": [],
    }
    try:
        canonical = reprint(artefact_type, data, features)
    except GrammarError as refusal:
        evidence["grammar"] = {"code": refusal.code, "where": refusal.where}
        return b"", evidence
    evidence["canonical_sha256"] = hashlib.sha256(canonical).hexdigest()
    text = canonical.decode()
    match artefact_type:
        case "model.trees":
            _measure(evidence, "re_emission", lambda: measure_re_emission(data.decode("ascii"), text))
        case "metrics":
            _measure(evidence, "metrics", lambda: metrics.measure(parse_metrics(text, features), limits, truth))
            if truth is not None:
                _measure(evidence, "claims", lambda: metrics.measure_claims(parse_metrics(text, features), truth))
        case "scores":
            _measure(evidence, "resolution", lambda: resolution.measure(parse_scores(text)))
    return canonical, evidence


def _measure(evidence: dict[str, Any], section: str, measure: Callable[[], Mapping[str, Any]]) -> None:
    """A check that fails is recorded by name alone: the text of its error may hold the artefact's bytes. It counts as a block."""
    try:
        evidence[section] = dict(measure())
    except Exception:
        evidence["errors"].append({"check": section, "code": "failed"})


if __name__ == "__main__":
    run(Path("/in"), Path("/out"))

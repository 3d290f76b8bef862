"""What a check says: a finding, and the report of all findings on one artefact. Numbers only, never a byte of the artefact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

Scalar = int | float | str | bool | None


class Verdict(StrEnum):
    """``review`` needs the author's reason and both reviewers' eyes; ``block`` cannot leave."""

    PASS = "pass"  # noqa: S105
    REVIEW = "review"
    BLOCK = "block"


_SEVERITY = {Verdict.BLOCK: 0, Verdict.REVIEW: 1, Verdict.PASS: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer. ``value`` against ``limit``; ``fix_code`` names the advice in the message catalogue; ``source`` of the limit.

    A ``hard`` finding that blocks cannot be waived by anybody.
    """

    check: str
    verdict: Verdict
    value: Scalar
    limit: Scalar
    fix_code: str
    source: str
    hard: bool = True
    evidence: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> dict[str, object]:
        return {
            "check": self.check,
            "verdict": str(self.verdict),
            "value": self.value,
            "limit": self.limit,
            "fix_code": self.fix_code,
            "source": self.source,
            "hard": self.hard,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings on one artefact, worst first. ``canonical_sha256`` names the bytes that were judged, ``policy_hash`` the limits."""

    artefact_type: str
    canonical_sha256: str | None
    policy_hash: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst finding's; no finding at all is a block: nothing was checked."""
        return self.findings[0].verdict if self.findings else Verdict.BLOCK

    @property
    def blocked(self) -> bool:
        return self.verdict is Verdict.BLOCK

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    def to_json(self) -> dict[str, object]:
        return {
            "artefact_type": self.artefact_type,
            "canonical_sha256": self.canonical_sha256,
            "policy_hash": self.policy_hash,
            "verdict": str(self.verdict),
            "findings": [finding.to_json() for finding in self.findings],
        }


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Blocks, then reviews, then passes; by name within each, so that equal evidence gives an equal report."""
    return tuple(sorted(findings, key=lambda finding: (_SEVERITY[finding.verdict], not finding.hard, finding.check)))


def passed(check: str, value: Scalar, limit: Scalar, source: str, **evidence: Scalar) -> Finding:
    return Finding(check, Verdict.PASS, value, limit, f"check.{check}.fix", source, True, MappingProxyType(evidence))


def review(check: str, value: Scalar, limit: Scalar, source: str, **evidence: Scalar) -> Finding:
    return Finding(check, Verdict.REVIEW, value, limit, f"check.{check}.fix", source, False, MappingProxyType(evidence))


def block(check: str, value: Scalar, limit: Scalar, source: str, **evidence: Scalar) -> Finding:
    return Finding(check, Verdict.BLOCK, value, limit, f"check.{check}.fix", source, True, MappingProxyType(evidence))

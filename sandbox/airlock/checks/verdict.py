"""From evidence and policy to a report: pure, and closed to accidents. What is missing, malformed or failed counts as a block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.airlock.checks import grammar, membership, metrics, origin, reproduce, resolution, structure
from sandbox.airlock.checks.evidence import BadEvidence, read_measured, read_parsed
from sandbox.airlock.checks.finding import CheckReport, Finding, block, passed, worst_first
from sandbox.airlock.policies import Policy, policy_hash


@dataclass(frozen=True, slots=True)
class Case:
    """One artefact under check. ``origin`` is the kind of job that made it; hashes are hex SHA-256 of files as the jobs wrote them.

    ``parsed`` and ``measured`` are the raw outputs of jails A and B, None when a jail gave none.
    """

    artefact_type: str
    origin: str
    artefact_sha256: str
    parsed: bytes | None
    measured: bytes | None = None
    retrained_sha256: str | None = None
    algorithm: str = "lightgbm"
    params: Mapping[str, object] = field(default_factory=dict)


def verdict(case: Case, policy: Policy) -> CheckReport:
    """The report on one artefact, findings worst first. Never raises for anything that a jail said."""
    findings = [origin.judge(case.artefact_type, case.origin)]
    canonical_sha256 = None
    try:
        parsed = read_parsed(case.parsed)
        findings += _on_parsed(case, parsed, policy)
        canonical_sha256 = parsed["canonical_sha256"]
    except BadEvidence:
        findings.append(_broken("parse", "no_evidence"))
    if case.artefact_type in origin.RETRAINED_TYPES and case.origin in origin.PLATFORM_ORIGINS:
        findings.append(reproduce.judge(case.artefact_sha256, case.retrained_sha256))
    if case.artefact_type.startswith("model."):
        findings += _on_model(case, canonical_sha256, policy)
    return CheckReport(case.artefact_type, canonical_sha256, policy_hash(policy), worst_first(findings))


def _on_parsed(case: Case, parsed: Mapping[str, Any], policy: Policy) -> list[Finding]:
    if parsed["type"] != case.artefact_type or parsed["input_sha256"] != case.artefact_sha256:
        raise BadEvidence("of another artefact")
    findings = [grammar.judge_grammar(parsed["grammar"]), *_errors(parsed)]
    if parsed["canonical_sha256"] is None:
        return findings if parsed["grammar"]["code"] else [*findings, _broken("parse", "no_canonical_form")]
    match case.artefact_type:
        case "model.trees":
            findings.append(grammar.judge_re_emission(parsed["re_emission"]))
        case "metrics":
            findings += _of_section(parsed, "metrics", lambda found: metrics.judge(found, policy))
            if case.origin not in origin.PLATFORM_ORIGINS:
                findings += _of_section(parsed, "claims", metrics.judge_claims)
        case "scores":
            findings += _of_section(parsed, "resolution", lambda found: resolution.judge(found, policy))
    return findings


def _on_model(case: Case, canonical_sha256: str | None, policy: Policy) -> list[Finding]:
    findings = [structure.judge_declared(case.algorithm, case.params, policy)]
    if canonical_sha256 is None:
        return findings
    try:
        measured = read_measured(case.measured)
        if measured["type"] != case.artefact_type or measured["canonical_sha256"] != canonical_sha256:
            raise BadEvidence("of another artefact")
    except BadEvidence:
        return [*findings, _broken("measure", "no_evidence")]
    findings += _errors(measured)
    findings += _of_section(measured, "structure", lambda found: structure.judge(found, policy))
    findings += _of_section(measured, "membership", lambda found: membership.judge(found, policy))
    findings += _of_section(measured, "evaluator", _judge_evaluator)
    return findings


def _of_section(evidence: Mapping[str, Any], section: str, judge: Callable[[Any], Iterable[Finding]]) -> list[Finding]:
    found = evidence[section]
    return [_broken(section, "no_evidence")] if found is None else list(judge(found))


def _judge_evaluator(found: Mapping[str, int]) -> list[Finding]:
    make = passed if found["differing"] == 0 and found["rows"] > 0 else block
    return [make("evaluator", found["differing"], 0, "exact", rows=found["rows"])]


def _errors(evidence: Mapping[str, Any]) -> list[Finding]:
    return [_broken(error["check"], error["code"]) for error in evidence["errors"]]


def _broken(check: str, code: str) -> Finding:
    """A check that could not be made. Its name is the evidence; the finding is always ``check_failed``."""
    return block("check_failed", code, "evidence", "house rule", of=check)

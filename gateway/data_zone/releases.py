"""Releases as the data zone takes them: request, explain, vote, withdraw, revoke. Signing is in ``signing``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog import clock
from catalog.actors import PLATFORM, Actor
from catalog.database import Tx
from catalog.errors import BadInput, NotPermitted, PolicyRefusal
from catalog.identifiers import new_id
from catalog.ledger.record import Entry
from catalog.permissions import Permission, check_belongs, check_is_member, check_may
from catalog.store import actors, personal_keys, projects
from gateway.data_zone.ballot import facts_of, officer_key
from gateway.data_zone.jobs import start_job
from jobs.lifecycle import Event as JobEvent
from jobs.lifecycle import Status
from jobs.spec import JobSpec
from jobs.store import jobs as job_store
from sandbox.airlock.guards import rules_hold
from sandbox.airlock.lifecycle import RELEASE, ReleaseEvent, ReleaseState
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.policies import DEFAULT, policy_hash
from sandbox.airlock.votes import SignedVote, check_independence, verify_vote
from sandbox.services import SandboxServices
from sandbox.store import artefacts, releases
from sandbox.store.releases import Release, ReleaseFile

LONGEST_TEXT = 2_000
WITHDRAWABLE = tuple(s for s in ReleaseState if ReleaseEvent.WITHDRAW in RELEASE.events_from(s))
STANDING = tuple({*WITHDRAWABLE, ReleaseState.SIGNING, ReleaseState.RELEASED} - {ReleaseState.RETURNED})


class ReleaseHandlers:
    def __init__(self, services: SandboxServices) -> None:
        self._services = services

    def request(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        """``{job_id, outputs: [names] | null, reason, removal_allowed}``: a release of what a finished job declared for release."""
        check_may(actor, Permission.RELEASES_REQUEST)
        job = job_store.find(tx, str(body["job_id"]))
        check_belongs(actor, job.organisation_id, "job", job.id)
        if job.project_id is None:
            raise BadInput("inputs.no_project")
        project = projects.project_by_id(tx, job.project_id)
        check_is_member(actor, project)
        if job.status is not Status.SUCCEEDED:
            raise PolicyRefusal("release.job_not_succeeded", job=job.id, status=str(job.status))
        check_model_in_force(tx, job)
        files = _chosen(tx, job.id, body.get("outputs"))
        _check_not_requested(tx, job, files)
        recipient = personal_keys.recipient_of(tx, project.organisation_id)
        release = Release(
            id=new_id("rel"),
            number=releases.next_number(tx),
            organisation_id=project.organisation_id,
            project_id=project.id,
            job_id=job.id,
            author=actor.user_id,
            state=ReleaseState.DRAFT,
            round=1,
            grade=int(job.evidence["grade"]),
            files=files,
            spec_hash=job.spec_hash,
            policy_hash=policy_hash(DEFAULT),
            report=None,
            report_hash=None,
            recipient_fingerprint=recipient.fingerprint,
            removal_allowed=bool(body.get("removal_allowed", True)),
            reason=_text(body.get("reason", "")),
            why={},
            check_job=None,
            package=None,
            requested_at=clock.now(),
            approved_at=None,
            released_at=None,
        )
        hashes = {file.name: file.sha256 for file in release.files}
        entry = Entry.by(actor, "release.request", release.id, after="draft", job=job.id, files=hashes, grade=release.grade)
        releases.add_release(tx, release, record=entry)
        self._check(tx, actor, release)
        return {"release_id": release.id}

    def _check(self, tx: Tx, actor: Actor, release: Release) -> None:
        job_id = start_job(
            tx,
            PLATFORM,
            JobSpec("check", "check", inputs={"release_id": release.id}),
            organisation_id=release.organisation_id,
            project_id=release.project_id,
            environment=self._services.jail_environment.name,
        )
        job_store.move(tx, job_id, JobEvent.ENQUEUE)
        releases.move(tx, release.id, ReleaseEvent.CHECK, actor, payload={"job": job_id}, check_job=job_id)

    def resubmit(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        """A returned release, with the author's answer to the reviewers: checked and voted on again, in a new round."""
        release = self._authored(tx, actor, body)
        RELEASE.step(release.state, ReleaseEvent.CHECK)
        check_model_in_force(tx, job_store.find(tx, release.job_id))
        reason = _text(body["reason"])
        columns = {"round": release.round + 1, "reason": reason or release.reason, "why": "{}"}
        releases.note(tx, release.id, actor, "release.resubmit", {"round": release.round + 1, "reason": reason}, **columns)
        self._check(tx, actor, release)
        return {"release_id": release.id}

    def explain(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        """The author's reason for soft findings; without one a release waits before review."""
        release = self._authored(tx, actor, body)
        if release.report is None or release.state is not ReleaseState.CHECKING:
            raise PolicyRefusal("release.nothing_to_explain", release=release.id, state=str(release.state))
        reason = _text(body["reason"])
        if not reason.strip():
            raise BadInput("release.reason_empty")
        releases.move(tx, release.id, ReleaseEvent.SUBMIT, actor, payload={"reason": reason}, reason=reason, why="{}")
        return {"release_id": release.id}

    def vote(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        """An officer's signed vote. It must say exactly what stands in the release now, and verify under a confirmed key of theirs."""
        check_may(actor, Permission.RELEASES_REVIEW)
        release = releases.find(tx, str(body["release_id"]))
        vote = SignedVote.from_json(body["vote"])
        if actor.user_id == release.author or actor.organisation_id == release.organisation_id:
            raise NotPermitted("release.own_organisation", release=release.id)
        check_model_in_force(tx, job_store.find(tx, release.job_id))
        check_says(release, vote)
        officer = officer_key(tx, actor, vote.signature.key_id)
        verify_vote(vote.statement, vote.signature, officer, clock.now())
        self._check_pair(tx, actor, release, officer)
        decision = vote.statement.decision
        entry = Entry.by(actor, "release.ballot", release.id, round=release.round, decision=decision, nonce=vote.statement.nonce)
        releases.cast_vote(tx, release, actor, vote, _text(body.get("comment", "")), record=entry)
        moved = releases.move(tx, release.id, ReleaseEvent.VOTE, actor)
        if moved.state is ReleaseState.REVIEWED:
            self._close_review(tx, moved)
        return {"release_id": release.id}

    def _check_pair(self, tx: Tx, actor: Actor, release: Release, officer: OfficerKey) -> None:
        """Two officers who may not decide together are told so at the second vote, not at signing."""
        keys = [
            officer_key(tx, actors.actor_for(tx, actors.user_by_id(tx, v.user_id)), v.vote.signature.key_id)
            for v in releases.votes_on(tx, release.id, release.round)
        ]
        if len(keys) == 1 and keys[0].officer != actor.user_id:
            check_independence(facts_of(release), [keys[0], officer])

    def _close_review(self, tx: Tx, release: Release) -> None:
        """The first of reject and return whose rules hold; else approve, which raises PolicyRefusal when its own do not."""
        facts = releases.step_facts(tx, release)
        for event in (ReleaseEvent.REJECT, ReleaseEvent.RETURN):
            if rules_hold(RELEASE.transition(release.state, event), facts):
                releases.move(tx, release.id, event, PLATFORM)
                return
        releases.move(tx, release.id, ReleaseEvent.APPROVE, PLATFORM, approved_at=clock.to_iso(clock.now()))

    def withdraw(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        release = self._authored(tx, actor, body)
        releases.move(tx, release.id, ReleaseEvent.WITHDRAW, actor)
        return {"release_id": release.id}

    def revoke(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        """Stops further downloads, and the model with its scoring, at once."""
        check_may(actor, Permission.RELEASES_REVOKE)
        release = releases.find(tx, str(body["release_id"]))
        reason = _text(body["reason"])
        why = json.dumps({"code": "release.revoked", "params": {"release": release.id}})
        releases.move(tx, release.id, ReleaseEvent.REVOKE, actor, payload={"reason": reason}, why=why)
        artefacts.revoke_models_of(tx, release.id)
        self._withdraw_lists(tx, actor, release)
        return {"release_id": release.id}

    def _withdraw_lists(self, tx: Tx, actor: Actor, revoked: Release) -> None:
        """Score lists of a revoked model that have not left yet go nowhere."""
        models = {model.id for model in artefacts.models_of(tx, revoked.organisation_id) if model.release_id == revoked.id}
        for waiting in releases.releases_where(tx, organisation_id=revoked.organisation_id, states=WITHDRAWABLE):
            if scored_with(job_store.find(tx, waiting.job_id)) in models:
                releases.move(tx, waiting.id, ReleaseEvent.WITHDRAW, actor, payload={"revoked": revoked.id})

    def _authored(self, tx: Tx, actor: Actor, body: Mapping[str, Any]) -> Release:
        check_may(actor, Permission.RELEASES_REQUEST)
        release = releases.find(tx, str(body["release_id"]))
        check_belongs(actor, release.organisation_id, "release", release.id)
        if release.author != actor.user_id:
            raise NotPermitted("release.not_yours", release=release.id)
        return release


def scored_with(job: job_store.Job) -> str | None:
    """The model a score job used, None for any other job."""
    return str(job.evidence["manifest"]["model"]) if job.kind == "score" else None


def check_model_in_force(tx: Tx, job: job_store.Job) -> None:
    """Raises PolicyRefusal for scores of a model that was revoked since."""
    model = scored_with(job)
    if model is not None and artefacts.model_by_id(tx, model).revoked_at is not None:
        raise PolicyRefusal("score.model_revoked", model=model)


def _check_not_requested(tx: Tx, job: job_store.Job, files: tuple[ReleaseFile, ...]) -> None:
    """The same files wait before officers once. Raises PolicyRefusal naming the release that stands already."""
    wanted = {file.name for file in files}
    for other in releases.releases_where(tx, organisation_id=job.organisation_id, states=STANDING):
        if other.job_id == job.id and wanted & {file.name for file in other.files}:
            raise PolicyRefusal("release.requested_already", release=other.id, state=str(other.state))


def check_says(release: Release, vote: SignedVote) -> None:
    """The statement is about this release as it stands. Raises PolicyRefusal naming the part that differs: a stale page cannot vote."""
    facts, statement = facts_of(release), vote.statement
    for name in ("release_id", "attempt", "spec_hash", "policy_hash", "check_report_hash", "recipient_fingerprint", "grade"):
        if getattr(statement, name) != getattr(facts, name):
            raise PolicyRefusal("vote.other_bytes", key_id=vote.signature.key_id, what=name)
    if dict(statement.files) != dict(facts.files):
        raise PolicyRefusal("vote.other_bytes", key_id=vote.signature.key_id, what="files")


def _chosen(tx: Tx, job_id: str, wanted: Any) -> tuple[ReleaseFile, ...]:
    offered = {a.name: a for a in artefacts.artefacts_of(tx, job_id) if a.level == "release"}
    names = list(offered) if wanted is None else [str(name) for name in wanted]
    for name in names:
        if name not in offered:
            raise BadInput("release.output_unknown", job=job_id, output=name, known=", ".join(offered))
    if not names:
        raise BadInput("release.output_unknown", job=job_id, output="", known=", ".join(offered))
    found = [offered[name] for name in dict.fromkeys(names)]
    return tuple(ReleaseFile(a.path, a.path, a.type, a.ref.sha256, a.ref.size) for a in found)


def _text(value: Any) -> str:
    text = str(value)
    if len(text) > LONGEST_TEXT:
        raise BadInput("release.text_too_long", limit=LONGEST_TEXT)
    return text

"""The one way out: approved release → bytes re-hashed, consents looked at once more, two votes verified, checkpoint, signature, package.

Runs step by step under the supervisor; a crash between any two steps is taken up where it stopped. It believes the votes, not their table.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from catalog import canonical_json, clock
from catalog.actors import PLATFORM
from catalog.database import Tx
from catalog.errors import Broken, GloveboxError, IntegrityBroken, Refused
from catalog.identifiers import new_id
from catalog.keys.ports import Signer
from catalog.keys.public import PublicKeyDocument
from catalog.ledger.record import Entry
from catalog.refusals import plain
from catalog.store import ledger, personal_keys
from gateway.data_zone.ballot import officers_in_force
from gateway.data_zone.consented_rows import rows_that_may_leave
from gateway.data_zone.witness import remember_newest
from jobs.breakage import place_of
from jobs.store import jobs as job_store
from sandbox.airlock.guards import rules_hold
from sandbox.airlock.lifecycle import RELEASE, ReleaseEvent, ReleaseState
from sandbox.airlock.package import OutgoingFile, OutgoingRelease, build_package
from sandbox.kinds.score import INDEX
from sandbox.services import SandboxServices
from sandbox.store import artefacts, releases
from sandbox.store.releases import Release, ReleaseFile
from sandbox.workspace.vault import VaultRef

log = logging.getLogger("glovebox.signing")


@dataclass(frozen=True, slots=True)
class ReleaseSigner:
    """Takes approved releases to released. ``platform`` is the ledger's origin."""

    services: SandboxServices
    release_key: Signer
    ledger_key: Signer
    platform: str

    def advance_all(self) -> None:
        """One step for each release that waits for signing."""
        with self.services.database.reading() as tx:
            waiting = releases.releases_where(tx, states=(ReleaseState.APPROVED, ReleaseState.SIGNING))
        for release in waiting:
            try:
                self._advance_or_reopen(release)
            except Exception as error:  # nothing that befalls one release may hold up the others
                log.error("release %s stands still: %s", release.id, place_of(error))

    def _advance_or_reopen(self, release: Release) -> None:
        try:
            self.advance(release)
        except Broken as broken:  # a damaged release
            log.error("release %s cannot be signed: %s", release.id, broken.code)
            self._reopen(release, broken)

    def advance(self, release: Release) -> None:
        with self.services.database.transaction() as tx:
            current = releases.find(tx, release.id)
            if current.state is ReleaseState.APPROVED:
                self._start(tx, current)
                return
        if current.state is ReleaseState.SIGNING:
            self._sign(current)

    def _start(self, tx: Tx, release: Release) -> None:
        is_over = rules_hold(RELEASE.transition(release.state, ReleaseEvent.EXPIRE), releases.step_facts(tx, release))
        releases.move(tx, release.id, ReleaseEvent.EXPIRE if is_over else ReleaseEvent.SIGN, PLATFORM)

    def _sign(self, release: Release) -> None:
        """A refusal at this point returns the release to review with its reason; it never goes out weaker."""
        try:
            with self.services.database.transaction() as tx:
                self._release(tx, release, [self._outgoing(tx, release, file) for file in release.files])
            remember_newest(self.services.database, self.services.settings.trust_dir)
        except Refused as refusal:
            self._reopen(release, refusal)

    def _reopen(self, release: Release, refusal: GloveboxError) -> None:
        why = json.dumps({"code": refusal.code, "params": plain(refusal.params)})
        with self.services.database.transaction() as tx:
            if releases.find(tx, release.id).state is ReleaseState.SIGNING:
                recipient = personal_keys.recipient_of(tx, release.organisation_id).fingerprint  # the next votes are about today's key
                columns: dict[str, Any] = {"why": why, "round": release.round + 1, "recipient_fingerprint": recipient}
                releases.move(tx, release.id, ReleaseEvent.REOPEN, PLATFORM, payload={"code": refusal.code}, **columns)

    def _outgoing(self, tx: Tx, release: Release, file: ReleaseFile) -> OutgoingFile:
        """The reviewed bytes, re-hashed; of scores, without the rows whose consent ended since."""
        data = self.services.vault.get(release.project_id, VaultRef(file.sha256, file.size))
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise IntegrityBroken("vault.damaged", sha256=file.sha256)
        if file.type != "scores":
            return OutgoingFile(file.name, file.type, data)
        left, _ = rows_that_may_leave(self.services, tx, release, file, clock.now())
        return OutgoingFile(file.name, file.type, left, file.reviewed_sha256, rows_removed=left != data)

    def _release(self, tx: Tx, release: Release, files: list[OutgoingFile]) -> None:
        current = releases.find(tx, release.id)
        if current.state is not ReleaseState.SIGNING:
            return
        package = self._package(tx, release, files)
        ref = self.services.tenant_store.put(release.project_id, package)
        removed = sum(1 for file in files if file.rows_removed)
        payload = {
            "package": ref.sha256,
            "files": {file.name: hashlib.sha256(file.data).hexdigest() for file in files},
            "rows_removed_from_files": removed,
        }
        columns = {"package": json.dumps({"sha256": ref.sha256, "size": ref.size}), "released_at": clock.to_iso(clock.now())}
        signing = {file.name: file.reviewed_sha256 or hashlib.sha256(file.data).hexdigest() for file in files}
        releases.move(tx, release.id, ReleaseEvent.RELEASE, PLATFORM, payload=payload, signing=signing, **columns)
        self._deploy(tx, release)
        self._keep_for_downloads(tx, release)

    def _keep_for_downloads(self, tx: Tx, release: Release) -> None:
        """Consent is looked at again at every download, long after the vault of undelivered artefacts was swept."""
        kept = [VaultRef(file.sha256, file.size) for file in release.files if file.type == "scores"]
        if kept:
            kept += [artefact.ref for artefact in artefacts.artefacts_of(tx, release.job_id) if artefact.name == INDEX]
        for ref in kept:
            self.services.tenant_store.put(release.project_id, self.services.vault.get(release.project_id, ref))

    def _package(self, tx: Tx, release: Release, files: list[OutgoingFile]) -> bytes:
        report = canonical_json.dumps(release.report)
        if hashlib.sha256(report).hexdigest() != release.report_hash:
            raise IntegrityBroken("release.report_changed", release=release.id)
        checkpoint = ledger.write_checkpoint(tx, self.ledger_key, self.platform)
        key = personal_keys.recipient_of(tx, release.organisation_id)
        recipient = PublicKeyDocument.from_json(key.document).recipient
        assert recipient is not None
        manifest = job_store.find(tx, release.job_id).evidence["manifest"]
        outgoing = OutgoingRelease(
            platform=self.platform,
            release_id=release.id,
            attempt=release.round,
            kind=release.files[0].type,
            tenant_id=release.organisation_id,
            project_id=release.project_id,
            author=release.author,
            grade=release.grade,
            recipient=recipient,
            spec_hash=release.spec_hash,
            policy_hash=release.policy_hash,
            check_report_hash=release.report_hash or "",
            references={
                "job": release.job_id,
                "code": manifest["code"],
                "environment": manifest["environment"],
                "snapshots": canonical_json.sha256_hex(manifest["inputs"]["snapshots"]),
                **_codes(release),
            },
        )
        votes = [v.vote for v in releases.votes_on(tx, release.id, release.round)]
        return build_package(
            outgoing, files, votes, officers=officers_in_force(tx), checkpoint=checkpoint, signer=self.release_key, now=clock.now()
        )

    def _deploy(self, tx: Tx, release: Release) -> None:
        """An approved model may score from now on, with the bands that were reviewed. Its canonical bytes move to the tenant's store."""
        bands = (release.report or {}).get("bands")
        file = next((f for f in release.files if f.type.startswith("model.")), None)
        if file is None or bands is None:
            return
        job = job_store.find(tx, release.job_id)
        data = self.services.vault.get(release.project_id, VaultRef(file.sha256, file.size))
        model = artefacts.Model(
            id=new_id("model"),
            release_id=release.id,
            organisation_id=release.organisation_id,
            project_id=release.project_id,
            train_job=release.job_id,
            name=job.spec.step,
            algorithm=str(job.spec.params["algorithm"]),
            path=file.path,
            ref=self.services.tenant_store.put(release.project_id, data),
            features=tuple(job.spec.inputs["features"]),
            bands=tuple(bands),
            grade=release.grade,
            approved_at=clock.now(),
            revoked_at=None,
        )
        entry = Entry.by(PLATFORM, "model.deploy", model.id, after="in_force", release=release.id, sha256=file.sha256, bands=len(bands) + 1)
        artefacts.add_model(tx, model, record=entry)


def _codes(release: Release) -> dict[str, str]:
    """For a model on code features: each one's texts by position, as canonical JSON, from the report that the votes are about."""
    codes = (release.report or {}).get("codes")
    return {"codes": canonical_json.dumps(codes).decode()} if codes else {}

"""The port between gateway and data zone: envelopes in, receipts and packages out. Every write of a bank crosses here.

In production the data zone pulls and opens no port; on the embedded default the gateway's process pulls at once.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from catalog import refusals
from catalog.actors import Actor
from catalog.database import Database, Tx
from catalog.errors import BadInput, GloveboxError, IntegrityBroken
from catalog.identifiers import new_id
from catalog.store import actors
from jobs.breakage import place_of
from jobs.envelope import Envelope
from jobs.store import envelopes

log = logging.getLogger("glovebox.mailbox")


class Mailbox(Protocol):
    """The gateway's side of the port."""

    def post(self, actor: Actor, kind: str, body: Mapping[str, Any], attachment: bytes | None = None) -> str:
        """Leave an envelope; returns its id. It is durable when this returns."""
        ...

    def receipt(self, envelope_id: str) -> Mapping[str, Any] | None:
        """What the data zone answered; None while it has not."""
        ...


# What the data zone does with one kind of envelope: inside one transaction, with the actor looked up afresh.
Handler = Callable[[Tx, Actor, Mapping[str, Any], bytes | None], Mapping[str, Any]]


class DatabaseMailbox:
    """Both sides over one database and one folder: the embedded default."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def post(self, actor: Actor, kind: str, body: Mapping[str, Any], attachment: bytes | None = None) -> str:
        envelope_id = new_id("env")
        digest = None if attachment is None else self._keep(envelope_id, attachment)
        envelope = Envelope(envelope_id, kind, actor.user_id, body, digest)
        with self._database.transaction() as tx:
            envelopes.post(tx, envelope)
        return envelope.id

    def receipt(self, envelope_id: str) -> Mapping[str, Any] | None:
        with self._database.reading() as tx:
            return envelopes.receipt(tx, envelope_id)

    def pull(self, handlers: Mapping[str, Handler]) -> int:
        """Take every waiting envelope and answer it. A refusal is an answer. Returns how many were found waiting.

        A handler that breaks leaves its envelope waiting and the others are still delivered: nobody's letter blocks the post.
        """
        with self._database.reading() as tx:
            found = envelopes.waiting(tx)
        for envelope in found:
            try:
                self._deliver(envelope, handlers)
            except Exception as error:  # its type and place are ours to know; its message could quote a row
                log.error("envelope %s (%s) stays waiting: %s", envelope.id, envelope.kind, place_of(error))
        return len(found)

    def _deliver(self, envelope: Envelope, handlers: Mapping[str, Handler]) -> None:
        try:
            with self._database.transaction() as tx:
                if not envelopes.lock_unanswered(tx, envelope.id):
                    return
                attachment = self._attachment(envelope)
                if envelope.kind not in handlers:
                    raise BadInput("mailbox.unknown_kind", kind=envelope.kind)
                actor = actors.actor_for(tx, actors.user_by_id(tx, envelope.user_id))
                receipt = handlers[envelope.kind](tx, actor, envelope.body, attachment)
                envelopes.answer(tx, envelope.id, {"accepted": dict(receipt)})
        except GloveboxError as error:
            with self._database.transaction() as tx:
                envelopes.answer(tx, envelope.id, {"refused": refusals.to_json(error)})
        if envelope.attachment_sha256 is not None:
            (self._folder / envelope.id).unlink(missing_ok=True)

    def _keep(self, envelope_id: str, attachment: bytes) -> str:
        """One file per envelope, named by it: the same bytes posted twice are two letters."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f".{envelope_id}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(attachment)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._folder / envelope_id)
        return hashlib.sha256(attachment).hexdigest()

    def _attachment(self, envelope: Envelope) -> bytes | None:
        if envelope.attachment_sha256 is None:
            return None
        path = self._folder / envelope.id
        data = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(data).hexdigest() != envelope.attachment_sha256:
            raise IntegrityBroken("mailbox.attachment_changed", envelope=envelope.id)
        return data

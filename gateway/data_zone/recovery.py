"""What a crash may leave behind, put right: open intents of jobs that ended, stale jails, artefacts nobody delivered."""

from __future__ import annotations

import time
from datetime import timedelta

from catalog import clock
from catalog.actors import PLATFORM
from catalog.ledger.record import Entry
from catalog.store import datasets
from jobs.lifecycle import ENDED
from jobs.store import jobs as job_store
from sandbox.airlock.policies import DEFAULT
from sandbox.jail.slots import sweep_stale
from sandbox.services import SandboxServices

SWEEP_EVERY_SECONDS = 30.0


class Recovery:
    """Runs now and then under the supervisor; each step is safe to repeat."""

    def __init__(self, services: SandboxServices) -> None:
        self._services = services
        self._last = 0.0

    def sweep(self) -> None:
        now = time.monotonic()
        if now - self._last < SWEEP_EVERY_SECONDS:
            return
        self._last = now
        sweep_stale()
        self.reconcile_intents()
        self._services.vault.sweep(clock.now() - timedelta(days=DEFAULT.unreleased_days))

    def reconcile_intents(self) -> None:
        """An intent whose job ended without recording a publication is abandoned: jobs see only what our own table publishes."""
        with self._services.database.reading() as tx:
            intents = datasets.open_intents(tx)
            ended = [i for i in intents if job_store.find(tx, i.tag).status in ENDED]
        for intent in ended:
            with self._services.database.transaction() as tx:
                entry = Entry.by(PLATFORM, "snapshot.abandon", intent.id, before="intended", after="abandoned")
                datasets.abandon_snapshot(tx, intent.id, record=entry)
            self._services.topic.drop_uncommitted(intent.dataset)

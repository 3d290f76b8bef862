"""A queue to work with: jobs of two banks, submitted as the data zone would."""

import pytest

from catalog.ledger.record import Entry
from jobs.lifecycle import Event
from jobs.spec import JobSpec
from jobs.store import jobs as store


@pytest.fixture
def submit(database, people):
    """``submit("job-1", by="ann")`` puts a job into the queue (``queue=False`` leaves it submitted) and returns its id."""

    def submit_job(job_id, by="ann", *, queue=True, project_id=None, approval_hash="a" * 64):
        actor = people[by]
        with database.transaction() as tx:
            store.add_job(
                tx,
                job_id=job_id,
                actor=actor,
                organisation_id=actor.organisation_id,
                project_id=project_id,
                spec=JobSpec("train", "fit"),
                approval_hash=approval_hash,
                record=Entry.by(actor, "job.submit", job_id),
            )
            if queue:
                store.move(tx, job_id, Event.ENQUEUE)
        return job_id

    return submit_job


@pytest.fixture
def status(database):
    def status_of(job_id):
        with database.reading() as tx:
            return str(store.find(tx, job_id).status)

    return status_of

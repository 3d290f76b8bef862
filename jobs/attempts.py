"""One attempt, on the worker: prepare, run, collect, then one transaction in which its outputs count, if its token still does.

Runs in a Ray worker or a local child process. Nothing here knows which kind it runs.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from catalog.errors import GloveboxError, IllegalStep, Misuse, Refused
from catalog.refusals import plain
from jobs.breakage import place_of
from jobs.kinds import Attempt, Collected, Kind, Services, load_kind, load_services
from jobs.lifecycle import Event, Outcome
from jobs.store import jobs as store

log = logging.getLogger("glovebox.attempts")


def execute(home: str, job_id: str, number: int) -> str:
    """Run attempt ``number`` of ``job_id`` to its end. Returns the status word the job was left in, never data.

    A stale attempt (its token replaced) ends quietly: its outputs do not count.
    """
    services = load_services(home)
    try:
        return _execute(services, job_id, number)
    except IllegalStep as stale:
        log.warning("attempt %s/%s ends without effect: %s", job_id, number, stale.code)
        return "stale"


def _execute(services: Services, job_id: str, number: int) -> str:
    with services.database.reading() as tx:
        job = store.find(tx, job_id)
        row = store.current_attempt(tx, job_id, number)
    if job.token != row.token:
        raise IllegalStep("jobs.stale_token", number=number, job=job_id)
    folder = make_folder(services.settings.tmpfs_dir, job_id, number)
    attempt = Attempt(job.id, number, job.organisation_id, job.project_id, job.submitted_by or "", job.spec, folder, services)
    try:
        return _steps(services, load_kind(job.kind), attempt, row.token)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _steps(services: Services, kind: Kind, attempt: Attempt, token: str) -> str:
    phase = "preparing"
    try:
        kind.prepare(attempt)
        phase = "running"
        with services.database.transaction() as tx:
            store.move(tx, attempt.job_id, Event.START, token=token)
            store.mark_running(tx, attempt.job_id, attempt.number)
        kind.run(attempt)
        phase = "collecting"
        with services.database.transaction() as tx:
            store.move(tx, attempt.job_id, Event.COLLECT, token=token)
        return _finish(services, attempt, token, kind.collect(attempt))
    except IllegalStep as error:
        if error.code == "jobs.stale_token" or error.params.get("machine") == "job":
            raise
        return _fail(services, attempt, token, {"code": error.code, "params": plain(error.params)})
    except (Refused, Misuse) as error:
        return _fail(services, attempt, token, {"code": error.code, "params": plain(error.params)})
    except Exception as error:
        # The type and the place are ours to know; the message could quote a row.
        log.error("attempt %s/%s broke while %s: %s", attempt.job_id, attempt.number, phase, place_of(error))
        code = {"code": "jobs.internal", "params": {"phase": phase, "error": type(error).__name__}}
        if isinstance(error, GloveboxError):
            code = {"code": error.code, "params": plain(error.params)}
        return _fail(services, attempt, token, code)


def _finish(services: Services, attempt: Attempt, token: str, collected: Collected) -> str:
    succeeded = collected.outcome is Outcome.SUCCEEDED
    with services.database.transaction() as tx:
        job = store.move(
            tx,
            attempt.job_id,
            Event.SUCCEED if succeeded else Event.FAIL,
            token=token,
            why=collected.why,
            outcome=str(collected.outcome),
            figures=json.dumps(dict(collected.figures)),
            evidence=json.dumps(dict(collected.evidence)),
        )
        if collected.record is not None:
            collected.record(tx)
        store.end_attempt(tx, attempt.job_id, attempt.number, str(job.status))
    return str(job.status)


def _fail(services: Services, attempt: Attempt, token: str, why: Mapping[str, Any]) -> str:
    with services.database.transaction() as tx:
        job = store.move(tx, attempt.job_id, Event.FAIL, token=token, why=why, outcome=str(Outcome.POLICY))
        store.end_attempt(tx, attempt.job_id, attempt.number, str(job.status))
    return str(job.status)


def make_folder(root: Path, job_id: str, number: int) -> Path:
    """The attempt's own memory-backed folder, 0700, empty."""
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()  # /dev/shm is everybody's: a link or a folder planted there is not ours
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{root} must be owned by the service with mode 0700")
    folder = root / f"{job_id}.{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def attempt_folders(root: Path) -> list[Path]:
    """Folders of attempts that are there now, live or left over."""
    return list(root.glob("job-*.*")) if root.is_dir() else []


def sweep_folders(folders: Iterable[Path], live: set[str]) -> int:
    """Delete those of ``folders`` that no live attempt (``job_id.number``) uses; returns how many.

    List the folders before asking what is live: an attempt that starts in between is then not among them.
    """
    stale = [folder for folder in folders if folder.name not in live]
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return len(stale)

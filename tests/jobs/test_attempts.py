"""One attempt on its worker: three steps, one transaction in which its outputs count, nothing left in memory afterwards."""

from types import SimpleNamespace

import pytest

from catalog.errors import BadInput, IllegalStep, IntegrityBroken, JailUnavailable, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.settings import Settings
from catalog.store import ledger
from jobs import attempts
from jobs.kinds import Collected
from jobs.lifecycle import Event, Outcome, Status
from jobs.store import jobs as store


class TestKind:
    """A kind that does what the test tells it to at each step."""

    __test__ = False
    name = "train"

    def __init__(self, **at):
        self.at, self.folders, self.steps = at, [], []

    def _do(self, step, attempt):
        self.steps.append(step)
        self.folders.append(attempt.folder)
        found = self.at.get(step)
        if isinstance(found, Exception):
            raise found
        return found(attempt) if found else None

    def prepare(self, attempt):
        (attempt.folder / "rows.arrow").write_bytes(b"rows")
        self._do("prepare", attempt)

    def run(self, attempt):
        self._do("run", attempt)

    def collect(self, attempt):
        return self._do("collect", attempt) or Collected(Outcome.SUCCEEDED)


@pytest.fixture
def execute(database, tmp_path, submit, monkeypatch):
    """``execute(kind)`` claims job-1 and runs its attempt as a worker would; returns the status word and the job."""
    folders = tmp_path / "shm"
    monkeypatch.setattr(Settings, "tmpfs_dir", property(lambda self: folders))
    services = SimpleNamespace(database=database, settings=Settings(home=tmp_path))
    submit("job-1")
    with database.transaction() as tx:
        store.claim_next(tx, "sup-1", 2)

    def run(kind):
        monkeypatch.setattr(attempts, "load_services", lambda home: services)
        monkeypatch.setattr(attempts, "load_kind", lambda name: kind)
        word = attempts.execute(str(tmp_path), "job-1", 1)
        assert not folders.exists() or list(folders.iterdir()) == []
        with database.reading() as tx:
            return word, store.find(tx, "job-1")

    return run


def test_a_good_attempt_ends_with_its_figures_and_its_record(execute, database):
    kind = TestKind(
        collect=lambda attempt: Collected(
            Outcome.SUCCEEDED,
            figures={"auc": 0.71},
            evidence={"wall_seconds": 3},
            record=lambda tx: ledger.append(tx, Entry("platform", "operator", "artefact.keep", "artefact-1")),
        )
    )
    word, job = execute(kind)
    assert (word, kind.steps) == ("succeeded", ["prepare", "run", "collect"])
    assert (job.status, job.outcome, job.figures, job.evidence) == (Status.SUCCEEDED, Outcome.SUCCEEDED, {"auc": 0.71}, {"wall_seconds": 3})
    with database.reading() as tx:
        assert len(ledger.recent(tx, object_name="artefact-1")) == 1


def test_one_folder_for_all_steps_for_its_owner_only_and_gone_afterwards(execute):
    modes = []
    kind = TestKind(run=lambda attempt: modes.append(attempt.folder.stat().st_mode & 0o777))
    execute(kind)
    assert len(set(kind.folders)) == 1
    assert modes == [0o700]
    assert not kind.folders[0].exists()


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.SUCCEEDED])
def test_a_run_that_ends_badly_fails_with_its_outcome(execute, outcome):
    word, job = execute(TestKind(collect=lambda attempt: Collected(outcome)))
    assert (word, job.status, job.outcome) == ("failed", Status.FAILED, outcome)


@pytest.mark.parametrize("step", ["prepare", "run", "collect"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PolicyRefusal("projects.closed", project="p"), "projects.closed"),
        (BadInput("spec.wrong_type", where="params.depth", expected="a number"), "spec.wrong_type"),
        (IllegalStep("lifecycle.ended", machine="release", state="released", event="sign"), "lifecycle.ended"),
        (JailUnavailable("kinds.no_worker", count=0), "kinds.no_worker"),
        (IntegrityBroken("ledger.no_head"), "ledger.no_head"),
        (ZeroDivisionError("row 7 holds 913300001234"), "jobs.internal"),
    ],
)
def test_whatever_a_step_raises_the_job_fails_with_a_reason_and_no_row(execute, step, error, code):
    word, job = execute(TestKind(**{step: error}))
    assert (word, job.status) == ("failed", Status.FAILED)
    assert job.why["code"] == code
    assert "913300001234" not in str(job)


def test_a_record_that_cannot_be_written_takes_the_success_back(execute, database):
    def record(tx):
        ledger.append(tx, Entry("platform", "operator", "artefact.keep", "artefact-1"))
        raise OSError("disk")

    word, job = execute(TestKind(collect=lambda attempt: Collected(Outcome.SUCCEEDED, record=record)))
    assert (word, job.why["params"]) == ("failed", {"phase": "collecting", "error": "OSError"})
    with database.reading() as tx:
        assert ledger.recent(tx, object_name="artefact-1") == []


@pytest.mark.parametrize("step", ["prepare", "run", "collect"])
def test_an_attempt_replaced_while_it_runs_ends_without_effect(execute, database, step):
    def replaced(attempt):
        with database.transaction() as tx:
            store.move(tx, "job-1", Event.LOSE)
            store.move(tx, "job-1", Event.RETRY)
            store.claim_next(tx, "sup-2", 2)

    word, job = execute(TestKind(**{step: replaced}))
    assert (word, job.status, job.attempt, job.outcome) == ("stale", Status.PREPARING, 2, None)


def test_an_attempt_that_breaks_after_it_was_replaced_ends_without_effect(execute, database):
    def replaced(attempt):
        with database.transaction() as tx:
            store.move(tx, "job-1", Event.LOSE)
        raise ZeroDivisionError

    word, job = execute(TestKind(run=replaced))
    assert (word, job.status) == ("stale", Status.LOST)


def test_an_attempt_that_was_replaced_before_it_began_does_nothing(execute, database):
    with database.transaction() as tx:
        store.move(tx, "job-1", Event.LOSE)
        store.move(tx, "job-1", Event.RETRY)
        store.claim_next(tx, "sup-2", 2)
    kind = TestKind()
    assert execute(kind)[0] == "stale"
    assert kind.steps == []


def test_a_cancelled_attempt_stays_cancelled(execute, database):
    def cancelled(attempt):
        with database.transaction() as tx:
            store.move(tx, "job-1", Event.CANCEL)

    word, job = execute(TestKind(run=cancelled))
    assert (word, job.status) == ("stale", Status.CANCELLED)


def test_a_folder_others_may_enter_is_not_used(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(PermissionError):
        attempts.make_folder(tmp_path, "job-1", 1)


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError):
        attempts.make_folder(tmp_path / "link", "job-1", 1)

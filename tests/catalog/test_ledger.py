"""The ledger: no change without its record, no record without its change, no gap, and a chain anybody can recompute."""

import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from catalog import canonical_json, clock
from catalog.actors import PLATFORM, Organisation, OrganisationKind
from catalog.checkpoint import Checkpoint, verify_checkpoint
from catalog.database import Database
from catalog.errors import BadInput, IntegrityBroken
from catalog.keys.files import FileSigner, create_platform_keys
from catalog.ledger import tree
from catalog.ledger.record import GENESIS, Entry, commit_payload, leaf_hash, read_record
from catalog.ledger.verify import verify_ledger
from catalog.store import actors, ledger
from catalog.tables import ledger_head, ledger_payloads


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "keys"
    create_platform_keys(folder)
    return FileSigner.load(folder, "ledger")


def append(database, *names, **payload):
    with database.transaction() as tx:
        return [ledger.append(tx, Entry.by(PLATFORM, "job.claim", name, before="queued", after="preparing", **payload)) for name in names]


def look(database, signer):
    with database.reading() as tx:
        return verify_ledger(ledger.stored_records(tx), ledger.stored_checkpoints(tx), [signer.public_key], ledger.head(tx).claim)


def test_a_record_says_who_did_what_to_what_and_follows_the_one_before(database):
    first, second = append(database, "job-1", "job-1", attempt=3)
    body = read_record(second.canonical)
    assert clock.from_iso(body.pop("time")) <= clock.now()
    assert body == {
        "v": 1,
        "suite": "intl",
        "seq": 1,
        "actor": "platform",
        "organisation": "operator",
        "action": "job.claim",
        "object": "job-1",
        "object_seq": 1,
        "before": "queued",
        "after": "preparing",
        "prev": first.leaf,
        "payload_commit": body["payload_commit"],
    }
    assert read_record(first.canonical)["prev"] == GENESIS


def test_each_object_counts_its_own_records(database):
    records = append(database, "job-1", "job-2", "job-1", "job-3", "job-2", "job-1")
    assert [read_record(r.canonical)["object_seq"] for r in records] == [0, 0, 1, 0, 1, 2]
    assert [r.seq for r in records] == list(range(6))


def test_the_head_holds_the_root_of_all_leaves(database):
    leaves = []
    for n in range(20):
        leaves += [record.leaf for record in append(database, f"job-{n % 3}")]
        with database.reading() as tx:
            head = ledger.head(tx)
        assert (head.size, head.last_leaf, tree.root(head.frontier)) == (len(leaves), leaves[-1], tree.root_of(leaves))


def test_an_untouched_ledger_verifies(database, signer):
    append(database, *[f"job-{n % 4}" for n in range(10)])
    with database.transaction() as tx:
        ledger.write_checkpoint(tx, signer, "glovebox")
    append(database, "job-1", "job-2")
    report = look(database, signer)
    assert report.ok, report.problems
    assert (report.records, report.checkpoints, report.signed_size, report.unsigned_tail) == (12, 1, 10, 2)


def test_an_empty_ledger_verifies(database, signer):
    with database.transaction() as tx:
        ledger.write_checkpoint(tx, signer, "glovebox")
    assert look(database, signer).ok


def test_a_payload_can_be_erased_and_its_commitment_stays(database, signer):
    append(database, "job-1", "job-2", note="a name that must go")
    with database.transaction() as tx:
        row = tx.execute(select(ledger_payloads).where(ledger_payloads.c.seq == 0)).one()
        tx.execute(delete(ledger_payloads).where(ledger_payloads.c.seq == 0))
        found = list(ledger.stored_records(tx))
    assert found[0].payload is None
    assert found[1].payload is not None
    assert look(database, signer).ok
    # Whoever kept the payload and its salt elsewhere can still show that it is the one.
    assert commit_payload(canonical_json.loads(row.payload), row.salt) == read_record(found[0].canonical)["payload_commit"]
    assert b"must go" not in found[0].canonical


def test_a_change_that_rolls_back_leaves_no_record(database, people):
    with database.reading() as tx:
        before = ledger.head(tx)

    def change():
        with database.transaction() as tx:
            organisation = Organisation("bank_z", OrganisationKind.BANK, "丙银行", "Bank Z")
            actors.add_organisation(tx, organisation, record=Entry.by(PLATFORM, "organisation.add", "bank_z"))
            raise BadInput("actors.organisation_exists", organisation="bank_z")

    with pytest.raises(BadInput):
        change()
    with database.reading() as tx:
        assert ledger.head(tx) == before
        assert "bank_z" not in [o.id for o in actors.all_organisations(tx)]


def test_a_change_without_a_ledger_cannot_happen(database):
    with database.transaction() as tx:
        tx.execute(delete(ledger_head))
    with pytest.raises(IntegrityBroken) as refused:
        append(database, "job-1")
    assert refused.value.code == "ledger.no_head"


def test_many_writers_at_once_leave_no_gap(database, signer):
    failures = []

    def write(name):
        mine = Database(database.url)  # another connection pool, as another process would have
        try:
            for n in range(8):
                append(mine, f"{name}", f"shared-{n % 2}")
        except Exception as error:
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=write, args=(f"writer-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.reading() as tx:
        assert [record.seq for record in ledger.stored_records(tx)] == list(range(4 * 8 * 2))
    assert look(database, signer).ok


def test_reading_sees_one_state_while_others_write(database, signer):
    append(database, "job-1")
    with database.reading() as tx:
        before = ledger.head(tx).size
        append(database, "job-2")
        with database.transaction() as other:
            ledger.write_checkpoint(other, signer, "glovebox")
        assert len(list(ledger.stored_records(tx))) == before
        assert ledger.stored_checkpoints(tx) == []
    assert look(database, signer).ok


def test_a_checkpoint_signs_the_root_and_is_written_once_per_size(database, signer):
    records = append(database, "job-1", "job-2", "job-3")
    with database.transaction() as tx:
        note = ledger.write_checkpoint(tx, signer, "glovebox")
        assert ledger.write_checkpoint(tx, signer, "glovebox") == note
        [stored] = ledger.stored_checkpoints(tx)
    assert (note.size, note.root) == (3, tree.root_of([r.leaf for r in records]))
    verify_checkpoint(Checkpoint.from_json(json.loads(stored)), signer.public_key)


def test_when_a_checkpoint_is_due(database, signer, monkeypatch):
    def due(later=timedelta()):
        now = clock.now() + later
        with monkeypatch.context() as patch, database.reading() as tx:
            patch.setattr(clock, "now", lambda: now)
            return ledger.checkpoint_is_due(tx)

    assert not due()  # nothing to sign
    append(database, "job-1")
    assert due()  # never signed before
    with database.transaction() as tx:
        ledger.write_checkpoint(tx, signer, "glovebox")
    assert not due(timedelta(hours=1))  # nothing new
    append(database, "job-1")
    assert not due()
    assert due(timedelta(seconds=ledger.CHECKPOINT_EVERY_SECONDS))


def test_the_newest_records_come_first(database):
    append(database, "job-1", "job-2", "job-1")
    with database.reading() as tx:
        assert [r.seq for r in ledger.recent(tx)] == [2, 1, 0]
        assert [r.seq for r in ledger.recent(tx, object_name="job-1")] == [2, 0]
        assert [r.seq for r in ledger.recent(tx, limit=1)] == [2]


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.pop("actor"),
        lambda b: b.update(more=1),
        lambda b: b.update(v=2),
        lambda b: b.update(seq="1"),
        lambda b: b.update(object=["job-1"]),
        lambda b: b.update(object_seq=None),
        lambda b: b.update(prev="0"),
        lambda b: b.update(payload_commit="Z" * 64),
    ],
)
def test_what_is_no_record_is_not_read_as_one(database, change):
    [record] = append(database, "job-1")
    body = read_record(record.canonical)
    change(body)
    with pytest.raises(ValueError):
        read_record(canonical_json.dumps(body))


def test_a_record_has_one_spelling(database):
    [record] = append(database, "job-1")
    assert record.leaf == leaf_hash(record.canonical)
    with pytest.raises(ValueError, match="canonical"):
        read_record(json.dumps(read_record(record.canonical)).encode())

"""Whoever can write to the database can change the ledger, and cannot hide it: each change is named with its record.

The tamperer here knows the format: where the attack says so, the stored leaf hashes are recomputed to fit.
"""

import json

import pytest
from sqlalchemy import delete, insert, select, update

from catalog import canonical_json, clock
from catalog.actors import PLATFORM
from catalog.checkpoint import sign_checkpoint
from catalog.errors import IntegrityBroken
from catalog.keys.files import FileSigner, create_platform_keys
from catalog.ledger import tree
from catalog.ledger.record import Entry, commit_payload, leaf_hash
from catalog.ledger.verify import verify_ledger
from catalog.messages import catalogue
from catalog.store import ledger
from catalog.tables import ledger_checkpoints, ledger_head, ledger_objects, ledger_payloads, ledger_records
from gateway.data_zone import witness

RECORDS, SIGNED = 12, 10
MISSING = ("checkpoint_missing", SIGNED - 1)  # the last record that the checkpoint covered


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "keys"
    create_platform_keys(folder)
    return FileSigner.load(folder, "ledger")


@pytest.fixture
def written(database, signer):
    """Twelve records of three jobs, a checkpoint over the first ten."""
    for seq in range(RECORDS):
        with database.transaction() as tx:
            ledger.append(tx, Entry.by(PLATFORM, "job.move", f"job-{seq % 3}", after="running", attempt=seq))
            if seq + 1 == SIGNED:
                ledger.write_checkpoint(tx, signer, "glovebox")
    return database


def problems(database, signer, *, seen=()):
    with database.reading() as tx:
        report = verify_ledger(ledger.stored_records(tx), ledger.stored_checkpoints(tx), [signer.public_key], ledger.head(tx).claim, seen)
    assert all(p.code in catalogue() for p in report.problems)
    return [(p.code.removeprefix("ledger."), p.record) for p in report.problems]


def edit(tx, seq, /, *, leaf=True, **changes):
    """Rewrite fields of one record, and its leaf hash with it unless the tamperer forgets that."""
    row = tx.execute(select(ledger_records).where(ledger_records.c.seq == seq)).one()
    canonical = canonical_json.dumps(canonical_json.loads(row.canonical) | changes)
    values = {"canonical": canonical} | ({"leaf": leaf_hash(canonical)} if leaf else {})
    tx.execute(update(ledger_records).where(ledger_records.c.seq == seq).values(**values))


def rewrite_from(tx, seq):
    """Repair chain, leaves and head after a change, as a patient tamperer with the code would."""
    rows = tx.execute(select(ledger_records).order_by(ledger_records.c.seq)).all()
    leaves = [row.leaf for row in rows]
    for row in rows[seq:]:
        previous = leaves[row.seq - 1] if row.seq else "0" * 64
        edit(tx, row.seq, prev=previous)
        leaves[row.seq] = tx.execute(select(ledger_records.c.leaf).where(ledger_records.c.seq == row.seq)).scalar_one()
    frontier = ()
    for size, leaf in enumerate(leaves):
        frontier = tree.extend(frontier, size, leaf)
    tx.execute(update(ledger_head).values(last_leaf=leaves[-1], frontier=json.dumps(frontier)))


def drop(tx, *seqs):
    for table in (ledger_payloads, ledger_records):
        tx.execute(delete(table).where(table.c.seq.in_(seqs)))


def swap(tx, one, other):
    rows = {r.seq: r for r in tx.execute(select(ledger_records).where(ledger_records.c.seq.in_([one, other])))}
    for here, there in ((one, other), (other, one)):
        values = {"canonical": rows[there].canonical, "leaf": rows[there].leaf}
        tx.execute(update(ledger_records).where(ledger_records.c.seq == here).values(**values))


def test_nothing_is_wrong_before_the_attack(written, signer):
    assert problems(written, signer) == []


def test_an_edited_record(written, signer):
    with written.transaction() as tx:
        edit(tx, 4, leaf=False, after="succeeded")
    assert ("record_changed", 4) in problems(written, signer)


def test_one_flipped_byte(written, signer):
    with written.transaction() as tx:
        row = tx.execute(select(ledger_records).where(ledger_records.c.seq == 7)).one()
        flipped = bytearray(row.canonical)
        flipped[len(flipped) // 2] ^= 1
        tx.execute(update(ledger_records).where(ledger_records.c.seq == 7).values(canonical=bytes(flipped)))
    assert problems(written, signer)[0] == ("record_changed", 7)


def test_an_edited_record_whose_leaf_was_made_to_fit(written, signer):
    with written.transaction() as tx:
        edit(tx, 4, actor="somebody else")
    found = problems(written, signer)
    assert ("chain_broken", 5) in found
    assert ("root_differs", SIGNED - 1) in found


def test_an_edited_record_with_the_whole_chain_made_to_fit(written, signer):
    with written.transaction() as tx:
        edit(tx, 4, actor="somebody else")
        rewrite_from(tx, 5)
    assert problems(written, signer) == [("root_differs", SIGNED - 1)]


@pytest.mark.parametrize("changes", [{"object": ["job-1"]}, {"object_seq": "two"}, {"seq": None}, {"more": 1}, {"prev": "x"}])
def test_an_edited_record_that_is_no_record_any_more(written, signer, changes):
    with written.transaction() as tx:
        edit(tx, 4, **changes)
    assert ("record_changed", 4) in problems(written, signer)


def test_a_deleted_record(written, signer):
    with written.transaction() as tx:
        drop(tx, 4)
    assert problems(written, signer)[0] == ("gap", 5)


def test_the_first_record_deleted(written, signer):
    with written.transaction() as tx:
        drop(tx, 0)
    assert problems(written, signer)[0] == ("gap", 1)


def test_a_deleted_record_with_the_others_moved_up(written, signer):
    with written.transaction() as tx:
        drop(tx, 4)
        for seq in range(5, RECORDS):
            edit(tx, seq, seq=seq - 1)
            for table in (ledger_records, ledger_payloads):
                tx.execute(update(table).where(table.c.seq == seq).values(seq=seq - 1))
        tx.execute(update(ledger_head).values(size=RECORDS - 1))
        rewrite_from(tx, 4)
    found = problems(written, signer)
    assert ("object_history_gap", 6) in found  # job-1 went from its first record to its third
    assert ("root_differs", SIGNED - 1) in found


def test_two_records_swapped(written, signer):
    with written.transaction() as tx:
        swap(tx, 3, 6)
    found = problems(written, signer)
    assert ("reordered", 3) in found
    assert ("reordered", 6) in found


def test_two_records_swapped_and_renumbered(written, signer):
    with written.transaction() as tx:
        swap(tx, 3, 4)
        edit(tx, 3, seq=3)
        edit(tx, 4, seq=4)
    assert ("chain_broken", 3) in problems(written, signer)


def test_a_record_put_in_between(written, signer):
    with written.transaction() as tx:
        for seq in reversed(range(5, RECORDS)):
            for table in (ledger_records, ledger_payloads):
                tx.execute(update(table).where(table.c.seq == seq).values(seq=seq + 1))
        row = tx.execute(select(ledger_records).where(ledger_records.c.seq == 4)).one()
        forged = canonical_json.dumps(
            canonical_json.loads(row.canonical) | {"seq": 5, "object": "grant-1", "object_seq": 0, "prev": row.leaf}
        )
        tx.execute(insert(ledger_records).values(seq=5, canonical=forged, leaf=leaf_hash(forged), object="grant-1", action="x"))
    found = problems(written, signer)
    assert ("reordered", 6) in found
    assert ("head_differs", RECORDS) in found


def test_a_record_added_at_the_end_behind_the_platforms_back(written, signer):
    with written.transaction() as tx:
        row = tx.execute(select(ledger_records).where(ledger_records.c.seq == RECORDS - 1)).one()
        body = {"seq": RECORDS, "object": "grant-1", "object_seq": 0, "prev": row.leaf}
        forged = canonical_json.dumps(canonical_json.loads(row.canonical) | body)
        tx.execute(
            insert(ledger_records).values(seq=RECORDS, canonical=forged, leaf=leaf_hash(forged), object="grant-1", action="job.move")
        )
    assert problems(written, signer) == [("head_differs", RECORDS)]


@pytest.mark.parametrize("kept", [0, 1, SIGNED - 1])
def test_the_tail_cut_off_below_a_checkpoint(written, signer, kept):
    with written.transaction() as tx:
        drop(tx, *range(kept, RECORDS))
        tx.execute(update(ledger_head).values(size=kept))
    assert problems(written, signer) == [("truncated", kept)]


def test_the_unsigned_tail_cut_off_shows_at_the_head(written, signer):
    with written.transaction() as tx:
        drop(tx, RECORDS - 1)
    assert problems(written, signer) == [("head_differs", RECORDS - 1)]


def test_a_payload_exchanged(written, signer):
    with written.transaction() as tx:
        tx.execute(update(ledger_payloads).where(ledger_payloads.c.seq == 6).values(payload=b'{"attempt":99}'))
    assert problems(written, signer) == [("payload_changed", 6)]


def test_a_payload_that_is_no_json(written, signer):
    with written.transaction() as tx:
        tx.execute(update(ledger_payloads).where(ledger_payloads.c.seq == 6).values(payload=b"\xff"))
    assert problems(written, signer) == [("payload_changed", 6)]


def test_a_salt_exchanged(written, signer):
    with written.transaction() as tx:
        tx.execute(update(ledger_payloads).where(ledger_payloads.c.seq == 6).values(salt=b"0" * 16))
    assert problems(written, signer) == [("payload_changed", 6)]


def test_an_erased_payload_is_no_tampering_and_a_new_one_in_its_place_is(written, signer):
    with written.transaction() as tx:
        tx.execute(delete(ledger_payloads).where(ledger_payloads.c.seq == 6))
    assert problems(written, signer) == []
    with written.transaction() as tx:
        tx.execute(insert(ledger_payloads).values(seq=6, salt=b"1" * 16, payload=b"{}"))
    assert problems(written, signer) == [("payload_changed", 6)]


def test_a_checkpoint_moved_to_another_size(written, signer):
    with written.transaction() as tx:
        note = json.loads(tx.execute(select(ledger_checkpoints.c.note)).scalar_one())
        tx.execute(update(ledger_checkpoints).values(note=json.dumps(note | {"size": 5})))
    assert problems(written, signer) == [("checkpoint_forged", 5), MISSING]


def test_a_checkpoint_signed_by_another_key(written, signer, tmp_path):
    create_platform_keys(tmp_path / "keys")
    stranger = FileSigner.load(tmp_path / "keys", "ledger")
    with written.transaction() as tx:
        edit(tx, 4, actor="somebody else")
        rewrite_from(tx, 5)
        leaves = list(tx.execute(select(ledger_records.c.leaf).order_by(ledger_records.c.seq)).scalars())
        note = sign_checkpoint(stranger, "glovebox", SIGNED, tree.root_of(leaves[:SIGNED]), clock.now())
        tx.execute(update(ledger_checkpoints).values(note=json.dumps(note.to_json())))
    assert problems(written, signer) == [("checkpoint_forged", SIGNED), MISSING]


@pytest.mark.parametrize("note", ["", "{}", "[]", "null", "not json", '{"v":1}'])
def test_a_checkpoint_that_cannot_be_read(written, signer, note):
    with written.transaction() as tx:
        tx.execute(update(ledger_checkpoints).values(note=note))
    assert problems(written, signer) == [("checkpoint_unreadable", None), MISSING]


@pytest.mark.parametrize("column", ["object", "action"])
def test_a_record_listed_under_another_name(written, signer, column):
    with written.transaction() as tx:
        tx.execute(update(ledger_records).where(ledger_records.c.seq == 6).values(**{column: "grant-1"}))
    assert problems(written, signer) == [("columns_changed", 6)]


def test_all_checkpoints_deleted(written, signer):
    with written.transaction() as tx:
        tx.execute(delete(ledger_checkpoints))
    assert problems(written, signer) == [MISSING]


def test_the_newest_checkpoint_deleted(written, signer):
    with written.transaction() as tx:
        ledger.write_checkpoint(tx, signer, "glovebox")
        tx.execute(delete(ledger_checkpoints).where(ledger_checkpoints.c.size == RECORDS))
    assert problems(written, signer) == [("checkpoint_missing", RECORDS - 1)]


def test_a_head_that_claims_fewer_checkpoints_than_there_are(written, signer):
    with written.transaction() as tx:
        tx.execute(update(ledger_head).values(checkpoint_size=3))
    assert problems(written, signer) == [("head_differs", 3)]


def test_a_release_whose_checkpoint_was_deleted_with_the_heads_claim(written, signer):
    with written.transaction() as tx:
        ledger.write_checkpoint(tx, signer, "glovebox")
        ledger.append(tx, Entry.by(PLATFORM, "release.release", "rel-1"))
    assert problems(written, signer) == []
    with written.transaction() as tx:
        tx.execute(delete(ledger_checkpoints).where(ledger_checkpoints.c.size == RECORDS))
        tx.execute(update(ledger_head).values(checkpoint_size=SIGNED))
    assert problems(written, signer) == [("checkpoint_missing", RECORDS)]


def cut_back(tx, kept):
    """Everything made to fit a shorter ledger: records, head, checkpoints."""
    drop(tx, *range(kept, RECORDS))
    tx.execute(delete(ledger_checkpoints).where(ledger_checkpoints.c.size > kept))
    tx.execute(update(ledger_head).values(size=kept, checkpoint_size=0))
    rewrite_from(tx, kept)


def test_a_ledger_cut_back_with_its_checkpoints_shows_to_the_platforms_own_memory(written, signer, tmp_path):
    witness.remember_newest(written, tmp_path / "trust")
    with written.transaction() as tx:
        cut_back(tx, 4)
    assert problems(written, signer) == []  # nothing inside the database tells
    assert problems(written, signer, seen=witness.remembered(tmp_path / "trust")) == [("truncated", 4)]


def test_a_ledger_cut_back_and_grown_again_shows_too(written, signer, tmp_path):
    witness.remember_newest(written, tmp_path / "trust")
    with written.transaction() as tx:
        cut_back(tx, 4)
        tx.execute(delete(ledger_objects))
        for number in range(RECORDS):
            ledger.append(tx, Entry.by(PLATFORM, "job.move", f"new-{number}"))
        ledger.write_checkpoint(tx, signer, "glovebox")
    witness.remember_newest(written, tmp_path / "trust")  # what was seen before is not forgotten
    found = problems(written, signer, seen=witness.remembered(tmp_path / "trust"))
    assert found == [("root_differs", SIGNED - 1), MISSING]


def test_a_memory_that_was_damaged_is_told(written, tmp_path):
    witness.remember_newest(written, tmp_path / "trust")
    (tmp_path / "trust" / witness.CHECKPOINTS).write_text("{}")
    with pytest.raises(IntegrityBroken, match="trust"):
        witness.remembered(tmp_path / "trust")


def test_how_many_payloads_were_erased_is_told(written, signer):
    with written.transaction() as tx:
        tx.execute(delete(ledger_payloads).where(ledger_payloads.c.seq.in_([2, 6])))
    with written.reading() as tx:
        report = verify_ledger(ledger.stored_records(tx), ledger.stored_checkpoints(tx), [signer.public_key], ledger.head(tx).claim)
    assert (report.ok, report.payloads_erased) == (True, 2)


def test_a_guess_at_an_erased_payload_cannot_be_confirmed(written):
    with written.reading() as tx:
        row = next(iter(ledger.stored_records(tx)))
    commitment = canonical_json.loads(row.canonical)["payload_commit"]
    assert commit_payload({"attempt": 0}, row.salt) == commitment
    assert commit_payload({"attempt": 0}, b"") != commitment

"""An auditor verifies a copy of the ledger on a machine of their own, against the keys and checkpoints they hold."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from catalog import canonical_json
from catalog.actors import PLATFORM
from catalog.database import Database
from catalog.errors import BadInput, IntegrityBroken
from catalog.keys.files import FileSigner, create_platform_keys
from catalog.ledger.record import Entry
from catalog.store import ledger
from gateway.client.ledger_file import verify_file
from sandbox.airlock.trust import TrustFile, remember

RECORDS = 8
SIGNED = 6


@pytest.fixture(scope="module")
def original(sqlite_template, tmp_path_factory):
    """Eight records, a checkpoint after six: (database, trust file, the checkpoint)."""
    folder = tmp_path_factory.mktemp("ledger")
    shutil.copy(sqlite_template, folder / "glovebox.db")
    create_platform_keys(folder / "keys")
    signer = FileSigner.load(folder / "keys", "ledger")
    database = Database(f"sqlite:///{folder / 'glovebox.db'}")
    for number in range(RECORDS):
        with database.transaction() as tx:
            ledger.append(tx, Entry.by(PLATFORM, "thing.do", f"thing-{number % 2}", note=number))
        if number + 1 == SIGNED:
            with database.transaction() as tx:
                note = ledger.write_checkpoint(tx, signer, "platform")
    database.close()
    trust = TrustFile("platform", (signer.public_key,), (signer.public_key,))
    (folder / "trust.json").write_bytes(canonical_json.dumps(trust.to_json()))
    return folder, note


@pytest.fixture
def copy(original, tmp_path):
    folder, _ = original
    for name in ("glovebox.db", "trust.json"):
        shutil.copy(folder / name, tmp_path / name)
    return tmp_path


def edit(folder, statement):
    with closing(sqlite3.connect(folder / "glovebox.db")) as opened, opened:
        opened.execute(statement)


def verify(folder):
    return verify_file(folder / "glovebox.db", folder / "trust.json")


def test_a_true_copy_is_whole_and_its_unsigned_tail_is_told(copy):
    numbers = {"records": RECORDS, "checkpoints": 1, "signed_size": SIGNED, "unsigned_tail": 2, "payloads_erased": 0}
    assert verify(copy) == {"ok": True, **numbers, "problems": []}


def test_the_copy_is_not_written_to(copy):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    verify(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


@pytest.mark.parametrize(
    ("statement", "record", "code"),
    [
        ("UPDATE ledger_records SET canonical = replace(canonical, 'thing.do', 'thing.Do') WHERE seq = 3", 3, "ledger.record_changed"),
        ("UPDATE ledger_payloads SET payload = CAST('{\"note\":9}' AS BLOB) WHERE seq = 4", 4, "ledger.payload_changed"),
        ("DELETE FROM ledger_records WHERE seq = 2", 3, "ledger.gap"),
        ("UPDATE ledger_records SET seq = -seq WHERE seq IN (1, 2)", -2, "ledger.gap"),
        ("DELETE FROM ledger_records WHERE seq >= 5", 5, "ledger.truncated"),
        ("DELETE FROM ledger_records WHERE seq = 7", 7, "ledger.head_differs"),
        ("UPDATE ledger_checkpoints SET note = replace(note, '\"size\": 6', '\"size\": 5')", 5, "ledger.checkpoint_forged"),
        ("UPDATE ledger_checkpoints SET note = 'nothing'", None, "ledger.checkpoint_unreadable"),
        ("DELETE FROM ledger_head", -1, "ledger.head_differs"),
        ("DELETE FROM ledger_checkpoints", SIGNED - 1, "ledger.checkpoint_missing"),
        ("UPDATE ledger_head SET checkpoint_size = 2", 2, "ledger.head_differs"),
        ("UPDATE ledger_records SET object = 'thing-9' WHERE seq = 3", 3, "ledger.columns_changed"),
        ("UPDATE ledger_records SET action = 'thing.undo' WHERE seq = 3", 3, "ledger.columns_changed"),
    ],
)
def test_what_was_changed_is_named(copy, statement, record, code):
    edit(copy, statement)
    report = verify(copy)
    assert not report["ok"]
    assert (code, record) in {(problem["code"], problem["record"]) for problem in report["problems"]}


def test_a_ledger_cut_back_with_its_checkpoints_is_noticed_by_who_saw_them(copy, original):
    edit(copy, "DELETE FROM ledger_records WHERE seq >= 4")
    edit(copy, "UPDATE ledger_head SET size = 4, checkpoint_size = 0")
    edit(copy, "DELETE FROM ledger_checkpoints")
    assert verify(copy)["ok"]
    remember(TrustFile.load(copy / "trust.json"), original[1])
    assert [problem["code"] for problem in verify(copy)["problems"]] == ["ledger.truncated"]


def test_erased_payloads_are_counted(copy):
    edit(copy, "DELETE FROM ledger_payloads WHERE seq IN (1, 3, 5)")
    report = verify(copy)
    assert (report["ok"], report["payloads_erased"]) == (True, 3)


def test_a_checkpoint_deleted_with_the_heads_claim_is_noticed_by_who_saw_it(copy, original):
    remember(TrustFile.load(copy / "trust.json"), original[1])
    assert verify(copy)["ok"]
    edit(copy, "UPDATE ledger_head SET checkpoint_size = 0")
    edit(copy, "DELETE FROM ledger_checkpoints")
    assert [(p["code"], p["record"]) for p in verify(copy)["problems"]] == [("ledger.checkpoint_missing", SIGNED - 1)]


def test_what_is_no_ledger_is_refused(copy):
    (copy / "glovebox.db").write_bytes(b"not a database")
    with pytest.raises(BadInput):
        verify(copy)
    (copy / "glovebox.db").unlink()
    with closing(sqlite3.connect(copy / "glovebox.db")) as opened, opened:
        opened.execute("CREATE TABLE other (x)")
    with pytest.raises(BadInput):
        verify(copy)


def test_a_copy_that_cannot_be_read_proves_nothing(copy):
    data = bytearray((copy / "glovebox.db").read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    (copy / "glovebox.db").write_bytes(data)
    with pytest.raises(IntegrityBroken, match="proves nothing"):
        verify(copy)

"""Keys of officers and banks: in force only once another person confirmed the fingerprint."""

import pytest

from catalog.actors import PLATFORM
from catalog.errors import BadInput, NotFound, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.store import personal_keys

ENTRY = Entry.by(PLATFORM, "key.step", "key-1")


def register(database, actor, key_id="key-1", kind="officer", fingerprint="f1"):
    with database.transaction() as tx:
        personal_keys.register(tx, key_id=key_id, kind=kind, actor=actor, document={"public": "abc"}, fingerprint=fingerprint, record=ENTRY)


def confirm(database, actor, key_id="key-1", fingerprint="f1"):
    with database.transaction() as tx:
        personal_keys.confirm(tx, key_id, actor, fingerprint, record=ENTRY)


def test_a_key_is_in_force_after_another_person_confirmed_it(database, people):
    register(database, people["cai"])
    with database.reading() as tx:
        assert personal_keys.officer_keys(tx) == []
    confirm(database, people["sid"])
    with database.reading() as tx:
        [key] = personal_keys.officer_keys(tx)
    assert (key.key_id, key.user_id, key.confirmed_by, key.document) == ("key-1", "user-cai", "sid", {"public": "abc"})


def test_nobody_confirms_their_own_key(database, people):
    register(database, people["cai"])
    with pytest.raises(PolicyRefusal) as refused:
        confirm(database, people["cai"])
    assert refused.value.code == "keys.confirm_own"


def test_a_fingerprint_that_differs_confirms_nothing(database, people):
    register(database, people["cai"])
    with pytest.raises(PolicyRefusal) as refused:
        confirm(database, people["sid"], fingerprint="f2")
    assert refused.value.code == "keys.fingerprint_differs"
    with database.reading() as tx:
        assert not personal_keys.find(tx, "key-1").in_force


def test_a_revoked_key_is_out_of_force_even_if_confirmed_again(database, people):
    register(database, people["cai"])
    confirm(database, people["sid"])
    with database.transaction() as tx:
        personal_keys.revoke(tx, "key-1", record=ENTRY)
    confirm(database, people["sid"])
    with database.reading() as tx:
        assert personal_keys.officer_keys(tx) == []


def test_a_key_is_registered_once(database, people):
    register(database, people["cai"])
    with pytest.raises(BadInput) as refused:
        register(database, people["sid"])
    assert refused.value.code == "keys.already_registered"


def test_what_is_sealed_goes_to_the_banks_newest_confirmed_key(database, people):
    with database.reading() as tx, pytest.raises(PolicyRefusal) as refused:
        personal_keys.recipient_of(tx, "bank_a")
    assert refused.value.code == "keys.no_recipient"
    for n in (1, 2, 3):
        register(database, people["ann"], f"key-{n}", "bank", f"f{n}")
    confirm(database, people["cai"], "key-1", "f1")
    confirm(database, people["cai"], "key-2", "f2")
    with database.reading() as tx:
        assert personal_keys.recipient_of(tx, "bank_a").key_id == "key-2"
        with pytest.raises(PolicyRefusal):
            personal_keys.recipient_of(tx, "bank_b")


def test_an_unknown_key_is_not_found(database):
    with pytest.raises(NotFound), database.transaction() as tx:
        personal_keys.revoke(tx, "key-9", record=ENTRY)

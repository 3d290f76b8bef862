"""The mailbox between gateway and data zone: every letter is answered once, whatever arrives twice or breaks on the way."""

import threading
from pathlib import Path

import pytest

from catalog.database import Database
from catalog.errors import PolicyRefusal
from catalog.ledger.record import Entry
from catalog.store import ledger
from jobs.mailbox import DatabaseMailbox


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mailbox"


@pytest.fixture
def mailbox(database, folder):
    return DatabaseMailbox(database, folder)


def writes(tx, actor, body, attachment):
    """What a real handler does: a change with its record, and an answer."""
    ledger.append(tx, Entry.by(actor, "cohort.upload", body["name"]))
    return {"name": body["name"], "bytes": len(attachment or b""), "by": actor.login}


def refuses(tx, actor, body, attachment):
    ledger.append(tx, Entry.by(actor, "cohort.upload", body["name"]))
    raise PolicyRefusal("projects.closed", project=body["name"])


def breaks(tx, actor, body, attachment):
    ledger.append(tx, Entry.by(actor, "cohort.upload", body["name"]))
    raise ZeroDivisionError("1 / 0")


def records(database):
    with database.reading() as tx:
        return len(ledger.recent(tx, object_name="c1"))


def test_a_letter_is_answered(mailbox, people, database, folder):
    letter = mailbox.post(people["ann"], "cohort", {"name": "c1"}, b"sealed rows")
    assert mailbox.receipt(letter) is None
    assert mailbox.pull({"cohort": writes}) == 1
    assert mailbox.receipt(letter) == {"accepted": {"name": "c1", "bytes": 11, "by": "ann"}}
    assert list(folder.iterdir()) == []
    assert mailbox.pull({"cohort": writes}) == 0


def test_a_refusal_is_an_answer_and_leaves_no_trace(mailbox, people, database, folder):
    letter = mailbox.post(people["ann"], "cohort", {"name": "c1"}, b"sealed rows")
    mailbox.pull({"cohort": refuses})
    refused = {"class": "PolicyRefusal", "code": "projects.closed", "params": {"project": "c1"}}
    assert mailbox.receipt(letter) == {"refused": refused}
    assert records(database) == 0
    assert list(folder.iterdir()) == []


def test_an_unknown_kind_is_refused(mailbox, people):
    letter = mailbox.post(people["ann"], "bomb", {})
    mailbox.pull({"cohort": writes})
    assert mailbox.receipt(letter)["refused"]["code"] == "mailbox.unknown_kind"


def test_a_letter_delivered_twice_changes_nothing(mailbox, people, database):
    letter = mailbox.post(people["ann"], "cohort", {"name": "c1"}, b"sealed rows")
    with database.reading() as tx:
        from jobs.store import envelopes

        [envelope] = envelopes.waiting(tx)
    mailbox._deliver(envelope, {"cohort": writes})
    first = mailbox.receipt(letter)
    mailbox._deliver(envelope, {"cohort": writes})
    mailbox._deliver(envelope, {"cohort": refuses})
    assert mailbox.receipt(letter) == first
    assert records(database) == 1


def test_two_data_zones_that_pull_at_once_deliver_once(mailbox, people, database, folder):
    letters = [mailbox.post(people["ann"], "cohort", {"name": "c1"}, b"rows") for _ in range(6)]
    start = threading.Barrier(3)

    def pull():
        mine = Database(database.url)
        start.wait()
        DatabaseMailbox(mine, folder).pull({"cohort": writes})
        mine.close()

    threads = [threading.Thread(target=pull) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("accepted" in mailbox.receipt(letter) for letter in letters)
    assert records(database) == len(letters)


def test_the_same_bytes_posted_twice_are_two_letters(mailbox, people):
    letters = [mailbox.post(people["ann"], "cohort", {"name": "c1"}, b"rows") for _ in range(2)]
    mailbox.pull({"cohort": writes})
    assert [mailbox.receipt(letter)["accepted"]["bytes"] for letter in letters] == [4, 4]


def test_a_letter_that_breaks_its_handler_waits_and_blocks_nobody(mailbox, people, database):
    poisoned = mailbox.post(people["ann"], "bad", {"name": "c1"}, b"rows")
    other = mailbox.post(people["bea"], "cohort", {"name": "c2"})
    mailbox.pull({"cohort": writes, "bad": breaks})
    assert mailbox.receipt(poisoned) is None
    assert mailbox.receipt(other)["accepted"]["by"] == "bea"
    assert records(database) == 0
    mailbox.pull({"cohort": writes, "bad": writes})  # the handler was corrected; its attachment is still there
    assert mailbox.receipt(poisoned)["accepted"]["bytes"] == 4


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"other rows")])
def test_an_attachment_that_is_missing_or_changed_is_refused(mailbox, people, folder, damage):
    letter = mailbox.post(people["ann"], "cohort", {"name": "c1"}, b"rows")
    damage(folder / letter)
    mailbox.pull({"cohort": writes})
    assert mailbox.receipt(letter)["refused"]["code"] == "mailbox.attachment_changed"


def test_attachments_are_readable_by_the_service_alone(mailbox, people, folder):
    letter = mailbox.post(people["ann"], "cohort", {"name": "c1"}, b"rows")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Path(folder / letter).stat().st_mode & 0o777 == 0o600


def test_the_sender_is_looked_up_when_the_letter_is_read(mailbox, people):
    mailbox.post(people["ann"], "cohort", {"name": "c1", "roles": ["security_administrator"]})
    seen = []
    mailbox.pull({"cohort": lambda tx, actor, body, attachment: seen.append(actor) or {}})
    assert seen == [people["ann"]]


def test_nobody_knows_a_letter_that_was_never_posted(mailbox):
    assert mailbox.receipt("env-9") is None

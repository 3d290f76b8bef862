"""Can a bank find out from its package who withdrew? It knows its own row ids and the twenty bands, and may hash as much as it likes."""

from __future__ import annotations

import hashlib
import secrets

from sandbox.kinds.score import scores_csv, withhold
from sandbox.store.releases import ReleaseFile, commit_to

LIST = [(f"S{n:03}", f"{n:032x}", 1 + n // 30) for n in range(120)]  # row id, firm, band
WITHDRAWN = LIST[17]


def test_is_the_withdrawn_row_found_by_guessing_what_was_reviewed():
    reviewed = hashlib.sha256(scores_csv(LIST)).hexdigest()
    file = ReleaseFile("scores.csv", "scores.csv", "scores", reviewed, 1, salt=secrets.token_hex(32))
    released = [row for row in LIST if row != WITHDRAWN]
    guesses = [sorted([*released, (row_id, "", band)]) for row_id, _, _ in LIST for band in range(1, 21)]
    hashes = {hashlib.sha256(scores_csv(guess)).hexdigest() for guess in guesses}
    assert reviewed in hashes  # the guess itself works: a bare hash would have told
    assert file.reviewed_sha256 not in hashes
    assert file.reviewed_sha256 == commit_to(reviewed, file.salt)


def test_are_firms_counted_and_not_rows_when_small_bands_are_withheld():
    one_firm = [(f"R{n:04}", "f" * 32, 8) for n in range(1000)]
    nine_firms = [(f"Q{n}", f"{n:032x}", 3) for n in range(9)]
    ten_firms = [(f"T{n}", f"a{n:031x}", 5) for n in range(10)]
    assert withhold([*one_firm, *nine_firms, *ten_firms]) == sorted(ten_firms)

"""What leaves a bank's or a department's machine is sealed there; a slip is noticed before anything is sent."""

import pytest

from catalog.errors import BadInput
from catalog.keys import sealing
from gateway.client import uploads

HEADER = "identifier,institution,purpose,valid_from,valid_to,action\n"


def test_only_the_platform_opens_what_was_sealed(tmp_path):
    secret, recipient = sealing.new_identity()
    file = tmp_path / "cohort.csv"
    file.write_bytes(b"row_id,uscc\n1,canary\n")
    sealed = uploads.seal_file(file, recipient)
    assert b"canary" not in sealed
    assert sealing.open_with(secret, sealed) == file.read_bytes()


@pytest.mark.parametrize(
    ("lines", "line"),
    [("a,b,c,d,e,withdraw\n", None), ("a,b,c,d,e,withdraw\na,b,c,d,e,grant\n", 3), ("a,b,c,d,e,\n", 2), ("", 1)],
)
def test_a_withdrawal_file_only_withdraws(tmp_path, lines, line):
    file = tmp_path / "withdrawal.csv"
    file.write_text(HEADER + lines, "utf-8")
    if line is None:
        assert uploads.check_only_withdraws(file) == 1
        return
    with pytest.raises(BadInput) as raised:
        uploads.check_only_withdraws(file)
    assert raised.value.params["line"] == line


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path):
    file = tmp_path / "large.csv"
    with file.open("wb") as writing:
        writing.truncate(uploads.LARGEST_UPLOAD + 1)
    with pytest.raises(BadInput, match="larger than"):
        uploads.read_bounded(file)

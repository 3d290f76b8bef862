"""Checkpoints: signed notes of the ledger's size and root, with one spelling."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import canonical_json
from catalog.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from catalog.errors import IntegrityBroken
from catalog.keys import files

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "keys"
    files.create_platform_keys(folder)
    return folder


@pytest.fixture(scope="module")
def signer(keys_dir):
    return files.FileSigner.load(keys_dir, "ledger")


@given(size=st.integers(0, 2**53 - 1), root=st.binary(min_size=32, max_size=32))
def test_a_note_verifies_after_a_journey_as_json(signer, size, root):
    note = sign_checkpoint(signer, "province-credit", size, root.hex(), NOW)
    read = Checkpoint.from_json(canonical_json.loads(canonical_json.dumps(note.to_json())))
    verify_checkpoint(read, signer.public_key)
    assert read == note


@pytest.mark.parametrize(
    ("field", "value"),
    [("origin", "elsewhere"), ("size", 8), ("root", "00" * 32), ("time", "2026-11-20T08:00:00.000001Z")],
)
def test_a_changed_note_does_not_verify(signer, field, value):
    note = sign_checkpoint(signer, "province-credit", 7, "ab" * 32, NOW)
    with pytest.raises(IntegrityBroken):
        verify_checkpoint(Checkpoint.from_json({**note.to_json(), field: value}), signer.public_key)


def test_the_signed_bytes_are_the_note_without_its_signature(signer):
    note = sign_checkpoint(signer, "province-credit", 7, "ab" * 32, NOW)
    bare = {name: value for name, value in note.to_json().items() if name != "signature"}
    assert note.statement() == canonical_json.dumps(bare)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("v", True),
        ("size", -1),
        ("size", 2**53),
        ("size", 7.0),
        ("root", "AB" * 32),
        ("root", None),
        ("origin", 3),
        ("time", "2026-11-20T08:00:00Z"),
        ("time", "yesterday"),
        ("signature", None),
        ("signature", {}),
        ("note", ""),
    ],
)
def test_a_note_of_another_shape_is_refused(signer, field, value):
    note = sign_checkpoint(signer, "province-credit", 7, "ab" * 32, NOW)
    with pytest.raises(IntegrityBroken) as broken:
        Checkpoint.from_json({**note.to_json(), field: value})
    assert broken.value.code == "checkpoint.malformed"


def test_only_the_ledger_key_signs_notes(signer, keys_dir):
    release = files.FileSigner.load(keys_dir, "release")
    with pytest.raises(ValueError):
        sign_checkpoint(release, "province-credit", 7, "ab" * 32, NOW)
    with pytest.raises(IntegrityBroken):
        verify_checkpoint(sign_checkpoint(signer, "province-credit", 7, "ab" * 32, NOW), release.public_key)

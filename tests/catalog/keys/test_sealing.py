"""Sealing to a recipient: anyone can seal, one can open, no changed byte passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput, IntegrityBroken
from catalog.keys import sealing

SECRET, RECIPIENT = sealing.new_identity()
OTHER_SECRET, OTHER_RECIPIENT = sealing.new_identity()


@given(data=st.binary(max_size=500))
def test_what_is_sealed_to_two_opens_for_each(data):
    sealed = sealing.seal_to([RECIPIENT, OTHER_RECIPIENT], data)
    assert sealing.open_with(SECRET, sealed) == data == sealing.open_with(OTHER_SECRET, sealed)


def test_it_opens_for_nobody_else():
    with pytest.raises(IntegrityBroken):
        sealing.open_with(OTHER_SECRET, sealing.seal_to([RECIPIENT], b"rows"))


@settings(max_examples=60)
@given(where=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_one_changed_byte_is_noticed(where, flip):
    sealed = bytearray(sealing.seal_to([RECIPIENT], b"rows" * 10))
    sealed[where % len(sealed)] ^= flip
    with pytest.raises(IntegrityBroken):
        sealing.open_with(SECRET, bytes(sealed))


def test_the_recipient_of_a_secret_is_its_public_half():
    assert sealing.recipient_of(SECRET) == RECIPIENT


@pytest.mark.parametrize("recipients", [[], ["age1nonsense"], [""], [RECIPIENT, SECRET]])
def test_a_malformed_recipient_is_refused(recipients):
    with pytest.raises(BadInput) as refusal:
        sealing.seal_to(recipients, b"rows")
    assert SECRET not in repr(refusal.value.params) + str(refusal.value)


def test_a_malformed_secret_is_not_quoted():
    with pytest.raises(BadInput) as refusal:
        sealing.open_with(SECRET[:-1], b"")
    assert SECRET[:-1] not in repr(refusal.value.params) + str(refusal.value)

"""Signatures: bound to a purpose, a key and every byte of the message."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from catalog.keys import Signature
from catalog.keys.signatures import fingerprint, framed, verify

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()


def signed(purpose, message):
    return Signature("intl", fingerprint(PUBLIC), PRIVATE.sign(framed(purpose, message)))


@given(message=st.binary(max_size=200))
def test_what_was_signed_verifies_and_survives_json(message):
    signature = signed("vote", message)
    assert verify(PUBLIC, "vote", message, Signature.from_json(signature.to_json()))


@given(message=st.binary(min_size=1, max_size=60), where=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_one_changed_byte_of_message_or_signature_fails(message, where, flip):
    signature = signed("vote", message)

    def change(data):
        at = where % len(data)
        return data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]

    assert not verify(PUBLIC, "vote", change(message), signature)
    assert not verify(PUBLIC, "vote", message, Signature("intl", signature.key_id, change(signature.value)))


def test_a_vote_is_not_a_release():
    assert not verify(PUBLIC, "release", b"m", signed("vote", b"m"))


def test_the_purpose_cannot_be_smuggled_into_the_message():
    with pytest.raises(ValueError):
        framed("vote\nrelease", b"m")


@pytest.mark.parametrize(
    "signature",
    [
        Signature("gm", fingerprint(PUBLIC), signed("vote", b"m").value),
        Signature("intl", "0" * 40, signed("vote", b"m").value),
        Signature("intl", fingerprint(PUBLIC), b""),
    ],
)
def test_another_suite_another_key_s_name_or_no_bytes_do_not_verify(signature):
    assert not verify(PUBLIC, "vote", b"m", signature)


@pytest.mark.parametrize("public_key", [b"", b"short", b"\xff" * 32])
def test_a_public_key_that_is_none_verifies_nothing(public_key):
    assert not verify(public_key, "vote", b"m", Signature("intl", fingerprint(public_key), signed("vote", b"m").value))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"suite": "intl", "key_id": "k"},
        {"suite": "intl", "key_id": "k", "value": 3},
        {"suite": "intl", "key_id": "k", "value": "é"},
        {"suite": "intl", "key_id": "k", "value": "!!!!"},
        {"suite": "intl", "key_id": "k", "value": "AB=="},
        {"suite": "intl", "key_id": "k", "value": "AA==", "note": ""},
    ],
)
def test_a_signature_has_one_spelling(document):
    with pytest.raises(ValueError):
        Signature.from_json(document)


def test_a_fingerprint_is_forty_hex_characters_of_sha256():
    assert fingerprint(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a3"

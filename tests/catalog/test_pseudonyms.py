"""SM3 and HMAC-SM3 against the standard's own example and against HMAC built by hand from the bare hash."""

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from catalog import pseudonyms

BLOCK = 64


def sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def hmac_by_hand(key: bytes, message: bytes) -> bytes:
    """RFC 2104, written out."""
    padded = (sm3(key) if len(key) > BLOCK else key).ljust(BLOCK, b"\x00")
    inner = sm3(bytes(byte ^ 0x36 for byte in padded) + message)
    return sm3(bytes(byte ^ 0x5C for byte in padded) + inner)


def test_the_library_s_sm3_gives_the_standard_s_example():
    # GB/T 32905-2016, appendix A.1: the message "abc"
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@given(key=st.binary(min_size=1, max_size=130), identifier=st.text(min_size=1, max_size=40).filter(lambda t: t.isprintable()))
def test_a_topic_id_is_hmac_sm3_over_domain_zero_identifier(key, identifier):
    expected = hmac_by_hand(key, b"uscc\x00" + identifier.encode())[:16].hex()
    assert pseudonyms.topic_ids(key, "uscc", [identifier]) == [expected]


def test_a_project_token_is_hmac_sm3_over_the_topic_id():
    topic_id = "0123456789abcdef0123456789abcdef"
    assert pseudonyms.project_tokens(b"k" * 32, [topic_id, None]) == [hmac_by_hand(b"k" * 32, topic_id.encode())[:16].hex(), None]


def test_order_repeats_and_missing_identifiers_are_kept():
    first, nothing, second, again = pseudonyms.topic_ids(b"k" * 32, "uscc", ["91A", None, "91B", "91A"])
    assert nothing is None
    assert first == again != second


def test_equal_text_in_two_domains_gives_unrelated_pseudonyms():
    assert pseudonyms.topic_ids(b"k" * 32, "uscc", ["91A"]) != pseudonyms.topic_ids(b"k" * 32, "licence", ["91A"])


@pytest.mark.parametrize(("domain", "identifiers"), [("uscc", [""]), ("", ["91A"]), ("us\x00cc", ["91A"]), ("USCC", ["91A"])])
def test_an_empty_identifier_or_an_odd_domain_is_a_caller_s_mistake(domain, identifiers):
    with pytest.raises(ValueError):
        pseudonyms.topic_ids(b"k" * 32, domain, identifiers)

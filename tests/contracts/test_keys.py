"""One suite per port of catalog.keys, run on every implementation. A KMS adapter joins by one line in a table below."""

import pytest

from catalog.errors import IntegrityBroken
from catalog.keys import files
from catalog.keys.sealing import seal_to
from catalog.keys.signatures import fingerprint, verify
from catalog.pseudonyms import topic_ids
from gateway.client import personal_keys


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "keys"
    files.create_platform_keys(folder)
    return folder


@pytest.fixture(scope="module")
def other_keys_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other") / "keys"
    files.create_platform_keys(folder)
    return folder


SIGNERS = {purpose: (lambda folder, purpose=purpose: files.FileSigner.load(folder, purpose)) for purpose in files.SIGNING}
KEY_AGENTS = {"files": files.FileKeyAgent.load}
ENVELOPES = {"files": files.FileEnvelope.load}
TOKEN_KEYS = {"files": files.FileTokenKeys.load}


def bank_key(folder):
    path = folder.parent / "bank.key"
    if not path.exists():
        personal_keys.create(path, "bank", "correct horse battery", "bank_a")
    return personal_keys.load(path, "correct horse battery")


RECEPTIONS = {"files": files.FileReception.load, "personal": bank_key}


@pytest.mark.parametrize("make", SIGNERS.values(), ids=SIGNERS)
class TestSigner:
    def test_its_signature_verifies_with_its_public_key_and_purpose(self, make, keys_dir):
        signer = make(keys_dir)
        signature = signer.sign(b"message")
        assert (signature.suite, signature.key_id) == (signer.suite, signer.key_id)
        assert verify(signer.public_key, signer.purpose, b"message", signature)

    def test_its_signature_serves_no_other_purpose_and_no_other_message(self, make, keys_dir):
        signer = make(keys_dir)
        signature = signer.sign(b"message")
        assert not verify(signer.public_key, "vote", b"message", signature)
        assert not verify(signer.public_key, signer.purpose, b"massage", signature)

    def test_its_key_is_named_by_its_fingerprint_and_is_its_own(self, make, keys_dir, other_keys_dir):
        signer = make(keys_dir)
        assert signer.key_id == fingerprint(signer.public_key)
        assert make(keys_dir).public_key == signer.public_key
        everyone = [each(folder).public_key for each in SIGNERS.values() for folder in (keys_dir, other_keys_dir)]
        assert everyone.count(signer.public_key) == 1


@pytest.mark.parametrize("make", KEY_AGENTS.values(), ids=KEY_AGENTS)
class TestKeyAgent:
    def test_it_names_in_order_and_repeatably(self, make, keys_dir):
        named = make(keys_dir).topic_ids("uscc", ["91A", None, "91B", "91A"])
        assert named == make(keys_dir).topic_ids("uscc", ["91A", None, "91B", "91A"])
        assert named[1] is None
        assert named[0] == named[3] != named[2]
        assert {len(name) for name in named if name} == {32}

    def test_another_province_names_otherwise(self, make, keys_dir, other_keys_dir):
        assert make(keys_dir).topic_ids("uscc", ["91A"]) != make(other_keys_dir).topic_ids("uscc", ["91A"])

    def test_without_the_key_the_name_cannot_be_made(self, make, keys_dir):
        assert make(keys_dir).topic_ids("uscc", ["91A"]) != topic_ids(bytes(32), "uscc", ["91A"])

    def test_an_empty_identifier_is_a_mistake(self, make, keys_dir):
        with pytest.raises(ValueError):
            make(keys_dir).topic_ids("uscc", [""])


@pytest.mark.parametrize("make", ENVELOPES.values(), ids=ENVELOPES)
class TestEnvelope:
    @pytest.mark.parametrize("plaintext", [b"", b"x", b"rows" * 1000])
    def test_it_opens_what_it_sealed_in_the_same_scope(self, make, keys_dir, plaintext):
        sealed = make(keys_dir).seal("tenant/a", plaintext)
        assert make(keys_dir).open("tenant/a", sealed) == plaintext
        assert plaintext == b"" or len(plaintext) < 4 or plaintext not in sealed

    def test_it_never_seals_twice_alike(self, make, keys_dir):
        assert make(keys_dir).seal("a", b"rows") != make(keys_dir).seal("a", b"rows")

    def test_no_other_scope_and_no_other_key_opens_it(self, make, keys_dir, other_keys_dir):
        sealed = make(keys_dir).seal("tenant/a", b"rows")
        for envelope, scope in ((make(keys_dir), "tenant/b"), (make(keys_dir), ""), (make(other_keys_dir), "tenant/a")):
            with pytest.raises(IntegrityBroken):
                envelope.open(scope, sealed)

    def test_every_changed_byte_and_every_cut_is_noticed(self, make, keys_dir):
        envelope = make(keys_dir)
        sealed = envelope.seal("a", b"rows")
        damaged = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
        damaged += [sealed[:length] for length in range(len(sealed))] + [sealed + b"\x00"]
        for changed in damaged:
            with pytest.raises(IntegrityBroken):
                envelope.open("a", changed)

    def test_a_tag_is_stable_in_its_scope_and_means_nothing_outside(self, make, keys_dir, other_keys_dir):
        tag = make(keys_dir).tag("a", b"label")
        assert tag == make(keys_dir).tag("a", b"label")
        assert len(tag) == 64
        assert (
            len({tag, make(keys_dir).tag("b", b"label"), make(keys_dir).tag("a", b"other"), make(other_keys_dir).tag("a", b"label")}) == 4
        )


@pytest.mark.parametrize("make", RECEPTIONS.values(), ids=RECEPTIONS)
class TestReception:
    def test_it_opens_what_was_sealed_to_its_recipient(self, make, keys_dir):
        reception = make(keys_dir)
        assert reception.open(seal_to([reception.recipient], b"cohort")) == b"cohort"

    def test_what_was_sealed_to_another_does_not_open(self, make, keys_dir, other_keys_dir):
        with pytest.raises(IntegrityBroken):
            make(keys_dir).open(seal_to([make(other_keys_dir).recipient], b"cohort"))

    def test_a_changed_byte_is_noticed(self, make, keys_dir):
        reception = make(keys_dir)
        sealed = bytearray(seal_to([reception.recipient], b"cohort"))
        sealed[-1] ^= 1
        with pytest.raises(IntegrityBroken):
            reception.open(bytes(sealed))


@pytest.mark.parametrize("make", TOKEN_KEYS.values(), ids=TOKEN_KEYS)
class TestTokenKeys:
    def test_each_project_has_its_own_stable_key(self, make, keys_dir, other_keys_dir):
        key = make(keys_dir).project_token_key("project-a")
        assert key == make(keys_dir).project_token_key("project-a")
        assert len(key) == 32
        assert len({key, make(keys_dir).project_token_key("project-b"), make(other_keys_dir).project_token_key("project-a")}) == 3

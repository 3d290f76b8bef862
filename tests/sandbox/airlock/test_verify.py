"""A bank verifies a package alone: every byte counts, the ledger only grows, nothing is written before everything is checked."""

import dataclasses
import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import canonical_json
from catalog.errors import BadInput, GloveboxError, IntegrityBroken, PolicyRefusal
from catalog.keys import files
from catalog.keys.sealing import seal_to
from sandbox.airlock import archive
from sandbox.airlock.trust import TrustFile, seen_checkpoints
from sandbox.airlock.verify import extract, verify_package

LATER = timedelta(days=30)
MEMBERS = ("manifest.json", "manifest.sig", "payload.age")


@pytest.fixture(scope="module")
def package(world):
    return world.package()


@pytest.fixture
def on_disk(package, tmp_path):
    path = tmp_path / "release-1.gbx"
    path.write_bytes(package)
    return path


def check(world, path, data=None, trust=None, identity="bank", later=LATER):
    if data is not None:
        path.write_bytes(data)
    opener = world.bank if identity == "bank" else identity
    return verify_package(path, trust or world.trust(), opener, world.now + later)


def members_of(package):
    return archive.read_zip(package, dict.fromkeys(MEMBERS, 1 << 20))


def repacked(package, **changes):
    """The package with members replaced and a perfectly valid ZIP around them."""
    replaced = members_of(package) | {name.replace("_", "."): data for name, data in changes.items()}
    return archive.write_zip([(name, replaced[name]) for name in MEMBERS])


def resigned(world, package, edit):
    """The package with an edited manifest, signed again by the true release key."""
    manifest = json.loads(members_of(package)["manifest.json"])
    edit(manifest)
    body = canonical_json.dumps(manifest)
    return repacked(package, manifest_json=body, manifest_sig=canonical_json.dumps(world.release_signer.sign(body).to_json()))


def test_a_bank_reads_what_two_officers_approved(world, on_disk):
    verified = check(world, on_disk)
    assert dict(verified.files) == {file.name: file.data for file in world.files}
    assert verified.manifest.release_id == "release-1"
    assert verified.officers_not_pinned == ()


def test_without_a_key_everything_but_the_content_is_checked(world, on_disk):
    verified = check(world, on_disk, identity=None)
    assert verified.files is None
    with pytest.raises(BadInput):
        extract(verified, on_disk.parent / "out")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 1_000_000), flip=st.integers(1, 255))
def test_one_changed_byte_anywhere_fails_and_the_member_is_named(world, package, on_disk, where, flip):
    changed = bytearray(package)
    changed[where % len(package)] ^= flip
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, bytes(changed))
    assert broken.value.params["member"] in (*MEMBERS, archive.DIRECTORY)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(member=st.sampled_from(MEMBERS), where=st.integers(0, 1_000_000), flip=st.integers(1, 255))
def test_so_does_a_changed_byte_under_a_corrected_checksum(world, package, on_disk, member, where, flip):
    changed = bytearray(members_of(package)[member])
    changed[where % len(changed)] ^= flip
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, repacked(package, **{member.replace(".", "_"): bytes(changed)}))
    assert broken.value.params["member"] in ((member,) if member != "manifest.sig" else MEMBERS[:2])


def test_a_cut_package_fails_at_every_length(world, package, on_disk):
    for length in [*range(200), *range(200, len(package), 97), len(package) - 1]:
        with pytest.raises(IntegrityBroken):
            check(world, on_disk, package[:length])


def test_a_package_of_another_platform_s_key_is_refused(world, on_disk, tmp_path):
    files.create_platform_keys(tmp_path / "impostor")
    impostor = files.FileSigner.load(tmp_path / "impostor", "release")
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, world.package(signer=impostor))
    assert broken.value.code == "package.unknown_release_key"


def test_the_ledger_key_does_not_sign_packages(world, on_disk):
    trust = world.trust(release_keys=(world.ledger_signer.public_key,))
    with pytest.raises(IntegrityBroken):
        check(world, on_disk, trust=trust)


def test_after_a_rotation_packages_of_both_keys_verify(world, on_disk, tmp_path):
    files.create_platform_keys(tmp_path / "next")
    following = files.FileSigner.load(tmp_path / "next", "release")
    trust = world.trust(release_keys=(world.release_signer.public_key, following.public_key))
    check(world, on_disk, trust=trust)
    check(world, on_disk, world.package(signer=following), trust)


def test_another_platform_s_package_is_refused(world, on_disk):
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, trust=world.trust(platform="elsewhere"))
    assert broken.value.code == "package.other_platform"


def test_a_package_from_the_future_is_refused(world, on_disk):
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, later=-timedelta(hours=1))
    assert broken.value.code == "package.from_the_future"


def test_a_release_key_alone_cannot_release_without_the_votes(world, package, on_disk):
    def one_vote(manifest):
        manifest["votes"] = manifest["votes"][:1]

    def other_model(manifest):
        manifest["files"][0]["sha256"] = manifest["files"][0]["reviewed_sha256"] = "0" * 64

    def other_policy(manifest):
        manifest["policy_hash"] = "0" * 64

    def lower_grade(manifest):
        manifest["grade"] = 1

    def forged_vote(manifest):
        manifest["votes"][0]["statement"]["nonce"] = "d" * 32

    def late(manifest):
        manifest["created"] = "2026-12-01T00:00:00.000000Z"

    expected = ["vote.not_two", "vote.other_bytes", "vote.other_bytes", "vote.other_bytes", "vote.not_signed", "vote.expired"]
    for edit, code in zip((one_vote, other_model, other_policy, lower_grade, forged_vote, late), expected, strict=True):
        with pytest.raises(PolicyRefusal) as refusal:
            check(world, on_disk, resigned(world, package, edit))
        assert refusal.value.code == code


@pytest.mark.parametrize(
    "edit",
    [
        lambda manifest: manifest.update(v=2),
        lambda manifest: manifest.update(suite="gm"),
        lambda manifest: manifest.update(note="hidden"),
        lambda manifest: manifest.pop("author"),
        lambda manifest: manifest.update(attempt="1"),
        lambda manifest: manifest["files"][0].update(name="../../model.txt"),
        lambda manifest: manifest["files"][0].update(size=-1),
        lambda manifest: manifest["files"][0].update(sha256="0" * 64),
        lambda manifest: manifest["files"].append(manifest["files"][0]),
        lambda manifest: manifest.update(created="2026-11-20T08:00:00Z"),
        lambda manifest: manifest["checkpoint"].update(size=-5),
    ],
)
def test_a_manifest_of_another_shape_is_refused_even_when_signed(world, package, on_disk, edit):
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, resigned(world, package, edit))
    assert (broken.value.code, broken.value.params["member"]) == ("package.malformed", "manifest.json")


def test_a_checkpoint_the_ledger_key_did_not_sign_is_refused(world, package, on_disk):
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, resigned(world, package, lambda manifest: manifest["checkpoint"].update(size=999)))
    assert broken.value.code == "checkpoint.not_signed"
    with pytest.raises(IntegrityBroken) as broken:
        check(world, on_disk, package, world.trust(ledger_keys=()))
    assert broken.value.code == "package.unknown_ledger_key"


def test_a_payload_the_manifest_does_not_describe_is_refused_after_opening(world, package, on_disk):
    for name in ("model.txt", "metrics.json", "scores.csv"):
        inside = [(file.name, b"x" * len(file.data) if file.name == name else file.data) for file in world.files]
        payload = seal_to([world.bank.recipient], archive.write_tar(inside))

        def describe(manifest, payload=payload):
            manifest.update(payload_sha256=hashlib.sha256(payload).hexdigest(), payload_size=len(payload))

        forged = repacked(resigned(world, package, describe), payload_age=payload)
        with pytest.raises(IntegrityBroken) as broken:
            check(world, on_disk, forged)
        assert broken.value.params["member"] == name


def test_a_package_for_another_bank_says_whose_it_is(world, on_disk):
    with pytest.raises(BadInput) as refusal:
        check(world, on_disk, identity=world.other_bank)
    assert refusal.value.code == "package.other_recipient"


def test_officers_that_are_not_pinned_are_reported_and_pinned_ones_still_checked(world, package, on_disk):
    trust = world.trust(officers=(world.wang.key,))
    assert check(world, on_disk, trust=trust).officers_not_pinned == (world.li.key.key_id,)

    def forge(manifest):
        manifest["votes"][1]["statement"]["nonce"] = "d" * 32

    with pytest.raises(PolicyRefusal):
        check(world, on_disk, resigned(world, package, forge), trust)


def test_a_pinned_officer_of_the_bank_itself_is_refused(world, on_disk):
    votes = [world.li.sign(world.statement("a")), world.zhao.sign(world.statement("b"))]
    lenient = [world.li.key, dataclasses.replace(world.zhao.key, organisation="operator-2")]
    with pytest.raises(PolicyRefusal) as refusal:
        check(world, on_disk, world.package(votes=votes, officers=lenient), world.trust(officers=(world.li.key, world.zhao.key)))
    assert refusal.value.code == "vote.author_organisation"


class TestWitness:
    """Every verification remembers the ledger it saw."""

    @pytest.fixture
    def trust(self, world, tmp_path):
        path = tmp_path / "platform.trust.json"
        path.write_bytes(canonical_json.dumps(world.trust().to_json()))
        return TrustFile.load(path)

    def see(self, world, on_disk, trust, size, root="ab" * 32, minutes=0):
        note = world.checkpoint(size, root, world.now + timedelta(minutes=minutes))
        return check(world, on_disk, world.package(checkpoint=note), trust)

    def test_the_highest_checkpoint_is_remembered_beside_the_trust_file(self, world, on_disk, trust):
        self.see(world, on_disk, trust, 120)
        self.see(world, on_disk, trust, 150, "cd" * 32, minutes=5)
        assert trust.seen_path.name == "platform.trust.json.seen.json"
        assert [note.size for note in seen_checkpoints(trust)] == [120, 150]
        assert trust.seen_path.stat().st_mode & 0o777 == 0o600

    def test_a_different_root_at_the_same_size_is_a_fork(self, world, on_disk, trust):
        self.see(world, on_disk, trust, 120)
        with pytest.raises(IntegrityBroken) as broken:
            self.see(world, on_disk, trust, 120, "cd" * 32)
        assert broken.value.code == "trust.ledger_forked"

    def test_a_smaller_tree_at_a_later_time_is_a_ledger_set_back(self, world, on_disk, trust):
        self.see(world, on_disk, trust, 120)
        with pytest.raises(IntegrityBroken) as broken:
            self.see(world, on_disk, trust, 119, "cd" * 32, minutes=5)
        assert broken.value.code == "trust.ledger_shrank"

    def test_an_older_package_can_be_verified_again_after_a_newer_one(self, world, on_disk, trust):
        self.see(world, on_disk, trust, 150, "cd" * 32, minutes=5)
        self.see(world, on_disk, trust, 120)
        assert [note.size for note in seen_checkpoints(trust)] == [120, 150]

    def test_an_older_package_that_claims_a_larger_tree_is_a_ledger_set_back(self, world, on_disk, trust):
        self.see(world, on_disk, trust, 120, minutes=5)
        with pytest.raises(IntegrityBroken):
            self.see(world, on_disk, trust, 150, "cd" * 32)

    def test_nothing_is_remembered_of_a_package_that_fails(self, world, on_disk, trust):
        with pytest.raises(GloveboxError):
            check(world, on_disk, trust=trust, identity=world.other_bank)
        assert seen_checkpoints(trust) == []

    def test_a_damaged_memory_is_not_taken_for_an_empty_one(self, world, on_disk, trust):
        trust.seen_path.write_text("{}")
        with pytest.raises(IntegrityBroken) as broken:
            check(world, on_disk, trust=trust)
        assert broken.value.code == "trust.seen_damaged"

    def test_a_witness_that_cannot_remember_says_so(self, world, on_disk, tmp_path):
        with pytest.raises(BadInput) as refusal:
            check(world, on_disk, trust=world.trust(tmp_path / "gone" / "trust.json"))
        assert refusal.value.code == "trust.cannot_remember"

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"v":1}', "[" * 5000, '{"v":1,"v":1}'])
    def test_a_file_that_is_no_trust_file_is_refused(self, trust, text):
        trust.path.write_text(text)
        with pytest.raises(BadInput):
            TrustFile.load(trust.path)

    def test_a_trust_file_reads_back_as_it_was_written(self, world, trust):
        assert dataclasses.replace(trust, path=None) == world.trust()


class TestExtraction:
    def test_the_folder_appears_complete(self, world, on_disk):
        extract(check(world, on_disk), on_disk.parent / "out")
        assert {path.name: path.read_bytes() for path in (on_disk.parent / "out").iterdir()} == {
            file.name: file.data for file in world.files
        }

    def test_nothing_is_written_into_a_folder_that_exists(self, world, on_disk):
        out = on_disk.parent / "out"
        out.mkdir()
        with pytest.raises(BadInput):
            extract(check(world, on_disk), out)
        assert list(out.iterdir()) == []
        assert not list(on_disk.parent.glob(".out.*"))


def test_a_missing_package_says_so(world, tmp_path):
    with pytest.raises(BadInput) as refusal:
        check(world, tmp_path / "none.gbx")
    assert refusal.value.code == "package.unreadable"


ALONE = """
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED or name in ("catalog.database", "catalog.store", "catalog.tables", "catalog.keys.files"):
            raise ImportError(f"{name} is service code")
BLOCKED = {"sqlalchemy", "fastapi", "ray", "pyarrow", "polars", "numpy", "pandas", "pydantic", "httpx", "lightgbm", "jobs", "engines"}
sys.meta_path.insert(0, Wall())
from pathlib import Path
from sandbox.airlock.trust import TrustFile
from sandbox.airlock.verify import verify_package
verified = verify_package(Path(sys.argv[1]), TrustFile.load(Path(sys.argv[2])))
print(verified.manifest.release_id, sorted(BLOCKED & {name.split(".")[0] for name in sys.modules}))
"""


def test_verification_needs_no_service_code(world, package, tmp_path):
    (tmp_path / "p.gbx").write_bytes(world.package(now=world.now))
    (tmp_path / "trust.json").write_bytes(canonical_json.dumps(world.trust().to_json()))
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", ALONE, str(tmp_path / "p.gbx"), str(tmp_path / "trust.json")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "release-1 []\n"), done.stderr

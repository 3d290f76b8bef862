"""Writing packages: an ordinary ZIP with one spelling, made only from what two officers approved."""

import dataclasses
import hashlib
import io
import json
import tarfile
import zipfile
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput, IntegrityBroken, PolicyRefusal
from catalog.keys import Signature
from catalog.keys.signatures import verify
from sandbox.airlock import archive
from sandbox.airlock.package import OutgoingFile, write_package

names = st.from_regex(r"[a-z][a-z0-9_.]{0,20}[a-z]", fullmatch=True)


def test_any_zip_tool_reads_the_outer_archive(world):
    with zipfile.ZipFile(io.BytesIO(world.package())) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["manifest.json", "manifest.sig", "payload.age"]
        assert {entry.compress_type for entry in opened.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_any_age_and_tar_tool_reads_the_payload(world):
    with zipfile.ZipFile(io.BytesIO(world.package())) as opened:
        plain = world.bank.open(opened.read("payload.age"))
    with tarfile.open(fileobj=io.BytesIO(plain)) as inner:
        assert inner.getnames() == ["model.txt", "metrics.json", "scores.csv"]
        assert inner.extractfile("metrics.json").read() == b'{"auc":0.71}'


def test_the_manifest_says_what_was_approved_by_whom_and_for_whom(world):
    with zipfile.ZipFile(io.BytesIO(world.package())) as opened:
        body = opened.read("manifest.json")
        manifest = json.loads(body)
    assert (manifest["v"], manifest["suite"], manifest["custody"]) == (1, "intl", "embedded")
    assert [file["sha256"] for file in manifest["files"]] == [hashlib.sha256(file.data).hexdigest() for file in world.files]
    assert [vote["officer_key_id"] for vote in manifest["votes"]] == [world.li.key.key_id, world.wang.key.key_id]
    assert manifest["checkpoint"]["size"] == 120
    assert body == json.dumps(manifest, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def test_the_release_key_signs_the_manifest_and_no_other_key_may(world):
    with pytest.raises(ValueError):
        world.package(signer=world.ledger_signer)
    with zipfile.ZipFile(io.BytesIO(world.package())) as opened:
        body, signature = opened.read("manifest.json"), json.loads(opened.read("manifest.sig"))
    assert verify(world.release_signer.public_key, "release", body, Signature.from_json(signature))


def test_a_swapped_byte_between_vote_and_signing_is_refused(world):
    swapped = [dataclasses.replace(world.files[0], data=world.files[0].data[:-1] + b"x"), *world.files[1:]]
    with pytest.raises(PolicyRefusal) as refusal:
        world.package(files=swapped)
    assert refusal.value.code == "vote.other_bytes"


def test_another_recipient_than_the_officers_confirmed_is_refused(world):
    with pytest.raises(PolicyRefusal) as refusal:
        world.package(release=dataclasses.replace(world.release, recipient=world.other_bank.recipient))
    assert refusal.value.params["what"] == "recipient_fingerprint"


def test_a_malformed_recipient_is_refused(world):
    with pytest.raises(BadInput):
        world.package(release=dataclasses.replace(world.release, recipient="age1nobody"))


def test_rows_leave_scores_only_and_only_with_both_votes(world):
    *others, scores = world.files
    shorter = dataclasses.replace(
        scores, data=b"row,band\n1,7\n", reviewed_sha256=hashlib.sha256(scores.data).hexdigest(), rows_removed=True
    )
    with pytest.raises(PolicyRefusal) as refusal:
        world.package(files=[*others, shorter])
    assert refusal.value.code == "vote.removal_not_allowed"
    world.package(files=[*others, shorter], votes=world.votes(removal_allowed=True))
    model = dataclasses.replace(others[0], data=b"other", reviewed_sha256=hashlib.sha256(others[0].data).hexdigest())
    with pytest.raises(BadInput):
        world.package(files=[model, *world.files[1:]], votes=world.votes(removal_allowed=True))


@pytest.mark.parametrize("age", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_stale_checkpoint_is_refused(world, age):
    with pytest.raises(PolicyRefusal):
        world.package(checkpoint=world.checkpoint(time=world.now - age))


def test_another_platform_s_checkpoint_is_refused(world):
    with pytest.raises(PolicyRefusal):
        world.package(checkpoint=world.checkpoint(origin="elsewhere"))


@pytest.mark.parametrize("name", ["../model.txt", "a/b", ".hidden", "", "x" * 100, "模型.txt", "a\n", "con\x00", "a.", "\\a"])
def test_a_name_that_could_leave_its_folder_is_refused(world, name):
    with pytest.raises(BadInput):
        world.package(files=[OutgoingFile(name, "metrics", b"{}")])


def test_names_that_differ_only_in_case_are_refused(world):
    with pytest.raises(BadInput):
        world.package(files=[OutgoingFile("A.json", "metrics", b"{}"), OutgoingFile("a.json", "metrics", b"{}")])


def test_a_package_on_disk_is_private_and_never_overwritten(world, tmp_path):
    path = tmp_path / "release-1.gbx"
    write_package(path, b"package")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadInput):
        write_package(path, b"another")
    assert path.read_bytes() == b"package"


@given(st.dictionaries(names, st.binary(max_size=600), min_size=1, max_size=4))
def test_zip_and_tar_come_back_as_they_went_and_have_one_spelling(members):
    files = list(members.items())
    packed, rolled = archive.write_zip(files), archive.write_tar(files)
    assert archive.read_zip(packed, dict.fromkeys(members, 600)) == members
    assert archive.read_tar(rolled, [(name, len(data)) for name, data in files], "payload") == members
    assert (packed, rolled) == (archive.write_zip(files), archive.write_tar(files))
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == members


def test_a_member_larger_than_its_limit_is_not_read(world):
    with pytest.raises(IntegrityBroken) as broken:
        archive.read_zip(archive.write_zip([("a", b"12345")]), {"a": 4})
    assert broken.value.params["member"] == "a"


@pytest.mark.parametrize(
    "disguise",
    [
        lambda packed: packed + b"\x00",
        lambda packed: b"#!" + packed,
        lambda packed: packed[:-2] + b"\x05\x00hello",
        lambda packed: packed[:-1],
        lambda packed: b"",
        lambda packed: packed * 2,
        lambda packed: archive.write_zip([("b", b"2"), ("a", b"1")]),
        lambda packed: archive.write_zip([("a", b"1"), ("b", b"2"), ("c", b"3")]),
        lambda packed: archive.write_zip([("a", b"1"), ("a", b"2")]),
        lambda packed: archive.write_zip([("a", b"1")]),
    ],
    ids=["trailer", "prefix", "comment", "cut", "empty", "twice", "order", "extra", "duplicate", "missing"],
)
def test_no_zip_trick_is_read(disguise):
    with pytest.raises(IntegrityBroken):
        archive.read_zip(disguise(archive.write_zip([("a", b"1"), ("b", b"2")])), {"a": 9, "b": 9})


def test_a_zip_by_another_writer_is_not_read():
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a", b"1" * 100)
    with pytest.raises(IntegrityBroken):
        archive.read_zip(other.getvalue(), {"a": 1000})


def test_a_tar_with_a_link_or_an_extra_file_is_not_read():
    other = io.BytesIO()
    with tarfile.open(fileobj=other, mode="w", format=tarfile.USTAR_FORMAT) as rolled:
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        rolled.addfile(link)
    for data in (other.getvalue(), archive.write_tar([("a", b""), ("b", b"")]), b""):
        with pytest.raises(IntegrityBroken):
            archive.read_tar(data, [("a", 0)], "payload.age")

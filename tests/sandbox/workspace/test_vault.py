"""The vault: what is put comes back to its project only, re-hashed; names on disk tell nothing."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import IntegrityBroken, NotFound
from catalog.keys import files
from sandbox.workspace.vault import Vault, VaultRef


@pytest.fixture(scope="module")
def envelope(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "keys"
    files.create_platform_keys(folder)
    return files.FileEnvelope.load(folder)


@pytest.fixture
def vault(tmp_path, envelope):
    return Vault(tmp_path / "vault", envelope)


def on_disk(tmp_path):
    return sorted(path for path in (tmp_path / "vault").rglob("*") if path.is_file())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(data=st.binary(max_size=2000))
def test_what_is_put_comes_back(vault, data):
    ref = vault.put("project-1", data)
    assert ref.size == len(data)
    assert vault.get("project-1", ref) == data


def test_another_project_cannot_get_it(vault):
    ref = vault.put("project-1", b"model")
    with pytest.raises(NotFound):
        vault.get("project-2", ref)


def test_equal_content_in_two_projects_has_unrelated_names_and_bytes(vault, tmp_path):
    ref = vault.put("project-1", b"model")
    assert vault.put("project-2", b"model") == ref
    first, second = on_disk(tmp_path)
    assert first.name != second.name
    assert first.read_bytes() != second.read_bytes()
    assert not any(ref.sha256[:8] in str(path) for path in (first, second))


def test_equal_content_in_one_project_is_kept_once(vault, tmp_path):
    assert vault.put("project-1", b"model") == vault.put("project-1", b"model")
    assert len(on_disk(tmp_path)) == 1


def test_files_are_private_and_hold_no_plaintext(vault, tmp_path):
    vault.put("project-1", b"CANARY-ROW" * 10)
    (path,) = on_disk(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700
    assert b"CANARY-ROW" not in path.read_bytes()


def test_a_changed_byte_is_noticed_and_putting_again_heals(vault, tmp_path):
    ref = vault.put("project-1", b"model")
    (path,) = on_disk(tmp_path)
    sealed = path.read_bytes()
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(IntegrityBroken):
        vault.get("project-1", ref)
    vault.put("project-1", b"model")
    assert vault.get("project-1", ref) == b"model"


def test_one_artefact_in_another_s_place_is_noticed(vault, tmp_path):
    good, other = vault.put("project-1", b"good model"), vault.put("project-1", b"evil model")
    first, second = on_disk(tmp_path)
    content = first.read_bytes(), second.read_bytes()
    first.write_bytes(content[1])
    second.write_bytes(content[0])
    for ref in (good, other):
        with pytest.raises(IntegrityBroken) as broken:
            vault.get("project-1", ref)
        assert broken.value.code == "vault.damaged"


def test_a_wrong_size_is_noticed(vault):
    ref = vault.put("project-1", b"model")
    with pytest.raises(IntegrityBroken):
        vault.get("project-1", VaultRef(ref.sha256, ref.size + 1))


def test_what_is_deleted_is_gone_and_deleting_again_is_harmless(vault, tmp_path):
    ref = vault.put("project-1", b"model")
    vault.delete("project-1", ref)
    vault.delete("project-1", ref)
    assert on_disk(tmp_path) == []
    with pytest.raises(NotFound):
        vault.get("project-1", ref)


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "", "0" * 63, "G" * 64])
def test_a_reference_that_is_no_hash_finds_nothing(vault, sha256):
    with pytest.raises(NotFound):
        vault.get("project-1", VaultRef(sha256, 1))


def test_a_sweep_removes_what_is_old_and_what_a_crash_left(vault, tmp_path):
    old = vault.put("project-1", b"old")
    (path,) = on_disk(tmp_path)
    month_ago = time.time() - 31 * 86400
    os.utime(path, (month_ago, month_ago))
    unfinished = path.with_name(".x.tmp")
    unfinished.write_bytes(b"half")
    os.utime(unfinished, (month_ago, month_ago))
    fresh = vault.put("project-1", b"fresh")
    assert vault.sweep(datetime.now(UTC) - timedelta(days=30)) == 2
    assert vault.get("project-1", fresh) == b"fresh"
    with pytest.raises(NotFound):
        vault.get("project-1", old)


def test_putting_again_renews_the_age(vault, tmp_path):
    ref = vault.put("project-1", b"model")
    (path,) = on_disk(tmp_path)
    month_ago = time.time() - 31 * 86400
    os.utime(path, (month_ago, month_ago))
    vault.put("project-1", b"model")
    assert vault.sweep(datetime.now(UTC) - timedelta(days=30)) == 0
    assert vault.get("project-1", ref) == b"model"


def test_sweeping_an_empty_vault_is_harmless_and_a_naive_instant_a_mistake(vault):
    assert vault.sweep(datetime.now(UTC)) == 0
    with pytest.raises(ValueError):
        vault.sweep(datetime(2026, 1, 1))

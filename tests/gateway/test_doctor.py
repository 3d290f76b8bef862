"""What the doctor says of a machine and a home, plainly, and when it says no."""

import os
from pathlib import Path

import pytest

from catalog.settings import Settings, render_settings
from gateway import doctor
from gateway.composition import JAIL_LOCK
from gateway.doctor import Level
from sandbox.workspace import environments


@pytest.fixture
def home(tmp_path):
    """Enough of a home for the doctor: a folder (0700) with its settings."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "settings.toml").write_text(render_settings(Settings(home=folder)), "utf-8")
    return folder


def by_name(home):
    return {finding.name: finding for finding in doctor.examine(home)}


def test_key_files_are_not_for_real_data(home):
    custody = by_name(home)["key_custody"]
    assert custody.level is Level.WARNING
    assert "one administrator of this machine can read every key: not for real data" in custody.text("en")


def test_in_production_they_are_unsafe(home):
    (home / "settings.toml").write_text(render_settings(Settings(home=home, production=True)), "utf-8")
    assert by_name(home)["key_custody"].level is Level.UNSAFE


def test_a_home_that_others_can_enter_is_unsafe(home):
    home.chmod(0o755)
    assert by_name(home)["home"].level is Level.UNSAFE
    home.chmod(0o700)
    assert by_name(home)["home"].level is Level.GOOD


def test_a_machine_without_a_home_is_examined_all_the_same(tmp_path):
    findings = by_name(tmp_path / "nowhere")
    assert findings["home"].level is Level.WARNING
    assert "seccomp" in findings


def test_root_is_a_warning_never_a_secret(home):
    level = Level.WARNING if os.geteuid() == 0 else Level.GOOD
    assert by_name(home)["ray"].level is level


def test_an_environment_that_was_not_built_is_told(home, monkeypatch):
    monkeypatch.delenv("GLOVEBOX_ENVIRONMENTS", raising=False)
    assert by_name(home)["jail"].code == "environment.missing"


def test_a_real_jail_proves_its_layers(home, monkeypatch):
    kept = os.environ.get("GLOVEBOX_TEST_HOME")
    folder = (Path(kept) if kept else Path.home() / ".cache" / "glovebox-test") / "environments"
    monkeypatch.setenv("GLOVEBOX_ENVIRONMENTS", str(folder))
    environments.build(folder, JAIL_LOCK)
    jail = by_name(home)["jail"]
    assert (jail.code, jail.level) == ("doctor.jail", Level.GOOD), jail.text("en")


def test_a_jail_that_cannot_start_makes_the_machine_unsafe(home, tmp_path, monkeypatch):
    folder = environments.environment_dir(tmp_path / "environments", JAIL_LOCK)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("#!/bin/false\n")
    monkeypatch.setenv("GLOVEBOX_ENVIRONMENTS", str(tmp_path / "environments"))
    monkeypatch.setattr(environments, "_is_finished", lambda *_: True)
    findings = doctor.examine(home)
    assert {finding.name: finding.level for finding in findings}["jail"] is Level.UNSAFE
    assert not doctor.is_safe(findings)


def test_every_finding_is_told_in_both_languages(home):
    for finding in doctor.examine(home):
        told = finding.to_json()
        assert told["text"]
        assert told["text_zh"]
        assert "{" not in told["text"] + told["text_zh"]

"""One home, one file of choices; a wrong one is named, with what is expected."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput, NotFound
from catalog.settings import SETTINGS_FILE, Settings, load_settings, render_settings


def write(home, text):
    (home / SETTINGS_FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    return home


def test_a_folder_without_settings_is_not_a_home(tmp_path):
    with pytest.raises(NotFound) as refused:
        load_settings(tmp_path)
    assert refused.value.code == "settings.not_initialised"
    assert str(tmp_path) in refused.value.text("en")


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("platform = ", "settings.unreadable", SETTINGS_FILE),
        (b"platform = '\xff'", "settings.unreadable", SETTINGS_FILE),
        ("colour = 1", "settings.unknown_key", "colour"),
        ("[platform]\nname = 'x'", "settings.wrong_type", "platform"),
        ("production = 'yes'", "settings.wrong_type", "production"),
        ("production = 1", "settings.wrong_type", "production"),
        ("cohort_floor = 1.5", "settings.wrong_type", "cohort_floor"),
        ("cohort_floor = true", "settings.wrong_type", "cohort_floor"),
        ("cohort_floor = 0", "settings.out_of_range", "cohort_floor"),
        ("memory_slots = -1", "settings.out_of_range", "memory_slots"),
        ("suite = 'rot13'", "settings.out_of_range", "suite"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, text, code, names):
    with pytest.raises(BadInput) as refused:
        load_settings(write(tmp_path, text))
    assert refused.value.code == code
    assert names in refused.value.text("en")
    assert names in refused.value.text("zh")


def test_an_empty_file_means_the_defaults(tmp_path):
    settings = load_settings(write(tmp_path, ""))
    assert settings == Settings(home=tmp_path.resolve())
    assert settings.database == f"sqlite:///{tmp_path / 'glovebox.db'}"


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


@given(
    platform=TEXT,
    suite=st.sampled_from(["intl", "gm"]),
    database_url=TEXT,
    ray_address=TEXT,
    production=st.booleans(),
    cohort_floor=st.integers(1, 10**6),
    memory_slots=st.integers(1, 64),
)
def test_what_init_writes_reads_back_equal(tmp_path_factory, **choices):
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, **choices)
    assert load_settings(write(home, render_settings(settings))) == settings


def test_two_homes_never_share_a_memory_folder():
    homes = [Path("/srv/a-b"), Path("/srv/a/b"), Path("/x" * 60 + "/srv/home"), Path("/y" * 60 + "/srv/home")]
    assert len({Settings(home=home).tmpfs_dir for home in homes}) == len(homes)


def test_the_home_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOVEBOX_HOME", str(write(tmp_path, "")))
    assert load_settings().home == tmp_path.resolve()
    monkeypatch.setenv("GLOVEBOX_ENVIRONMENTS", "/srv/environments")
    assert load_settings().environments_dir == Path("/srv/environments")

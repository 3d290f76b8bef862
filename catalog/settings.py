"""Where everything lives: one home folder (GLOVEBOX_HOME, 0700), and the few choices an operator makes about it."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.errors import BadInput, NotFound

Suite = Literal["intl", "gm"]
SUITES = ("intl", "gm")
SETTINGS_FILE = "settings.toml"
_KNOWN = {"platform", "suite", "database_url", "production", "ray_address", "cohort_floor", "memory_slots"}


@dataclass(frozen=True, slots=True)
class Settings:
    """One machine's configuration. Paths are derived, so that no two places disagree about them."""

    home: Path
    platform: str = "glovebox"
    suite: Suite = "intl"
    database_url: str = ""
    production: bool = False
    ray_address: str = ""
    cohort_floor: int = 1000
    memory_slots: int = 2

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'glovebox.db'}"

    @property
    def topic_catalogue(self) -> Path:
        return self.home / "topic" / "catalogue.db"

    @property
    def topic_dir(self) -> Path:
        return self.home / "topic" / "warehouse"

    @property
    def keys_dir(self) -> Path:
        return self.home / "keys"

    @property
    def vault_dir(self) -> Path:
        return self.home / "vault"

    @property
    def landing_dir(self) -> Path:
        return self.home / "landing"

    @property
    def quarantine_dir(self) -> Path:
        return self.home / "quarantine"

    @property
    def mailbox_dir(self) -> Path:
        return self.home / "mailbox"

    @property
    def environments_dir(self) -> Path:
        return Path(os.environ.get("GLOVEBOX_ENVIRONMENTS") or self.home / "environments")

    @property
    def ray_dir(self) -> Path:
        return self.home / "ray"

    @property
    def trust_dir(self) -> Path:
        return self.home / "trust"

    @property
    def tmpfs_dir(self) -> Path:
        """Job inputs: memory only, never disk. One folder per home, so that two platforms on a machine stay apart."""
        token = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path("/dev/shm") / f"glovebox-{os.geteuid()}-{token}"


def home_from_environment() -> Path:
    """GLOVEBOX_HOME, or ``.glovebox`` in the user's home folder."""
    return Path(os.environ.get("GLOVEBOX_HOME") or Path.home() / ".glovebox").expanduser().resolve()


def load_settings(home: Path | None = None) -> Settings:
    """Read ``settings.toml``. Raises NotFound without a home, BadInput for an unknown or wrongly typed key."""
    home = (home or home_from_environment()).resolve()
    path = home / SETTINGS_FILE
    if not path.is_file():
        raise NotFound("settings.not_initialised", home=str(home))
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("settings.unreadable", path=str(path), reason=str(error)) from error
    unknown = sorted(set(values) - _KNOWN)
    if unknown:
        raise BadInput("settings.unknown_key", path=str(path), key=unknown[0], known=", ".join(sorted(_KNOWN)))
    for key, value in values.items():
        expected = type(getattr(Settings(home=home), key))
        if type(value) is not expected:
            raise BadInput("settings.wrong_type", path=str(path), key=key, expected=expected.__name__)
    _check_ranges(path, values)
    return Settings(home=home, **values)


def _check_ranges(path: Path, values: dict[str, object]) -> None:
    suite = values.get("suite", SUITES[0])
    if suite not in SUITES:
        raise BadInput("settings.out_of_range", path=str(path), key="suite", expected=" or ".join(SUITES))
    for key in ("cohort_floor", "memory_slots"):
        value = values.get(key, 1)
        if not isinstance(value, int) or value < 1:
            raise BadInput("settings.out_of_range", path=str(path), key=key, expected="1 or more")


def render_settings(settings: Settings) -> str:
    """The text of ``settings.toml`` for a new home."""
    # The two addresses are written only where they differ from the default.
    addresses = {"database_url": settings.database_url, "ray_address": settings.ray_address}
    written = "".join(f"{key} = {_quoted(value)}\n" for key, value in addresses.items() if value)
    return (
        f"platform = {_quoted(settings.platform)}\n"
        f"suite = {_quoted(settings.suite)}\n"
        f"{written}"
        f"production = {str(settings.production).lower()}\n"
        f"cohort_floor = {settings.cohort_floor}  # smallest cohort a bank may match; 1,000 in production\n"
        f"memory_slots = {settings.memory_slots}  # jobs that may run at once on this machine\n"
    )


def _quoted(value: str) -> str:
    """A TOML text: JSON's quoting is the same, as long as nothing becomes a pair of surrogates."""
    return json.dumps(value, ensure_ascii=False)

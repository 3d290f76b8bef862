"""The signed-in session on this machine: a token and the server it belongs to, in a file only its owner can read (0600)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalog import canonical_json
from catalog.errors import BadInput, Unavailable
from catalog.private_files import read_private, write_over

VERSION: Final = 1
IN_PROCESS: Final = ""  # the server of a session that was opened without one
_FIELDS = {"v", "server", "login", "token", "expires_at"}


@dataclass(frozen=True, slots=True)
class Session:
    """``server``: base address, or IN_PROCESS. ``expires_at``: RFC 3339. The token never shows in a repr."""

    server: str
    login: str
    token: str
    expires_at: str

    def __repr__(self) -> str:
        return f"Session(server={self.server!r}, login={self.login!r}, expires_at={self.expires_at!r})"


def session_path() -> Path:
    """GLOVEBOX_CONFIG (a file, or a folder that is to hold ``session.json``), else ``~/.config/glovebox/session.json``."""
    chosen = os.environ.get("GLOVEBOX_CONFIG")
    if not chosen:
        return Path.home() / ".config" / "glovebox" / "session.json"
    path = Path(chosen).expanduser()
    return path / "session.json" if path.is_dir() else path


def save(session: Session, path: Path | None = None) -> Path:
    """Write ``session``, replacing an older one. The folder is made 0700. Raises BadInput("client.cannot_save")."""
    path = path or session_path()
    document = {name: getattr(session, name) for name in Session.__slots__}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_over(path, canonical_json.dumps({"v": VERSION, **document}) + b"\n")
    except OSError:
        raise BadInput("client.cannot_save", path=str(path)) from None
    return path


def load(path: Path | None = None) -> Session | None:
    """The session kept, None when there is none. Raises Broken("private_file.exposed"), BadInput("client.session_damaged")."""
    path = path or session_path()
    try:
        document = canonical_json.loads(read_private(path))
        if set(document) != _FIELDS or document.pop("v") != VERSION or not all(isinstance(text, str) for text in document.values()):
            raise ValueError("fields")
        return Session(**document)
    except Unavailable:
        return None
    except (ValueError, TypeError, AttributeError):
        raise BadInput("client.session_damaged", path=str(path)) from None


def forget(path: Path | None = None) -> None:
    """Remove the session from this machine. Safe to repeat."""
    (path or session_path()).unlink(missing_ok=True)

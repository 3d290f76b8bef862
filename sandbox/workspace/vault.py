"""Undelivered artefacts: content-addressed, encrypted per project. A file's name tells nothing of its content, even to who has both."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from catalog.errors import IntegrityBroken, NotFound
from catalog.keys.ports import Envelope
from catalog.private_files import write_over

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_UNFINISHED_SECONDS: Final = 3600  # a write takes seconds; what a crash left behind is older


@dataclass(frozen=True, slots=True)
class VaultRef:
    """Names bytes by their SHA-256 (hex) and size in bytes. Means something only together with a project."""

    sha256: str
    size: int


class Vault:
    """A folder of sealed files. Each project has its own keys: what one put, no other can get or even recognise."""

    def __init__(self, directory: Path, envelope: Envelope) -> None:
        self._directory = directory
        self._envelope = envelope

    def put(self, project_id: str, data: bytes) -> VaultRef:
        """Keep ``data``; durable on return. Putting it again renews its age and heals a damaged copy."""
        ref = VaultRef(hashlib.sha256(data).hexdigest(), len(data))
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_over(self._path(project_id, ref), self._envelope.seal(_scope(project_id), data))
        return ref

    def get(self, project_id: str, ref: VaultRef) -> bytes:
        """The bytes, re-hashed. Raises NotFound("vault.missing"), IntegrityBroken("vault.damaged" | "keys.envelope_broken")."""
        try:
            sealed = self._path(project_id, ref).read_bytes()
        except FileNotFoundError:
            raise NotFound("vault.missing", sha256=ref.sha256) from None
        data = self._envelope.open(_scope(project_id), sealed)
        if VaultRef(hashlib.sha256(data).hexdigest(), len(data)) != ref:
            raise IntegrityBroken("vault.damaged", sha256=ref.sha256)
        return data

    def delete(self, project_id: str, ref: VaultRef) -> None:
        """Forget the bytes. Safe to repeat."""
        self._path(project_id, ref).unlink(missing_ok=True)

    def sweep(self, older_than: datetime) -> int:
        """Delete what was last put before ``older_than`` (aware), and writes that a crash left unfinished; returns how many files went.

        Whoever still needs an artefact renews its age by putting it again.
        """
        if older_than.tzinfo is None:
            raise ValueError("an instant must carry its zone")
        unfinished = time.time() - _UNFINISHED_SECONDS
        return sum(_sweep(path, unfinished if path.suffix == ".tmp" else older_than.timestamp()) for path in self._directory.glob("*"))

    def _path(self, project_id: str, ref: VaultRef) -> Path:
        if _HASH.fullmatch(ref.sha256) is None:
            raise NotFound("vault.missing", sha256="-")
        return self._directory / self._envelope.tag(_scope(project_id), bytes.fromhex(ref.sha256))


def _sweep(path: Path, before: float) -> bool:
    try:
        if path.stat().st_mtime >= before:
            return False
        path.unlink()
    except FileNotFoundError:  # delivered or replaced meanwhile
        return False
    return True


def _scope(project_id: str) -> str:
    return f"vault/{project_id}"

"""The public half of a personal key as a file of its own: what is sent to the platform."""

from __future__ import annotations

from pathlib import Path

from catalog import canonical_json
from catalog.errors import BadInput
from catalog.keys.public import PublicKeyDocument
from catalog.private_files import write_new

SUFFIX = ".pub"
LARGEST_KEY_FILE = 64 << 10  # bytes


def public_path(path: Path) -> Path:
    """Beside the key: ``officer.key`` → ``officer.key.pub``."""
    return path.with_name(path.name + SUFFIX)


def check_free(path: Path) -> None:
    """Before a key is made. Raises BadInput when either file exists, or their folder does not."""
    for each in (path, public_path(path)):
        if each.exists() or each.is_symlink():
            raise BadInput("private_file.exists", path=str(each))
    if not path.parent.is_dir():
        raise BadInput("client.file_unwritable", path=str(path), reason="no such folder")


def write_public(path: Path, document: PublicKeyDocument) -> Path:
    """Write the public half beside the key at ``path``."""
    public = public_path(path)
    write_new(public, canonical_json.dumps(document.to_json()) + b"\n")
    return public


def read_public(path: Path) -> PublicKeyDocument:
    """From a public half or from the key file itself, without its passphrase. Raises BadInput("keys.not_a_key_file")."""
    try:
        with path.open("rb") as file:
            document = canonical_json.loads(file.read(LARGEST_KEY_FILE))
        return PublicKeyDocument.from_json(document["public"] if "sealed" in document else document)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, BadInput):
        raise BadInput("keys.not_a_key_file", path=str(path)) from None

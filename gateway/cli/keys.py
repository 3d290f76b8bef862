"""Personal keys: made and kept on the officer's or the bank's side; only the public half is registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import asking, connection
from gateway.cli.asking import PassphraseFile
from gateway.cli.output import AsJson, note, show_list, show_one
from gateway.client import personal_keys, public_keys

KeyFile = Annotated[Path, typer.Argument(metavar="KEYFILE", help="A key file, or its public half (.pub).")]


def register(app: typer.Typer) -> None:
    keys = typer.Typer(help="Personal keys (个人密钥) of officers and banks.", no_args_is_help=True)
    keys.command("new")(new)
    keys.command("show")(show)
    keys.command("register")(register_key)
    keys.command("list")(list_keys)
    keys.command("confirm")(confirm)
    app.add_typer(keys, name="key")


def new(
    kind: Annotated[str, typer.Argument(help="officer (合规官) or bank (银行)")],
    file: Annotated[Path | None, typer.Argument(metavar="KEYFILE", help="Default: officer.key or bank.key, here.")] = None,
    holder: Annotated[str, typer.Option(help="Whose key this is: a login, or the bank's id.")] = "",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, protected by a passphrase, and its public half beside it."""
    path = file or Path(f"{kind}.key")
    public_keys.check_free(path)
    key = personal_keys.create(path, kind, asking.passphrase(passphrase_file, new=True), holder or kind)
    public = public_keys.write_public(path, key.public)
    show_one({"key": str(path), "public": str(public), **_told(key.public_document())}, as_json)
    note("cli.key_made", fingerprint=key.public.fingerprint)


def show(file: KeyFile, as_json: AsJson = False) -> None:
    """The public half of a key and its fingerprint (指纹)."""
    show_one(public_keys.read_public(file).to_json(), as_json)


def register_key(file: KeyFile, as_json: AsJson = False) -> None:
    """Send the public half to the platform; another person confirms it by its fingerprint."""
    document = public_keys.read_public(file).to_json()
    with connection.signed_in() as client:
        show_one(client.register_key(document), as_json)
    note("cli.key_registered", fingerprint=str(document["fingerprint"]))


def list_keys(as_json: AsJson = False) -> None:
    """Registered keys."""
    with connection.signed_in() as client:
        show_list(client.keys(), ("key_id", "kind", "organisation_id", "confirmed_at", "revoked_at"), as_json)


def confirm(
    key_id: str,
    fingerprint: Annotated[str, typer.Option(help="As its holder told you, over the telephone or face to face.")],
    as_json: AsJson = False,
) -> None:
    """Confirm a key whose fingerprint you compared with its holder."""
    with connection.signed_in() as client:
        show_one(client.confirm_key(key_id, "".join(fingerprint.split()).lower()), as_json)


def _told(document: dict[str, object]) -> dict[str, object]:
    return {name: document[name] for name in ("kind", "holder", "key_id", "recipient", "fingerprint")}

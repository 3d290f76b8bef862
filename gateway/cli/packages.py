"""On the bank's side, without the platform: verifying and opening packages, and the file of keys that is pinned before the first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog import canonical_json
from catalog.keys.signatures import fingerprint
from catalog.private_files import write_new
from gateway.cli import asking, connection
from gateway.cli.asking import PassphraseFile
from gateway.cli.output import AsJson, note, say, show_json, show_list
from gateway.client import packages
from sandbox.airlock.trust import TrustFile


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)
    trust = typer.Typer(help="The platform's public keys and officers, to be pinned (信任文件).", no_args_is_help=True)
    trust.command("show")(show_trust)
    app.add_typer(trust, name="trust")


def verify(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE")],
    trust: Annotated[Path, typer.Option("--trust", help="The trust file you pinned.")],
    key: Annotated[Path | None, typer.Option("--key", help="Your bank's key file: opens the package as well.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="A new folder for the files; needs --key.")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Check every byte of a package offline (验证): signature, votes, hashes, the ledger's checkpoint."""
    opened = None if key is None else asking.open_key(key, passphrase_file)
    told = packages.describe(packages.verify(package, trust, opened, to))
    if as_json:
        return show_json(told)
    say("cli.package_good", release=told["release_id"], platform=told["platform"], created=told["created"])
    show_list(told["files"], ("name", "type", "size", "sha256"), False)
    if told["officers_not_pinned"]:
        note("cli.officers_not_pinned", keys=", ".join(told["officers_not_pinned"]))
    if told["custody"] == "embedded":
        note("cli.custody_embedded")
    if to is not None:
        say("cli.files_written", folder=str(to))
    return None


def show_trust(
    to: Annotated[Path | None, typer.Option("--to", help="Also keep it in this new file, to be pinned.")] = None,
    as_json: AsJson = False,
) -> None:
    """The platform's release and ledger keys and its officers; compare the fingerprints aloud before pinning."""
    with connection.anonymous() as client:
        document = client.trust()
    trust = TrustFile.from_json(document)
    if to is not None:
        write_new(to, canonical_json.dumps(trust.to_json()) + b"\n")
    if as_json:
        return show_json(document)
    rows = [{"use": "release", "key_id": fingerprint(each), "of": trust.platform} for each in trust.release_keys]
    rows += [{"use": "ledger", "key_id": fingerprint(each), "of": trust.platform} for each in trust.ledger_keys]
    rows += [{"use": "officer", "key_id": each.key_id, "of": f"{each.officer} ({each.organisation})"} for each in trust.officers]
    return show_list(rows, ("use", "key_id", "of"), False)

"""On the bank's side, without the platform: verifying and opening packages, and the file of keys that is pinned before the first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from catalog import canonical_json
from catalog.errors import BadInput
from catalog.keys.signatures import fingerprint
from catalog.private_files import write_new, write_over
from gateway.cli import asking, connection
from gateway.cli.asking import PassphraseFile
from gateway.cli.output import AsJson, note, say, show_json, show_list
from gateway.client import packages
from sandbox.airlock.trust import TrustFile

VOTERS_UNKNOWN = 1


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
    allow_unknown_voters: Annotated[
        bool, typer.Option("--allow-unknown-voters", help="Exit 0 although a voter is not in the trust file.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Check every byte of a package offline (验证): signature, votes, hashes, the ledger's checkpoint.

    Exit 1 when a voter is not in the trust file: then nobody but the platform says who approved.
    """
    opened = None if key is None else asking.open_key(key, passphrase_file)
    verified = packages.verify(package, trust, opened, to, allow_unknown_voters=allow_unknown_voters)
    good = packages.is_whole(verified) or allow_unknown_voters
    if as_json:
        show_json(packages.describe(verified))
    else:
        _tell(packages.describe(verified), to if good else None)
    raise typer.Exit(0 if good else VOTERS_UNKNOWN)


def _tell(told: dict[str, Any], to: Path | None) -> None:
    headline = "cli.package_voters_unknown" if told["officers_not_pinned"] else "cli.package_good"
    say(headline, release=told["release_id"], platform=told["platform"], created=told["created"])
    show_list(told["files"], ("name", "type", "size", "sha256"), False)
    if told["officers_not_pinned"]:
        note("cli.officers_not_pinned", keys=", ".join(told["officers_not_pinned"]))
    if told["custody"] == "embedded":
        note("cli.custody_embedded")
    if to is not None:
        say("cli.files_written", folder=str(to))


def show_trust(
    to: Annotated[Path | None, typer.Option("--to", help="Also keep it in this new file, to be pinned.")] = None,
    update: Annotated[Path | None, typer.Option("--update", help="Show what is new against this pinned file.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --update: rewrite the file; you compared the fingerprints.")] = False,
    as_json: AsJson = False,
) -> None:
    """The platform's release and ledger keys and its officers; compare the fingerprints aloud before pinning."""
    pinned = None if update is None else TrustFile.load(update)
    with connection.anonymous() as client:
        document = client.trust()
    trust = TrustFile.from_json(document)
    if pinned is not None and pinned.platform != trust.platform:
        raise BadInput("cli.trust_other_platform", pinned=pinned.platform, platform=trust.platform)
    whole = canonical_json.dumps(trust.to_json()) + b"\n"
    if to is not None:
        write_new(to, whole)
    if as_json:
        show_json(document)
    elif pinned is None:
        show_list(_rows(trust), ("use", "key_id", "of"), False)
    else:
        _tell_news(pinned, trust)
    if update is not None and pinned is not None and _rows(pinned) != _rows(trust):
        if yes:
            write_over(update, whole)
        note("cli.trust_updated" if yes else "cli.trust_not_updated", path=str(update))


def _rows(trust: TrustFile) -> list[dict[str, str]]:
    rows = [{"use": "release", "key_id": fingerprint(each), "of": trust.platform} for each in trust.release_keys]
    rows += [{"use": "ledger", "key_id": fingerprint(each), "of": trust.platform} for each in trust.ledger_keys]
    return rows + [{"use": "officer", "key_id": each.key_id, "of": f"{each.officer} ({each.organisation})"} for each in trust.officers]


def _tell_news(pinned: TrustFile, trust: TrustFile) -> None:
    """What is not in the pinned file (+), and what only stands there (-)."""
    before, now = _rows(pinned), _rows(trust)
    news = [{"change": "+", **row} for row in now if row not in before] + [{"change": "-", **row} for row in before if row not in now]
    if news:
        show_list(news, ("change", "use", "key_id", "of"), False)
    else:
        say("cli.trust_same")

"""Releases: asked for by scientists, voted on by officers with their own keys, downloaded by the bank."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import BadInput
from catalog.messages import catalogue
from gateway.cli import asking, connection
from gateway.cli.asking import PassphraseFile
from gateway.cli.output import AsJson, language, sentence, show_json, show_list, show_one, show_sentence
from gateway.client.findings import found_words, limit_words
from gateway.client.packages import keep_package
from gateway.client.voting import check_ballot_is_for, make_statement, sign_vote

Reason = Annotated[str, typer.Option(help="Why.")]
LONGEST_DAYS = 7
NEED_COMMENT = ("return", "reject")


def register(app: typer.Typer) -> None:
    releases = typer.Typer(help="Releases (出域申请): the only way anything leaves.", no_args_is_help=True)
    for name, command in (
        ("list", list_releases),
        ("show", show),
        ("request", request),
        ("explain", explain),
        ("resubmit", resubmit),
        ("vote", vote),
        ("withdraw", withdraw),
        ("revoke", revoke),
        ("download", download),
    ):
        releases.command(name)(command)
    app.add_typer(releases, name="release")


def list_releases(as_json: AsJson = False) -> None:
    """Releases you may see."""
    with connection.signed_in() as client:
        show_list(client.releases(), ("id", "state", "verdict", "round", "requested_at", "why"), as_json)


def show(release: str, as_json: AsJson = False) -> None:
    """One release: its files, what the checks found and how to do better."""
    with connection.signed_in() as client:
        found = client.release(release)
    if as_json:
        return show_json(found)
    show_one({name: value for name, value in found.items() if name not in ("findings", "votes")}, False)
    show_list([_finding(each) for each in found.get("findings", [])], ("file", "check", "verdict", "found", "limit", "why"), False)
    return show_list(found["votes"], ("decision", "reviewer", "organisation", "comment"), False) if found.get("votes") else None


def _finding(told: dict[str, Any]) -> dict[str, Any]:
    """A check's answer as a row; what to do better only where something is to be done."""
    fix = told.get("fix_zh" if language() == "zh" else "fix")
    value, limit = (_short(told.get(name)) for name in ("value", "limit"))
    found = found_words(told["check"], told.get("value"), language()) or value
    asked = limit_words(told["check"], told.get("limit"), language()) or limit
    return {**told, "found": found, "limit": asked, "why": None if told["verdict"] == "pass" else fix}


def _short(value: Any) -> Any:
    """A figure with at most four significant digits, like the console's."""
    return f"{value:.4g}" if isinstance(value, float) else value


def request(
    job: str,
    output: Annotated[list[str] | None, typer.Option("--output", help="An output's name; several times. Default: all declared.")] = None,
    reason: Reason = "",
    removal: Annotated[
        bool, typer.Option("--removal/--no-removal", help="Rows whose consent ends before signing may be taken out.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Ask for a job's outputs to be released; the checks start at once."""
    with connection.signed_in() as client:
        _tell(client.request_release(job, output, reason, removal), as_json)


def resubmit(release: str, reason: Reason, as_json: AsJson = False) -> None:
    """Send a returned release to its checks again, with your answer to the reviewers."""
    _move(release, "resubmit", reason, as_json)


def explain(release: str, reason: Reason, as_json: AsJson = False) -> None:
    """Give the reason that a review finding needs."""
    _move(release, "explain", reason, as_json)


def vote(
    release: str,
    decision: Annotated[str, typer.Argument(help="approve, return or reject")],
    key: Annotated[Path, typer.Option(help="Your own key file, made by `glovebox key new officer`.")],
    comment: Annotated[str, typer.Option(help="For the author and the other reviewer; `return` and `reject` need one.")] = "",
    removal: Annotated[
        bool, typer.Option("--removal/--no-removal", help="Also allow what the author asked for: rows may be removed.")
    ] = True,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help="How long your vote holds.")] = LONGEST_DAYS,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Vote (投票) with a signature of your own key over exactly the files you reviewed."""
    if decision in NEED_COMMENT and not comment.strip():
        raise BadInput("cli.comment_needed", decision=decision)
    with connection.signed_in() as client:
        ballot = client.ballot(release)
        check_ballot_is_for(ballot, release, _seen(client.release(release)))
        statement = make_statement(ballot, decision, removal_allowed=removal, valid_for=timedelta(days=days))
        signed = sign_vote(statement, asking.open_key(key, passphrase_file))
        _tell(client.vote(release, signed.to_json(), comment), as_json, "cli.vote_signed")


def _seen(release: dict[str, Any]) -> dict[str, str] | None:
    files = release.get("files")
    return files if isinstance(files, dict) and all(files.values()) else None


def withdraw(release: str, as_json: AsJson = False) -> None:
    """Take your own request back."""
    _move(release, "withdraw", None, as_json)


def revoke(release: str, reason: Reason, as_json: AsJson = False) -> None:
    """Call back what was released: its model scores no more."""
    _move(release, "revoke", reason, as_json)


def download(
    release: str,
    to: Annotated[Path | None, typer.Option("--to", help="The package's file. Default: <release>.gbx, here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download the signed package, sealed to your bank's key; `glovebox verify` checks and opens it."""
    with connection.signed_in() as client:
        path = keep_package(to or Path(f"{Path(release).name}.gbx"), client.package(release))
    show_one({"package": str(path), "bytes": path.stat().st_size}, as_json)


def _move(release: str, step: str, reason: str | None, as_json: bool) -> None:
    with connection.signed_in() as client:
        _tell(client.move_release(release, step, reason), as_json)


def _tell(release: dict[str, Any], as_json: bool, code: str = "cli.release_is") -> None:
    """Where the release stands now, and what it waits for."""
    code_of_next = f"cli.release_next.{release['state']}"
    waits_for = sentence(code_of_next if code_of_next in catalogue() else "cli.release_next.other", release=release["id"])
    show_sentence(release, as_json, code, release=release["id"], state=release["state"], next=waits_for)

"""Passwords and passphrases: from the environment, a private file, or a prompt. Never from the command line, where others can read them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import BadInput
from catalog.private_files import read_private
from gateway.client.personal_keys import PersonalKey, load

PASSWORD, NEW_PASSWORD, PASSPHRASE = "GLOVEBOX_PASSWORD", "GLOVEBOX_NEW_PASSWORD", "GLOVEBOX_PASSPHRASE"

PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help=f"A file (0600) with the passphrase. Else {PASSPHRASE}, else you are asked.")
]


def password(*, new: bool = False) -> str:
    """The caller's password. ``new``: one to be set, asked for twice."""
    return _secret(NEW_PASSWORD if new else PASSWORD, "cli.ask_new_password" if new else "cli.ask_password", confirm=new)


def passphrase(file: Path | None, *, new: bool = False) -> str:
    """The passphrase of a personal key. Raises BadInput, or Broken("private_file.exposed") for a file that others can read."""
    if file is not None:
        try:
            return read_private(file).decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadInput("cli.passphrase_not_text", path=str(file)) from None
    return _secret(PASSPHRASE, "cli.ask_new_passphrase" if new else "cli.ask_passphrase", confirm=new)


def open_key(path: Path, file: Path | None) -> PersonalKey:
    """The personal key at ``path``, opened."""
    return load(path, passphrase(file))


def _secret(variable: str, question: str, *, confirm: bool) -> str:
    given = os.environ.get(variable)
    if given:
        return given
    if not sys.stdin.isatty():
        raise BadInput("cli.secret_missing", variable=variable)
    from gateway.cli.output import sentence

    return str(typer.prompt(sentence(question), hide_input=True, confirmation_prompt=confirm, err=True))

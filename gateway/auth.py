"""Local accounts: argon2id passwords, short bearer tokens of which only the hash is kept, a lock after wrong passwords.

A wrong login, a wrong password, a locked and a disabled account answer alike and take the same work.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from catalog import clock
from catalog.actors import PLATFORM, Actor, User
from catalog.database import Database, Tx
from catalog.errors import BadInput, NotSignedIn
from catalog.ledger.record import Entry
from catalog.store import actors, ledger

SESSION_LASTS: Final = timedelta(hours=12)
WRONG_PASSWORDS: Final = 5  # in a row, then the account is locked
LOCKED_FOR: Final = timedelta(minutes=15)
SHORTEST_PASSWORD: Final = 12  # characters; NIST SP 800-63B-4 asks 15 without a second factor or 8 with one; the lock stands between
TOKEN_BYTES: Final = 32
_HASHER: Final = PasswordHasher()  # argon2id, RFC 9106's second recommended option: 64 MiB, 3 passes, 4 lanes
_AT_ONCE = threading.BoundedSemaphore(4)  # 64 MiB each: a burst of sign-ins must not exhaust the machine


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What sign-in gives. The token is shown once; only its hash is kept."""

    token: str = field(repr=False)
    expires_at: datetime
    user: User


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is behind a token."""

    actor: Actor
    user: User
    token_hash: str = field(repr=False)


def hash_password(password: str) -> str:
    with _AT_ONCE:
        return _HASHER.hash(password)


def hash_new_password(login: str, password: str) -> str:
    """The hash of a password somebody chose. Raises BadInput for one that is not acceptable."""
    check_acceptable(login, password)
    return hash_password(password)


def one_time_password() -> str:
    """For somebody's first sign-in only: 96 random bits, to be read out or copied."""
    return secrets.token_urlsafe(12)


def sign_in(database: Database, login: str, password: str) -> OpenedSession:
    """Open a session. Raises NotSignedIn, the same for every reason."""
    with database.reading() as tx:
        user = actors.user_by_login(tx, login)
        stored = None if user is None else actors.credentials(tx, user.id).password_hash
    matches = _verify(stored or _nobodys_hash(), password)
    with database.transaction() as tx:
        if user is not None and _count(tx, user, matches and stored is not None):
            return _open(tx, user)
    raise _failed()


def sign_out(database: Database, signed_in: SignedIn) -> None:
    with database.transaction() as tx:
        record = Entry.by(signed_in.actor, "session.close", signed_in.user.id)
        actors.close_session(tx, signed_in.token_hash, record=record)


def who(database: Database, token: str) -> SignedIn:
    """Raises NotSignedIn for an unknown, expired or revoked token and for a disabled user."""
    digest = _digest(token)
    with database.reading() as tx:
        user = actors.session_user(tx, digest, clock.now())
        if user is None:
            raise NotSignedIn("gateway.not_signed_in")
        return SignedIn(actors.actor_for(tx, user), user, digest)


def change_password(database: Database, signed_in: SignedIn, old: str, new: str) -> OpenedSession:
    """Ends every session of the user and opens a new one. A wrong old password counts like one at sign-in."""
    user = signed_in.user
    check_acceptable(user.login, new)
    if new == old:
        raise BadInput("gateway.password_unchanged")
    with database.reading() as tx:
        stored = actors.credentials(tx, user.id).password_hash
    matches, hashed = _verify(stored, old), hash_password(new)
    with database.transaction() as tx:
        if _count(tx, user, matches):
            actors.set_password(tx, user.id, hashed, record=Entry.by(signed_in.actor, "password.change", user.id))
            return _open(tx, actors.user_by_id(tx, user.id))
    raise _failed()


def check_acceptable(login: str, password: str) -> None:
    """Raises BadInput for a password that is short or contains its login."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput("gateway.password_too_short", minimum=SHORTEST_PASSWORD)
    if login.lower() in password.lower():
        raise BadInput("gateway.password_is_login")


def _count(tx: Tx, user: User, matches: bool) -> bool:
    """Whether this password lets the user in. Decided under the write lock, so that guesses made at once all count."""
    now = clock.now()
    known = actors.credentials(tx, user.id)
    if known.locked_until is not None and known.locked_until > now:
        return False
    if matches and not actors.user_by_id(tx, user.id).disabled:
        actors.count_failed_sign_in(tx, user.id, 0, None)
        return True
    failed = known.failed_sign_ins + 1
    if failed < WRONG_PASSWORDS:
        actors.count_failed_sign_in(tx, user.id, failed, None)
        return False
    actors.count_failed_sign_in(tx, user.id, 0, now + LOCKED_FOR)
    ledger.append(tx, Entry.by(PLATFORM, "user.lock", user.id, minutes=_minutes(LOCKED_FOR)))
    return False


def _open(tx: Tx, user: User) -> OpenedSession:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = clock.now() + SESSION_LASTS
    record = Entry.by(actors.actor_for(tx, user), "session.open", user.id)
    actors.open_session(tx, _digest(token), user.id, expires_at, record=record)
    return OpenedSession(token, expires_at, user)


def _verify(stored: str, password: str) -> bool:
    with _AT_ONCE:
        try:
            return _HASHER.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys_hash() -> str:
    """Verified when there is no such login, so that the answer takes as long."""
    return hash_password(secrets.token_urlsafe(TOKEN_BYTES))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _failed() -> NotSignedIn:
    return NotSignedIn("gateway.sign_in_failed", attempts=WRONG_PASSWORDS, minutes=_minutes(LOCKED_FOR))


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60


def warm_up() -> None:
    """Make the hash of nobody before the first sign-in, so that the first wrong login takes no longer than others."""
    _nobodys_hash()

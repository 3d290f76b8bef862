"""Organisations, users, roles, sessions and personal keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalog import clock
from catalog.actors import Actor, Organisation, OrganisationKind, Role, User, check_roles_may_meet
from catalog.database import Tx
from catalog.errors import BadInput, NotFound
from catalog.ledger.record import Entry
from catalog.store import ledger
from catalog.tables import organisations, sessions, user_roles, users


def add_organisation(tx: Tx, organisation: Organisation, *, record: Entry) -> None:
    try:
        tx.execute(
            insert(organisations).values(
                id=organisation.id, kind=str(organisation.kind), name_zh=organisation.name_zh, name_en=organisation.name_en
            )
        )
    except IntegrityError as error:
        raise BadInput("actors.organisation_exists", organisation=organisation.id) from error
    ledger.append(tx, record)


def organisation(tx: Tx, organisation_id: str) -> Organisation:
    row = tx.execute(select(organisations).where(organisations.c.id == organisation_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="tenant", name=organisation_id)
    return _organisation(row)


def all_organisations(tx: Tx) -> list[Organisation]:
    return [_organisation(row) for row in tx.execute(select(organisations).order_by(organisations.c.id))]


def add_user(tx: Tx, user: User, password_hash: str, *, record: Entry) -> None:
    """Raises BadInput for a login that is taken, PolicyRefusal for duties that may not meet."""
    check_roles_may_meet(organisation(tx, user.organisation_id).kind, user.roles)
    try:
        tx.execute(
            insert(users).values(
                id=user.id,
                organisation_id=user.organisation_id,
                login=user.login,
                name=user.name,
                password_hash=password_hash,
                must_change_password=user.must_change_password,
                disabled=False,
                failed_sign_ins=0,
            )
        )
    except IntegrityError as error:
        raise BadInput("actors.login_taken", login=user.login) from error
    _write_roles(tx, user.id, user.roles)
    ledger.append(tx, record)


def set_roles(tx: Tx, user_id: str, roles: frozenset[Role], *, record: Entry) -> None:
    known = user_by_id(tx, user_id)
    check_roles_may_meet(organisation(tx, known.organisation_id).kind, roles)
    tx.execute(delete(user_roles).where(user_roles.c.user_id == user_id))
    _write_roles(tx, user_id, roles)
    ledger.append(tx, record)


def disable_user(tx: Tx, user_id: str, disabled: bool, *, record: Entry) -> None:
    """Shut a person out, or let them in again. What was open is closed at once, and stays closed."""
    tx.execute(update(users).where(users.c.id == user_id).values(disabled=disabled))
    if disabled:
        still_open = (sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
        tx.execute(update(sessions).where(*still_open).values(revoked_at=clock.to_iso(clock.now())))
    ledger.append(tx, record)


def holders_of(tx: Tx, role: Role) -> int:
    """How many people hold it, disabled ones too."""
    query = select(func.count()).select_from(user_roles).where(user_roles.c.role == str(role))
    return int(tx.execute(query).scalar_one())


def _write_roles(tx: Tx, user_id: str, roles: frozenset[Role]) -> None:
    for role in sorted(roles):
        tx.execute(insert(user_roles).values(user_id=user_id, role=str(role)))


def user_by_id(tx: Tx, user_id: str) -> User:
    row = tx.execute(select(users).where(users.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="user", name=user_id)
    return _user(tx, row)


def user_by_login(tx: Tx, login: str) -> User | None:
    row = tx.execute(select(users).where(users.c.login == login)).one_or_none()
    return None if row is None else _user(tx, row)


def all_users(tx: Tx) -> list[User]:
    return [_user(tx, row) for row in tx.execute(select(users).order_by(users.c.login))]


def actor_for(tx: Tx, user: User) -> Actor:
    kind = organisation(tx, user.organisation_id).kind
    return Actor(user.id, user.login, user.organisation_id, kind, user.roles)


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What sign-in needs of an account; never leaves the gateway's auth room."""

    password_hash: str
    failed_sign_ins: int
    locked_until: datetime | None


def credentials(tx: Tx, user_id: str) -> Credentials:
    row = tx.execute(select(users.c.password_hash, users.c.failed_sign_ins, users.c.locked_until).where(users.c.id == user_id)).one()
    return Credentials(row.password_hash, row.failed_sign_ins, _instant(row.locked_until))


def count_failed_sign_in(tx: Tx, user_id: str, failed: int, locked_until: datetime | None) -> None:
    """Bookkeeping only; a lock is recorded by the caller."""
    values = {"failed_sign_ins": failed, "locked_until": None if locked_until is None else clock.to_iso(locked_until)}
    tx.execute(update(users).where(users.c.id == user_id).values(**values))


def set_password(tx: Tx, user_id: str, password_hash: str, *, record: Entry) -> None:
    tx.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash, must_change_password=False))
    tx.execute(update(sessions).where(sessions.c.user_id == user_id).values(revoked_at=clock.to_iso(clock.now())))
    ledger.append(tx, record)


def open_session(tx: Tx, token_hash: str, user_id: str, expires_at: datetime, *, record: Entry) -> None:
    tx.execute(
        insert(sessions).values(
            token_hash=token_hash, user_id=user_id, created_at=clock.to_iso(clock.now()), expires_at=clock.to_iso(expires_at)
        )
    )
    ledger.append(tx, record)


def close_session(tx: Tx, token_hash: str, *, record: Entry) -> None:
    tx.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(revoked_at=clock.to_iso(clock.now())))
    ledger.append(tx, record)


def session_user(tx: Tx, token_hash: str, at: datetime) -> User | None:
    """The user behind a live session, None for an unknown, expired or revoked one and for a disabled user."""
    row = tx.execute(select(sessions).where(sessions.c.token_hash == token_hash)).one_or_none()
    if row is None or row.revoked_at is not None or clock.from_iso(row.expires_at) <= at:
        return None
    user = user_by_id(tx, row.user_id)
    return None if user.disabled else user


def _organisation(row: Row[Any]) -> Organisation:
    return Organisation(row.id, OrganisationKind(row.kind), row.name_zh, row.name_en)


def _user(tx: Tx, row: Row[Any]) -> User:
    roles = tx.execute(select(user_roles.c.role).where(user_roles.c.user_id == row.id)).scalars()
    return User(row.id, row.organisation_id, row.login, row.name, frozenset(Role(r) for r in roles), row.disabled, row.must_change_password)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else clock.from_iso(text)

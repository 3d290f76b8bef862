"""Organisations, users and their roles."""

from __future__ import annotations

from fastapi import APIRouter

from catalog.actors import Organisation, OrganisationKind, Role, User, check_roles_at_creation
from catalog.database import Tx
from catalog.errors import NotFound, PolicyRefusal
from catalog.identifiers import new_id
from catalog.ledger.record import Entry
from catalog.store import actors
from gateway import auth
from gateway.api.doors import OrganisationsManage, PlatformHere, RolesManage, SignedInOnly, UsersManage
from gateway.schemas.people import DisabledBody, OrganisationBody, OrganisationTold, RolesBody, UserBody, UserCreated, UserListed, UserTold

router = APIRouter(tags=["people"])


@router.get("/organisations")
def organisations(actor: SignedInOnly, platform: PlatformHere) -> list[OrganisationTold]:
    """A bank sees itself, the departments and the operator: never which other banks there are."""
    with platform.database.reading() as tx:
        found = actors.all_organisations(tx)
    if actor.organisation_kind is OrganisationKind.BANK:
        found = [each for each in found if each.kind is not OrganisationKind.BANK or each.id == actor.organisation_id]
    return [OrganisationTold.model_validate(each) for each in found]


@router.post("/organisations", status_code=201)
def add_organisation(actor: OrganisationsManage, platform: PlatformHere, body: OrganisationBody) -> OrganisationTold:
    organisation = Organisation(body.id, body.kind, body.name_zh, body.name_en)
    record = Entry.by(actor, "organisation.add", body.id, kind=str(body.kind))
    with platform.database.transaction() as tx:
        actors.add_organisation(tx, organisation, record=record)
    return OrganisationTold.model_validate(organisation)


@router.get("/users")
def users(_: UsersManage, platform: PlatformHere) -> list[UserListed]:
    with platform.database.reading() as tx:
        found = actors.all_users(tx)
    return [UserListed.of(user) for user in found]


@router.post("/users", status_code=201)
def add_user(actor: UsersManage, platform: PlatformHere, body: UserBody) -> UserCreated:
    """Without a password a one-time password is made and shown once; it must be changed at the first sign-in.

    Officers, auditors and security administrators get their roles afterwards, by ``PUT /users/{login}/roles``.
    """
    one_time = auth.one_time_password() if body.password is None else None
    hashed = auth.hash_password(one_time) if one_time is not None else auth.hash_new_password(body.login, body.password or "")
    roles = frozenset(body.roles)
    user = User(new_id("user"), body.organisation_id, body.login, body.name, roles, must_change_password=one_time is not None)
    names = sorted(str(role) for role in roles)
    record = Entry.by(actor, "user.add", user.id, login=user.login, organisation=user.organisation_id, roles=names)
    with platform.database.transaction() as tx:
        check_roles_at_creation(roles, actors.holders_of(tx, Role.SECURITY_ADMINISTRATOR))
        actors.add_user(tx, user, hashed, record=record)
    return UserCreated(id=user.id, login=user.login, one_time_password=one_time)


@router.put("/users/{login}/roles")
def set_roles(actor: RolesManage, platform: PlatformHere, login: str, body: RolesBody) -> UserTold:
    roles = frozenset(body.roles)
    with platform.database.transaction() as tx:
        user = _known(tx, login)
        before, after = (",".join(sorted(each)) for each in (user.roles, roles))
        record = Entry.by(actor, "user.roles", user.id, before=before, after=after, roles=sorted(roles))
        actors.set_roles(tx, user.id, roles, record=record)
        return UserTold.of(actors.user_by_id(tx, user.id))


@router.put("/users/{login}/disabled")
def set_disabled(actor: UsersManage, platform: PlatformHere, login: str, body: DisabledBody) -> UserListed:
    """A disabled person is signed out everywhere and cannot sign in; roles and records stay. Nobody does it to themselves."""
    with platform.database.transaction() as tx:
        user = _known(tx, login)
        if user.id == actor.user_id:
            raise PolicyRefusal("actors.own_account", login=login)
        action = "user.disable" if body.disabled else "user.enable"
        actors.disable_user(tx, user.id, body.disabled, record=Entry.by(actor, action, user.id, login=login))
        return UserListed.of(actors.user_by_id(tx, user.id))


def _known(tx: Tx, login: str) -> User:
    user = actors.user_by_login(tx, login)
    if user is None:
        raise NotFound("permissions.not_found", what="user", name=login)
    return user

"""Sessions, organisations, users, and the keys people register."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from catalog.actors import OrganisationKind, Role, User
from catalog.store.personal_keys import RegisteredKey
from gateway.schemas import Asked, Id, Login, Password, Told, Words


class SignIn(Asked):
    login: str = Field(max_length=64)
    password: Password = Field(repr=False)


class PasswordChange(Asked):
    old: Password = Field(repr=False)
    new: Password = Field(repr=False)


class UserTold(Told):
    id: str
    login: str
    name: str
    organisation_id: str
    roles: list[str]

    @classmethod
    def of(cls, user: User) -> UserTold:
        return cls(id=user.id, login=user.login, name=user.name, organisation_id=user.organisation_id, roles=sorted(user.roles))


class UserListed(UserTold):
    disabled: bool
    must_change_password: bool

    @classmethod
    def of(cls, user: User) -> UserListed:
        told = UserTold.of(user).model_dump()
        return cls(**told, disabled=user.disabled, must_change_password=user.must_change_password)


class SessionTold(Told):
    token: str = Field(repr=False)
    expires_at: datetime
    user: UserTold
    must_change_password: bool


class WhoAmI(Told):
    user: UserTold
    organisation_kind: OrganisationKind
    must_change_password: bool


class OrganisationBody(Asked):
    id: Id
    kind: OrganisationKind
    name_zh: Words
    name_en: Words


class OrganisationTold(Told):
    id: str
    kind: OrganisationKind
    name_zh: str
    name_en: str


class UserBody(Asked):
    login: Login
    name: Words
    organisation_id: Id
    roles: list[Role] = Field(max_length=8)
    password: Password | None = Field(default=None, repr=False)


class UserCreated(Told):
    id: str
    login: str
    one_time_password: str | None = Field(repr=False)


class RolesBody(Asked):
    roles: list[Role] = Field(max_length=8)


class DisabledBody(Asked):
    disabled: bool


class KeyRegistered(Told):
    key_id: str
    fingerprint: str


class FingerprintBody(Asked):
    fingerprint: str = Field(max_length=64)


class KeyTold(Told):
    key_id: str
    kind: str
    user_id: str | None
    organisation_id: str
    fingerprint: str
    confirmed_at: datetime | None
    confirmed_by: str | None
    revoked_at: datetime | None
    in_force: bool

    @classmethod
    def of(cls, key: RegisteredKey) -> KeyTold:
        return cls.model_validate(key)

"""The one exception tree. Each class carries its exit code and HTTP status; each instance names a message of the catalogue.

GloveboxError
├── Misuse                 exit 2   the caller can put it right
│   ├── BadInput           422      a file, a value or an option is wrong: says what, where, what to do
│   └── NotFound           404      no such thing, or not yours to see
├── Refused                exit 3   a rule says no
│   ├── NotSignedIn        401
│   ├── NotPermitted       403      WHO may act
│   ├── IllegalStep        409      the lifecycle has no such step from here
│   └── PolicyRefusal      409      WHEN it may happen
└── Broken                 exit 1   this machine or this data cannot be relied upon
    ├── JailUnavailable    503      a layer of isolation is missing; nothing runs weaker
    ├── IntegrityBroken    500      bytes are not what was recorded
    └── Unavailable        503      a component does not answer
"""

from __future__ import annotations

from typing import ClassVar

from catalog.messages import Language, render


class GloveboxError(Exception):
    """Base of all errors meant for people. ``code`` names an entry in ``catalog/messages``; ``params`` fill it.

    Params never hold a secret, a row's value or a subject's identifier: they reach logs and answers.
    """

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500

    def __init__(self, code: str, /, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(code)

    def text(self, language: Language = "en") -> str:
        return render(self.code, self.params, language)

    def __str__(self) -> str:
        return self.text("en")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.params))


def _rebuild(cls: type[GloveboxError], code: str, params: dict[str, object]) -> GloveboxError:
    return cls(code, **params)


class Misuse(GloveboxError):
    exit_code = 2
    status = 400


class BadInput(Misuse):
    status = 422


class NotFound(Misuse):
    status = 404


class Refused(GloveboxError):
    exit_code = 3
    status = 403


class NotSignedIn(Refused):
    status = 401


class NotPermitted(Refused):
    status = 403


class IllegalStep(Refused):
    status = 409


class PolicyRefusal(Refused):
    status = 409


class Broken(GloveboxError):
    exit_code = 1
    status = 500


class JailUnavailable(Broken):
    status = 503


class IntegrityBroken(Broken):
    status = 500


class Unavailable(Broken):
    status = 503

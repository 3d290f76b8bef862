"""What the HTTP side needs of the composed platform. ``gateway.composition`` builds it; the routes know only this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from catalog.actors import Actor
from catalog.database import Database
from catalog.settings import Settings


class Platform(Protocol):
    """One composed platform."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def reception_recipient(self) -> str:
        """The public key uploads are sealed to."""
        ...

    def write(self, actor: Actor, kind: str, body: Mapping[str, Any], attachment: bytes | None = None) -> Mapping[str, Any]:
        """Hand one write to the data zone and return its receipt.

        The data zone checks permissions again. A refusal there raises the same GloveboxError here.
        """
        ...

    def trust(self) -> Mapping[str, Any]:
        """The document a bank pins: public keys and the officers in force."""
        ...

    def code(self, actor: Actor, job_id: str) -> bytes:
        """The script of a job, for an approver of its bank or of the operator."""
        ...

    def package(self, actor: Actor, release_id: str) -> bytes:
        """The signed package of a released release, after consent was checked once more."""
        ...

"""The platform's commands as methods, the same words as on the command line. Answers are the platform's JSON, unchanged."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from gateway.client.wire import Wire

YAML, BYTES = "application/yaml", "application/octet-stream"

Json = dict[str, Any]


class GloveboxClient:
    """One method per command. Every method raises the platform's own GloveboxError, or Unavailable when nobody answers."""

    def __init__(self, http: httpx.Client, token: str = "") -> None:
        self._wire = Wire(http, token)

    # Signing in

    def sign_in(self, login: str, password: str) -> Json:
        """{token, expires_at, user, must_change_password}; the token is used from here on."""
        answer: Json = self._wire.json("POST", "/session", {"login": login, "password": password})
        self._wire.token = answer["token"]
        return answer

    def sign_out(self) -> None:
        self._wire.json("DELETE", "/session")
        self._wire.token = ""

    def who_am_i(self) -> Json:
        return self._get("/session")

    def change_password(self, old: str, new: str) -> Json | None:
        """Ends the sessions opened so far. The answer may open a new one, as ``sign_in`` does; then its token is used from here on."""
        answer: Json | None = self._wire.json("POST", "/session/password", {"old": old, "new": new})
        if answer and "token" in answer:
            self._wire.token = answer["token"]
        return answer

    # Organisations and people

    def organisations(self) -> list[Json]:
        return self._list("/organisations")

    def add_organisation(self, organisation: Mapping[str, str]) -> Json:
        """``organisation``: {id, kind, name_zh, name_en}."""
        return self._post("/organisations", dict(organisation))

    def users(self) -> list[Json]:
        return self._list("/users")

    def add_user(self, user: Mapping[str, Any]) -> Json:
        """``user``: {login, name, organisation_id, roles, password?} → {id, login, one_time_password?}."""
        return self._post("/users", dict(user))

    def set_roles(self, login: str, roles: Sequence[str]) -> Any:
        return self._wire.json("PUT", f"/users/{_part(login)}/roles", {"roles": list(roles)})

    def set_disabled(self, login: str, disabled: bool) -> Json:
        answer: Json = self._wire.json("PUT", f"/users/{_part(login)}/disabled", {"disabled": disabled})
        return answer

    # Projects and grants. ``project`` is a name or an id.

    def projects(self) -> list[Json]:
        return self._list("/projects")

    def project(self, project: str) -> Json:
        return self._get(f"/projects/{_part(project)}")

    def add_project(self, body: Mapping[str, Any]) -> Json:
        return self._post("/projects", dict(body))

    def close_project(self, project: str) -> Any:
        return self._wire.json("POST", f"/projects/{_part(project)}/close")

    def grants(self, project: str) -> list[Json]:
        return self._list(f"/projects/{_part(project)}/grants")

    def add_grant(self, project: str, dataset: str, fields: Sequence[str], expires_at: str) -> Json:
        """``fields`` may be ["*"]: all that can be granted."""
        return self._post(f"/projects/{_part(project)}/grants", {"dataset": dataset, "fields": list(fields), "expires_at": expires_at})

    def revoke_grant(self, grant_id: str) -> Any:
        return self._wire.json("DELETE", f"/grants/{_part(grant_id)}")

    # Data: contracts, features, batches, consents, cohorts

    def datasets(self) -> list[Json]:
        return self._list("/datasets")

    def dataset(self, name: str) -> Json:
        return self._get(f"/datasets/{_part(name)}")

    def put_contract(self, name: str, text: bytes) -> Any:
        return self._wire.send("PUT", f"/datasets/{_part(name)}", text, YAML)

    def features(self) -> list[Json]:
        return self._list("/features")

    def put_features(self, text: bytes) -> Any:
        return self._wire.send("PUT", "/features", text, YAML)

    def start_intake(self, dataset: str, file_name: str, sha256: str) -> Json:
        """Only the file's name and hash travel; its bytes lie in the landing folder already."""
        return self._post("/intake", {"dataset": dataset, "file_name": file_name, "sha256": sha256})

    def reception(self) -> str:
        """The age recipient that uploads are sealed to."""
        return str(self._get("/reception")["recipient"])

    def load_consents(self, dataset: str, sealed: bytes) -> Json:
        answer: Json = self._wire.send("POST", f"/consents/{_part(dataset)}", sealed, BYTES)
        return answer

    def upload_cohort(self, project: str, name: str, dataset: str, sealed: bytes) -> Json:
        path = f"/projects/{_part(project)}/cohorts"
        answer: Json = self._wire.send("POST", path, sealed, BYTES, name=name, dataset=dataset)
        return answer

    def cohorts(self, project: str) -> list[Json]:
        return self._list(f"/projects/{_part(project)}/cohorts")

    # Jobs

    def submit(self, project: str, spec: Mapping[str, Any], code: bytes | None = None) -> Json:
        """``spec``: a JobSpec's JSON; ``code``: the script that its hash names."""
        text = None if code is None else base64.b64encode(code).decode("ascii")
        return self._post(f"/projects/{_part(project)}/jobs", {"spec": dict(spec), "code": text})

    def jobs(self, project: str | None = None) -> list[Json]:
        return self._list("/jobs", project=project)

    def job(self, job_id: str) -> Json:
        return self._get(f"/jobs/{_part(job_id)}")

    def job_code(self, job_id: str) -> bytes:
        """The script of a job, for whoever approves it."""
        return self._wire.bytes(f"/jobs/{_part(job_id)}/code")

    def move_job(self, job_id: str, step: str) -> Any:
        """``step``: cancel, approve or refuse."""
        return self._wire.json("POST", f"/jobs/{_part(job_id)}/{_part(step)}")

    # Releases

    def request_release(self, job_id: str, outputs: Sequence[str] | None, reason: str, removal_allowed: bool) -> Json:
        """``outputs``: names of the job's outputs, None for all that may leave."""
        names = None if outputs is None else list(outputs)
        return self._post(f"/jobs/{_part(job_id)}/releases", {"outputs": names, "reason": reason, "removal_allowed": removal_allowed})

    def releases(self) -> list[Json]:
        return self._list("/releases")

    def release(self, release_id: str) -> Json:
        return self._get(f"/releases/{_part(release_id)}")

    def ballot(self, release_id: str) -> Json:
        """The facts an officer signs."""
        return self._get(f"/releases/{_part(release_id)}/ballot")

    def vote(self, release_id: str, vote: Mapping[str, Any], comment: str) -> Any:
        return self._wire.json("POST", f"/releases/{_part(release_id)}/votes", {"vote": dict(vote), "comment": comment})

    def move_release(self, release_id: str, step: str, reason: str | None = None) -> Any:
        """``step``: explain, withdraw or revoke."""
        body = None if reason is None else {"reason": reason}
        return self._wire.json("POST", f"/releases/{_part(release_id)}/{_part(step)}", body)

    def package(self, release_id: str) -> bytes:
        return self._wire.bytes(f"/releases/{_part(release_id)}/package")

    def models(self) -> list[Json]:
        return self._list("/models")

    # Keys, trust, ledger, machine

    def register_key(self, document: Mapping[str, Any]) -> Json:
        return self._post("/keys", dict(document))

    def keys(self) -> list[Json]:
        return self._list("/keys")

    def confirm_key(self, key_id: str, fingerprint: str) -> Any:
        return self._wire.json("POST", f"/keys/{_part(key_id)}/confirm", {"fingerprint": fingerprint})

    def trust(self) -> Json:
        return self._get("/trust")

    def ledger(self, object_name: str | None = None, limit: int = 50) -> list[Json]:
        return self._list("/ledger", object=object_name, limit=limit)

    def verify_ledger(self) -> Json:
        return self._post("/ledger/verify", {})

    def health(self) -> Json:
        return self._get("/health")

    def doctor(self) -> list[Json]:
        return self._list("/doctor")

    def _get(self, path: str) -> Json:
        answer: Json = self._wire.json("GET", path)
        return answer

    def _list(self, path: str, **query: Any) -> list[Json]:
        answer: list[Json] = self._wire.json("GET", path, **query)
        return answer

    def _post(self, path: str, body: Any) -> Json:
        answer: Json = self._wire.json("POST", path, body)
        return answer


def _part(text: str) -> str:
    """One part of a path: a name with a slash in it stays one name."""
    return quote(text, safe="")

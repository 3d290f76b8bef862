"""The platform's refusals arrive as the errors they were there; whatever else comes back is told apart and never trusted."""

import httpx
import pytest

from catalog.errors import BadInput, Broken, IllegalStep, NotFound, NotSignedIn, Unavailable
from catalog.faults import Fault, FaultyInput
from gateway.client.api import GloveboxClient

TOKEN = "t0ken"


def client(answer, seen=None):
    def handle(request):
        if seen is not None:
            seen.append(request)
        return answer(request) if callable(answer) else answer

    return GloveboxClient(httpx.Client(base_url="http://test", transport=httpx.MockTransport(handle)), TOKEN)


def problem(class_, code, status=409, **params):
    return httpx.Response(status, json={"class": class_, "code": code, "params": params, "detail": "what the server says"})


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (problem("NotFound", "permissions.not_found", 404, what="project", name="x"), NotFound, "permissions.not_found"),
        (problem("BadInput", "vote.malformed", 422, field="nonce"), BadInput, "vote.malformed"),
        (problem("IllegalStep", "vote.not_two", needed=2, found=1), IllegalStep, "vote.not_two"),
        (problem("NotSignedIn", "client.not_signed_in", 401), NotSignedIn, "client.not_signed_in"),
        (problem("BadInput", "of.a.newer.platform", 422), BadInput, "client.server_says"),
        (problem("SystemExit", "client.not_signed_in", 500), Broken, "client.unexpected_answer"),
        (httpx.Response(502, text="<html>bad gateway</html>"), Broken, "client.unexpected_answer"),
        (httpx.Response(401, text="no"), NotSignedIn, "client.not_signed_in"),
        (httpx.Response(500, json=["no", "problem"]), Broken, "client.unexpected_answer"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), Broken, "client.unexpected_answer"),
        (httpx.Response(200, text="not json"), Broken, "client.unexpected_answer"),
    ],
)
def test_an_answer_becomes_the_right_error(answer, error, code):
    with pytest.raises(error) as raised:
        client(answer).projects()
    assert raised.value.code == code


def test_the_exit_code_and_the_sentence_come_with_the_class():
    with pytest.raises(IllegalStep) as raised:
        client(problem("IllegalStep", "vote.not_two", needed=2, found=1)).release("release-1")
    assert raised.value.exit_code == 3
    assert "2" in raised.value.text("en")


def test_all_faults_of_a_file_arrive():
    fault = Fault("contracts.one_table", "schema").to_json()
    with pytest.raises(FaultyInput) as raised:
        client(problem("BadInput", "contracts.invalid", 422, faults=[fault], file="a.yaml", count=1)).put_contract("a", b"")
    assert raised.value.faults[0].where == "schema"


def test_nobody_answering_is_said_without_the_address_of_what_was_asked():
    def refuse(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(Unavailable, match="does not answer"):
        client(refuse).projects()


def test_names_stay_one_part_of_the_path():
    seen = []
    client(httpx.Response(200, json={}), seen).project("../users")
    assert seen[0].url.raw_path == b"/api/v1/projects/..%2Fusers"
    assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_sign_in_sends_its_password_in_the_body_only():
    seen = []
    answer = httpx.Response(200, json={"token": "new", "expires_at": "", "user": {}, "must_change_password": False})
    fresh = client(answer, seen)
    fresh.sign_in("ann", "correct horse")
    fresh.who_am_i()
    assert b"correct horse" in seen[0].content
    assert "correct" not in str(seen[0].url)
    assert seen[1].headers["authorization"] == "Bearer new"

"""Does every refusal say what to do, in both languages, and does no failure say what it must not?"""

import asyncio
import logging

import httpx
import pytest

from catalog.errors import BadInput
from gateway.problems import describe, language_of

SECRET = "91350211M0000TXK3Y"


def test_a_problem_carries_both_languages_and_the_class_it_was(signed_in):
    answer = signed_in("ann").get("/projects/none_such")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:glovebox:problem:permissions.not_found",
        "title": "not found",
        "detail": "no project 'none_such'; list yours with `glovebox project list`",
        "detail_zh": "没有名为 'none_such' 的project；请用 `glovebox project list` 查看您的列表",
        "status": 404,
        "code": "permissions.not_found",
        "class": "NotFound",
        "params": {"what": "project", "name": "none_such"},
    }


def test_a_chinese_reader_gets_chinese_first(signed_in):
    answer = signed_in("ann").get("/projects/none_such", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"})
    assert answer.headers["content-language"] == "zh"
    assert list(answer.json())[1:4] == ["title", "detail_zh", "detail"]
    assert answer.json()["title"] == "未找到"


@pytest.mark.parametrize(
    ("header", "language"),
    [(None, "en"), ("zh", "zh"), ("en-GB,zh;q=0.8", "en"), ("fr, zh-TW;q=0.7, en;q=0.3", "zh"), ("zh;q=0", "en"), ("zh;q=x", "en")],
)
def test_the_language_is_the_one_ranked_first(header, language):
    assert language_of(header) == language


def test_a_wrong_request_is_told_where_and_never_with_its_value(anybody):
    answer = anybody.post("/session", json={"login": SECRET * 4, "password": 5, SECRET + " x": 1})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["class"]) == (422, "gateway.request_invalid", "BadInput")
    assert [(f["where"], f["code"]) for f in problem["params"]["faults"]] == [
        ("body.login", "gateway.field_wrong"),
        ("body.password", "gateway.field_wrong"),
        ("body.?", "gateway.field_unknown"),
    ]
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/none/such", b"", 404, "gateway.no_such_path"),
        ("PATCH", "/session", b"", 405, "gateway.no_such_method"),
        ("POST", "/session", b"{", 422, "gateway.request_invalid"),
        ("POST", "/session", b'{"login": "\x80"}', 422, "gateway.unreadable"),
        ("POST", "/session", b"[" * 100_000, 422, "gateway.unreadable"),
    ],
)
def test_what_cannot_be_a_request_is_a_problem_too(anybody, method, path, content, status, code):
    answer = anybody.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_unforeseen_error_tells_a_number_and_nothing_else(app, anybody, platform, caplog):
    @app.get("/api/v1/breaks")
    def breaks():
        raise RuntimeError(SECRET)

    with caplog.at_level(logging.DEBUG):
        answer = anybody.get("/breaks")
    number = answer.json()["params"]["number"]
    assert answer.status_code == 500
    assert answer.json()["code"] == "gateway.unexpected"
    assert SECRET not in answer.text
    assert SECRET not in caplog.text
    assert f"{number}: RuntimeError at" in caplog.text


def test_a_body_over_the_limit_is_refused_before_it_is_read(anybody):
    answer = anybody.post("/session", content=b" " * ((1 << 20) + 1))
    assert (answer.status_code, answer.json()["params"]) == (413, {"limit": 1 << 20})


def test_a_body_that_does_not_say_its_size_is_cut_off_at_the_limit(app):
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 65_536

    async def post():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            return await client.post("/session", content=endless(), headers={"Content-Type": "application/json"})

    answer = asyncio.run(post())
    assert (answer.status_code, answer.json()["code"]) == (413, "gateway.body_too_large")
    assert sent < 20


@pytest.mark.parametrize("path", ["/health", "/none/such", "http://testserver/console/sign-in"])
def test_every_answer_has_the_constant_headers(anybody, path):
    headers = anybody.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_an_error_of_a_subclass_travels_as_the_class_everybody_knows():
    class Odd(BadInput):
        pass

    assert describe(Odd("gateway.body_empty"))["class"] == "BadInput"

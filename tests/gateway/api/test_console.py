"""The console in a browser's terms: forms that no other site can send, pages in both languages, and the same view as the interface's."""

import re

import httpx
import pytest

from gateway.cli.mounting import MountedTransport

PASSWORD = "correct horse battery"
SITE = "http://testserver"


@pytest.fixture
def browser(app):
    with httpx.Client(transport=MountedTransport(app), base_url=SITE) as client:
        yield client


def form_of(page):
    return re.search(r'name="token" value="([0-9a-f]{64})"', page.text)[1]


def open_session(browser, login, password=PASSWORD):
    token = form_of(browser.get("/console/sign-in"))
    return browser.post("/console/sign-in", data={"token": token, "login": login, "password": password})


def test_a_stranger_is_led_to_the_sign_in_page(browser):
    answer = browser.get("/console/releases")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")


def test_the_session_cookie_is_for_this_site_only_and_for_no_script(browser):
    answer = open_session(browser, "cai")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("glovebox_session="))
    assert {"HttpOnly", "SameSite=strict", "Path=/console"} <= set(cookie.split("; "))
    assert browser.get("/console/releases").status_code == 200
    assert browser.get("/api/v1/session").status_code == 401, "a cookie opens pages only"


def test_a_wrong_password_says_what_to_do_and_keeps_the_login(browser):
    answer = open_session(browser, "cai", "not it at all")
    assert answer.status_code == 401
    assert "check both, then try again" in answer.text
    assert 'value="cai"' in answer.text


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_of_another_site_is_refused(browser, token):
    browser.get("/console/sign-in")
    data = {"login": "cai", "password": PASSWORD} | ({} if token is None else {"token": token})
    assert browser.post("/console/sign-in", data=data).status_code == 403
    open_session(browser, "cai")
    assert browser.post("/console/sign-out", data={} if token is None else {"token": token}).status_code == 403
    assert browser.get("/console/releases").status_code == 200


def test_signing_out_ends_the_session(browser):
    open_session(browser, "cai")
    kept = browser.cookies["glovebox_session"]
    browser.post("/console/sign-out", data={"token": form_of(browser.get("/console/releases"))})
    browser.cookies.set("glovebox_session", kept, domain="testserver.local", path="/console")
    assert browser.get("/console/releases").status_code == 303


def test_a_role_that_may_not_see_releases_is_told_so_as_by_the_interface(browser, signed_in):
    open_session(browser, "sam")
    page = browser.get("/console/releases")
    assert page.status_code == signed_in("sam").get("/releases").status_code == 403
    assert "releases_see" in page.text


def test_the_language_follows_the_choice_and_stays(browser):
    assert "登录" in browser.get("/console/sign-in", params={"lang": "zh"}).text
    assert 'lang="zh-CN"' in browser.get("/console/sign-in").text
    assert "Sign in" in browser.get("/console/sign-in", params={"lang": "en"}).text


def test_a_reviewer_sees_the_release_with_its_evidence(browser, things):
    open_session(browser, "cai")
    assert "R-000001" in browser.get("/console/releases").text
    page = browser.get("/console/releases/rel-a").text
    assert "14,210" in page
    assert "each is a bank holiday" in page
    assert page.index("leaves with one class only") < page.index("distinct subjects in the smallest leaf")


def test_its_author_sees_no_evidence(browser, things):
    open_session(browser, "ann")
    page = browser.get("/console/releases/rel-a").text
    assert "leaves with one class only" in page
    assert "14,210" not in page


def test_another_banks_release_looks_like_none(browser, things):
    open_session(browser, "bea")
    foreign, absent = (browser.get(f"/console/releases/{name}") for name in ("rel-a", "rel-z"))
    assert foreign.status_code == absent.status_code == 404
    assert foreign.text.replace("rel-a", "rel-z") == absent.text


def test_text_from_people_is_text(browser, things, platform, actor):
    from sandbox.store import releases

    with platform.database.transaction() as tx:
        releases.note(tx, "rel-a", actor("ann"), "release.checked", {}, reason="<script>alert(1)</script>")
    open_session(browser, "cai")
    page = browser.get("/console/releases/rel-a").text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_pages_load_nothing_from_elsewhere_and_are_small(browser, things):
    open_session(browser, "cai")
    style = browser.get("/console/console.css")
    assert style.headers["content-type"].startswith("text/css")
    for path in ("/console/releases", "/console/releases/rel-a"):
        page = browser.get(path)
        assert len(page.content) + len(style.content) < 150_000
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.text)
        assert "url(" not in style.text

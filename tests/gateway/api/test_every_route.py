"""Does every route say in its signature what it asks of the caller?"""

from fastapi.routing import APIRoute

from catalog.permissions import Permission
from gateway.api.doors import GUARDS

PUBLIC = {
    ("POST", "/api/v1/session"),
    ("GET", "/api/v1/trust"),
    ("GET", "/api/v1/reception"),
    ("GET", "/api/v1/health"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/"),
    ("GET", "/console"),
    ("GET", "/console/console.css"),
    ("GET", "/console/sign-in"),
    ("POST", "/console/sign-in"),
}
OWN_SESSION = {
    ("GET", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/session/password"),
    ("POST", "/console/sign-out"),
}


def routes_of(app):
    """(method, path) → what its own signature asks, one entry per guard."""
    found = {}
    for path, route in flat(app.routes):
        asked = [GUARDS[each.call] for each in route.dependant.dependencies if each.call in GUARDS]
        for method in route.methods:
            found[method, path] = asked
    return found


def flat(routes, prefix=""):
    """(whole path, route) of each route, also of routers within routers. Anything else could have no signature: it fails."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from flat(route.original_router.routes, prefix + route.include_context.prefix)
        else:
            assert isinstance(route, APIRoute), f"{route} is no route with a signature"
            yield prefix + route.path, route


def test_every_route_names_exactly_one_permission_or_is_public(app):
    wrong = {route: asked for route, asked in routes_of(app).items() if len(asked) != 1}
    assert wrong == {}


def test_only_the_routes_listed_here_are_public(app):
    assert {route for route, asked in routes_of(app).items() if asked == [None]} == PUBLIC


def test_only_a_users_own_session_is_open_before_the_password_was_changed(app):
    from gateway.api.doors import own_session
    from gateway.console.visitors import visitor

    open_early = set()
    for path, route in flat(app.routes):
        if any(each.call in (own_session, visitor) for each in route.dependant.dependencies):
            open_early |= {(method, path) for method in route.methods}
    assert open_early == OWN_SESSION


def test_every_permission_of_the_catalogue_guards_some_route(app):
    used = {permission for asked in routes_of(app).values() for permission in asked if permission is not None}
    assert used == set(Permission)


def test_without_a_token_every_other_route_answers_401(app, anybody):
    for (method, path), asked in routes_of(app).items():
        if asked != [None] and path.startswith("/api"):
            answer = anybody.request(method, f"http://testserver{path.replace('{', '').replace('}', '')}")
            assert (answer.status_code, answer.json()["code"]) == (401, "gateway.not_signed_in"), path


def test_openapi_describes_problems_and_needs_no_page_from_elsewhere(anybody):
    document = anybody.get("/openapi.json").json()
    answers = document["paths"]["/api/v1/projects"]["get"]["responses"]
    assert "application/problem+json" in answers["4XX"]["content"]
    assert set(document["components"]["schemas"]["Problem"]["required"]) >= {"code", "detail", "detail_zh"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert {anybody.get(f"http://testserver/{page}").status_code for page in ("docs", "redoc", "openapi.json")} == {404}

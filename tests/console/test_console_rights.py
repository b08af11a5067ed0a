"""Who may see and do what: declared at each route, and nowhere else."""

from fastapi.routing import APIRoute

from bot.console.desk import Gate
from bot.staff import RIGHTS, May, Role
from tests.console.conftest import PEOPLE

OPEN = {"/signin", "/signin/demo", "/signin/elsewhere", "/signin/back", "/static/{name}", "/accessibility"}


def gates(route):
    return [found.call for found in route.dependant.dependencies if isinstance(found.call, Gate)]


def routes(app):
    return [route for route in app.routes if route.path not in OPEN]


def test_every_route_says_who_may_use_it(town):
    assert routes(town.app)
    for route in routes(town.app):
        assert isinstance(route, APIRoute), route.path
        assert len(gates(route)) == 1, f"{route.path} must declare one right"


def test_every_role_gets_in_where_it_may_and_nowhere_else(town):
    for login, roles in PEOPLE.items():
        browser = town.as_(login)
        for route in routes(town.app):
            [gate] = gates(route)
            address = route.path.format_map(dict.fromkeys(route.param_convertors, "nothing"))
            for method in route.methods:
                if "sign" in address:  # that ends the session which the other routes need
                    continue
                answer = browser.ask(method, address, follow=False)
                allowed = any(gate.what in RIGHTS[Role(role)] for role in roles)
                assert (answer.status_code == 403) == (not allowed), (login, method, address, answer.status_code)


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back_to_where_they_were(town):
    stranger = town.browser()
    for route in routes(town.app):
        address = route.path.format_map(dict.fromkeys(route.param_convertors, "nothing"))
        for method in route.methods:
            answer = stranger.ask(method, address, follow=False)
            assert answer.status_code == 303, (method, address)
            assert answer.headers["location"].startswith("/signin")
    assert stranger.get("/campaigns", follow=False).headers["location"] == "/signin?next=/campaigns"


def test_no_role_may_do_everything_and_who_administers_reads_no_conversation():
    assert all(set(rights) != set(May) for rights in RIGHTS.values())
    assert May.SEE_REQUESTS not in RIGHTS[Role.ADMINISTRATOR]
    assert {what for rights in RIGHTS.values() for what in rights} == set(May)

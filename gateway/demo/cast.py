"""Who plays in the demo: organisations, people, projects, keys."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from catalog.actors import GIVEN_BY_SECURITY
from catalog.clock import business_date, now
from gateway.client.personal_keys import create
from gateway.demo.world import World

OPERATOR, MARKET = "operator", "MR"
BANKS = {"bank_a": ("甲银行", "Bank A"), "bank_b": ("乙银行", "Bank B")}
DEPARTMENTS = {
    "MR": ("市场监督管理局", "Market regulation"),
    "TX": ("税务局", "Taxation"),
    "HR": ("人力资源和社会保障厅", "Human resources and social security"),
    "CT": ("高级人民法院", "Courts"),
    "PW": ("电力公司", "Electricity utility"),
    "CR": ("发展和改革委员会", "Development and reform"),
}
SECURITY = "security"  # the first security administrator: made before everybody else, gives officers and the auditor their roles
PEOPLE = {
    "security": ("安全管理员", OPERATOR, ["security_administrator"]),
    "auditor": ("审计员", OPERATOR, ["auditor"]),
    "steward": ("数据管理员", OPERATOR, ["steward"]),
    "officer_wang": ("王〇〇", OPERATOR, ["compliance_officer"]),
    "officer_li": ("李〇〇", MARKET, ["compliance_officer"]),
    "scientist_a": ("甲银行 建模", "bank_a", ["scientist"]),
    "approver_a": ("甲银行 审批", "bank_a", ["bank_approver"]),
    "scientist_b": ("乙银行 建模", "bank_b", ["scientist"]),
    "approver_b": ("乙银行 审批", "bank_b", ["bank_approver"]),
}
PROJECTS: dict[str, dict[str, Any]] = {
    "bank_a": {"name": "bank_a_first_loans", "scenario": "首贷户评分 / first-loan scoring", "members": ["scientist_a"]},
    "bank_b": {"name": "bank_b_credit_lines", "scenario": "授信额度 / credit lines", "members": ["scientist_b"], "code_approval": "none"},
}
PURPOSE = "credit_modelling"
OFFICERS = ("officer_wang", "officer_li")
PASSPHRASE = "a passphrase for a made-up key"  # noqa: S105 — of keys that exist for the demo alone


def onboard(world: World, admin_login: str, admin_password: str) -> None:
    """The first administrator signs in, adds organisations and people; each person signs in and chooses a password."""
    admin = world.sign_in_first(admin_login, admin_password)
    for code, (zh, en) in DEPARTMENTS.items():
        admin.add_organisation({"id": code, "kind": "department", "name_zh": zh, "name_en": en})
    for code, (zh, en) in BANKS.items():
        admin.add_organisation({"id": code, "kind": "bank", "name_zh": zh, "name_en": en})
    for login, (name, organisation, roles) in PEOPLE.items():
        add_person(world, admin_login, login, organisation, roles, name)


def add_person(world: World, admin_login: str, login: str, organisation: str, roles: list[str], name: str = "") -> None:
    """The administrator makes the account; ``SECURITY``, who must come first, gives what an administrator alone may not."""
    later = GIVEN_BY_SECURITY.intersection(roles) if SECURITY in world.people else frozenset()
    at_once = [role for role in roles if role not in later]
    body = {"login": login, "name": name or login, "organisation_id": organisation, "roles": at_once}
    world.sign_in_first(login, world.people[admin_login].add_user(body)["one_time_password"])
    if later:
        world.people[SECURITY].set_roles(login, roles)


def open_projects(world: World) -> None:
    """No project without purpose, legal basis, impact assessment and an end."""
    ends = business_date(now()) + timedelta(days=365)
    for bank, body in PROJECTS.items():
        world.people["security"].add_project(
            {
                "organisation_id": bank,
                "purpose": PURPOSE,
                "legal_basis": "征信业管理条例；省公共信用条例 (regulations on credit reporting)",
                "impact_assessment": f"PIA-{bank}: low residual risk, no row leaves",
                "expires_at": ends.isoformat(),
                "code_approval": "none",
                **body,
            }
        )


def grant_all(world: World, datasets: list[str]) -> int:
    """Every field that may be granted, to both projects. Returns how many grants."""
    ends: date = business_date(now()) + timedelta(days=365)
    count = 0
    for body in PROJECTS.values():
        project = next(p["id"] for p in world.people["security"].projects() if p["name"] == body["name"])
        for dataset in datasets:
            world.people["steward"].add_grant(project, dataset, ["*"], ends.isoformat())
            count += 1
    return count


def exchange_keys(world: World) -> None:
    """Officers and banks make keys on their own side; another person confirms each fingerprint that its holder reads out."""
    holders = {**dict.fromkeys(OFFICERS, "officer"), "approver_a": "bank", "approver_b": "bank"}
    for login, kind in holders.items():
        key = create(world.scratch / f"{login}.key.json", kind, PASSPHRASE, login)
        world.keys[login] = key
        document = key.public_document()
        known = world.people[login].register_key(document)
        confirms = OFFICERS[0] if kind == "bank" else "security"
        world.people[confirms].confirm_key(known["key_id"], document["fingerprint"])

"""Checking contracts on a department's own machine, before anything is sent."""

from pathlib import Path

CONTRACTS = Path(__file__).parents[3] / "examples" / "province" / "contracts"


def test_a_good_contract_is_in_order(terminal):
    ended = terminal("contract", "check", *sorted(CONTRACTS.glob("*.yaml")))
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.out.splitlines()) == len(list(CONTRACTS.glob("*.yaml")))


def test_every_fault_of_a_bad_one_is_named_with_its_place(terminal, tmp_path):
    bad = tmp_path / "tx_vat_declaration.yaml"
    bad.write_text((CONTRACTS / "tx_vat_declaration.yaml").read_text("utf-8").replace("v3.1.0", "v2.0.0"), "utf-8")
    ended = terminal("contract", "check", CONTRACTS / "cr_penalty.yaml", bad)
    assert ended.code == 2
    assert "cr_penalty.yaml" in ended.out
    assert "apiVersion" in ended.err


def test_programs_get_a_verdict_per_file(terminal, tmp_path):
    (tmp_path / "broken.yaml").write_text("a: [", "utf-8")
    ended = terminal("contract", "check", tmp_path / "broken.yaml", CONTRACTS / "cr_penalty.yaml", "--json")
    assert [(each["ok"], each.get("code")) for each in ended.json] == [(False, "yaml.malformed"), (True, None)]

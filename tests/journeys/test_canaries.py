"""Marked values are followed through the platform: from a department's table and a bank's list to models, bands and packages."""

import csv
import io
import time

import pytest

from catalog.store import datasets
from catalog.topic import Topic


@pytest.fixture(scope="module")
def scored(prepared, front_door, approved):
    """The marked firm is in the training cohort, and in a list that is scored, released and downloaded: (job, package as downloaded)."""
    rows = [row[:3] for row in prepared.lines("bank_a_cohort")]
    assert [row[1] for row in rows if row[0] == front_door.MARKED_ROW] == [prepared.marked]
    cohort, _ = prepared.upload("a", "marked_list", "row_id,uscc,observation_date\n" + "".join(",".join(row) + "\n" for row in rows))
    assert cohort["status"] == "ready", cohort
    job = prepared.run("a", front_door.spec_score(approved["model"]["id"], "marked_list"))
    release = prepared.request("a", job["id"])
    assert prepared.approve("a", release["id"])["state"] == "released"
    return release["id"], prepared.client("scientist_a").package(release["id"])


@pytest.fixture(scope="module")
def marks(prepared, front_door):
    """Of one firm: its credit code, its name, its representative's name and resident number, the bank's row id."""
    register = csv.DictReader(io.StringIO(prepared.paths["mr_enterprise_base"].read_bytes().decode("gb18030")))
    row = next(row for row in register if row["统一社会信用代码"] == prepared.marked)
    assert (row["企业名称"], row["法定代表人姓名"]) == (front_door.MARKED_NAME, front_door.MARKED_PERSON)
    return prepared.marked, front_door.MARKED_NAME, front_door.MARKED_PERSON, row["法定代表人证件号"], front_door.MARKED_ROW


def test_the_search_finds_what_is_there(prepared, front_door, marks):
    """Control: the landing folder, left out below, holds the department's table in its own encoding; and a planted file is found."""
    found = prepared.found_in_clear(*marks, outside=())
    assert set(found) == set(marks[:4])
    assert all("/landing/" in path for paths in found.values() for path in paths)
    planted = prepared.world.home / "vault" / "planted"
    planted.write_bytes(b"\0\1" + front_door.MARKED_ROW.encode())
    try:
        assert prepared.found_in_clear(*marks) == {front_door.MARKED_ROW: [str(planted)]}
    finally:
        planted.unlink()


def test_the_marked_row_really_went_all_the_way(prepared, front_door, scored):
    """Else finding nothing would say nothing."""
    verified = prepared.collect("a", scored[0])
    assert f"\n{front_door.MARKED_ROW},".encode() in verified.files["scores.csv"]


def test_no_identifier_name_or_row_id_lies_in_clear_anywhere_outside_landing(prepared, scored, marks):
    """Metadata and ledger, logs of server, supervisor and Ray, topic files, vault, store, mailbox, quarantine, keys, memory folder."""
    assert {path.name for path in prepared.world.home.iterdir()} >= {"glovebox.db", "server.log", "topic", "vault", "store", "mailbox"}
    assert any(path.suffix == ".log" for path in prepared.other_folders()[0].rglob("*"))
    assert prepared.found_in_clear(*marks) == {}


def test_packages_are_sealed(scored, marks):
    assert not [mark for mark in marks if mark.encode() in scored[1]]


def test_topic_tables_hold_no_identifier(prepared, marks):
    """Read through the table format itself, not only as files. A resident number is there as a pseudonym."""
    services = prepared.inside()
    topic = Topic(services.settings.topic_catalogue, services.settings.topic_dir)
    with services.database.reading() as tx:
        snapshot = datasets.latest_snapshot(tx, "mr_enterprise_base")
    services.database.close()
    rows = topic.scan("mr_enterprise_base", snapshot.table_snapshot, None)
    assert rows.num_rows > 3_000
    assert not {"uscc", "ent_name", "reg_no", "legal_rep_name", "address"} & set(rows.column_names)
    assert not [mark for mark in marks if mark in str(rows.to_pylist())]


SLEEPER = b"""
import pathlib, shutil, time
shutil.copy("/in/rows.arrow", "/out/m.json")
time.sleep(6)
"""


def test_while_a_job_runs_its_inputs_name_nobody(prepared, front_door, marks):
    """The job's memory folder and its own /out hold features and labels: no identifier, no row id, no pseudonym."""
    started = prepared.start("a", front_door.spec_script("bank_a_cohort", {"m.json": ("metrics", "inside")}), SLEEPER)
    services = prepared.inside()
    services.database.close()
    rows = services.settings.tmpfs_dir / f"{started}.1" / "rows.arrow"
    while prepared.client("auditor").job(started)["status"] not in ("running", "failed", "succeeded"):
        time.sleep(0.05)
    content = rows.read_bytes()
    assert b"sales_12m" in content
    assert b"topic_id" not in content
    assert b"row_id" not in content
    assert prepared.found_in_clear(*marks) == {}
    assert rows.parent.stat().st_mode & 0o077 == 0
    assert prepared.world.wait_for_job("scientist_a", started)["status"] == "succeeded"
    assert not rows.parent.exists()

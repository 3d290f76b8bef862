"""The demo's story, from a raw table to a verified score list, and what is stopped on the way."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from catalog.errors import BadInput
from gateway.client.api import Json
from gateway.client.ledger_file import verify_file
from gateway.composition import build_worker
from gateway.demo import acts
from gateway.demo.cast import BANKS, exchange_keys, grant_all, onboard, open_projects
from gateway.demo.stage import Stage
from gateway.demo.world import World, open_world
from jobs.spec import JobSpec
from sandbox.store import artefacts

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "province"
COHORT_FLOOR = 1000
SEED = 7
REASON = "Agreed with the risk department: features are coarse aggregates, the membership figure is near its limit and stable."


def tell(home: Path, firms: int, stage: Stage, port: int) -> World:
    """The whole story. The returned world's server is still running."""
    if not EXAMPLES.is_dir():
        raise BadInput("demo.no_examples")
    sys.path.insert(0, str(EXAMPLES.parents[1]))  # the repository's root: examples are no installed package
    from examples.province.generate import make_province, write_province

    stage.chapter("1  A synthetic province (every firm is made up; its codes lie in an unassigned division)")
    province = make_province(firms, SEED)
    paths = write_province(province, _fresh(home.parent / "demo-province"))
    registered = frozenset(province.tables[acts.REGISTER]["uscc"].to_list())
    stage.line("firms, six departments' tables, injected faults", f"{firms:,} firms")
    stage.figures["firms"] = firms
    world, login, password = open_world(home, "glovebox-demo", min(COHORT_FLOOR, firms // 20), port)
    try:
        _tell(world, stage, paths, registered, login, password)
    except BaseException:
        world.stop()
        raise
    return world


def _tell(world: World, stage: Stage, paths: Mapping[str, Path], registered: frozenset[str], login: str, password: str) -> None:
    stage.line("platform started: gateway, supervisor, Ray workers", world.address)
    onboard(world, login, password)
    datasets = acts.take_in(world, stage, EXAMPLES, paths)
    _two_banks(world, stage, paths, datasets)
    trust = world.scratch / "trust.json"
    trust.write_text(json.dumps(world.visitor().trust()))
    models = _bank_a_models(world, stage, trust)
    scores = _bank_a_scores(world, stage, paths, trust, models)
    stage.figures["consent_excluded"] = _unconsented(paths, scores, registered)
    _bank_b(world, stage)
    _ledger(world, stage, trust)
    states = Counter(release["state"] for release in world.people["auditor"].releases())
    stage.figures |= {"releases_approved": states["released"], "releases_blocked": states["blocked"]}
    stage.figures["jobs_succeeded"] = Counter(world.ended.values())["succeeded"]


def _two_banks(world: World, stage: Stage, paths: Mapping[str, Path], datasets: list[str]) -> None:
    stage.chapter("2  Two banks: projects, grants, keys, consents, cohorts")
    open_projects(world)
    stage.line("two banks onboarded, a project each: purpose, legal basis, impact assessment, expiry", f"{len(BANKS)} projects")
    stage.line("fields granted by the departments' steward", f"{grant_all(world, datasets)} grants")
    exchange_keys(world)
    stage.line("officers and banks made keys on their side; fingerprints confirmed", f"{len(world.keys)} keys")
    loaded = acts.load_consents(world, paths["consents"])
    stage.line("consents loaded, as pseudonyms", f"{loaded['granted']:,}")
    cohort = acts.upload(world, stage, "bank_a", "bank_a_cohort", paths["bank_a_cohort"])
    acts.upload(world, stage, "bank_b", "bank_b_cohort", paths["bank_b_cohort"])
    acts.cannot_see(world, stage, cohort)


def _bank_a_models(world: World, stage: Stage, trust: Path) -> list[Json]:
    stage.chapter("3  Bank A trains two models it can read, on rows it cannot see")
    ended = acts.finish(world, stage, "bank_a", acts.submit(world, "bank_a", EXAMPLES / "bank_a" / "glovebox.yaml"))
    for step, job in ended.items():
        release = acts.request(world, "bank_a", job["id"], REASON)
        counts = Counter(finding["verdict"] for finding in release["findings"])
        stage.line(
            f"{step} checked in two jails and trained again",
            f"{counts['pass']} pass, {counts['review']} to review, {counts['block']} block",
        )
        acts.approve(world, stage, "bank_a", release["id"])
        verified = acts.collect(world, "bank_a", release["id"], trust)
        report = acts.read_report(verified)
        stage.line(
            f"{step} downloaded, verified offline, read",
            f"AUC {report['auc']['test']:.3f}, KS {report['ks']:.3f} ({report['evaluated_on']})",
        )
        stage.figures[f"auc_{step}"] = report["auc"]["test"]
    return world.people["scientist_a"].models()


def _bank_a_scores(world: World, stage: Stage, paths: Mapping[str, Path], trust: Path, models: list[Json]) -> dict[str, int]:
    stage.chapter("4  Bank A scores a list: bands for its own row ids, nothing else")
    acts.upload(world, stage, "bank_a", "bank_a_score_list", paths["bank_a_score_list"])
    model = next(m for m in models if m["name"] == "train_trees")
    spec = JobSpec("score", "score", inputs={"model": model["id"], "cohort": "bank_a_score_list"})
    job = world.people["scientist_a"].submit("bank_a_first_loans", spec.to_json())
    ended = acts.finish(world, stage, "bank_a", {"score": job["id"]})
    release = acts.request(world, "bank_a", ended["score"]["id"], REASON)
    acts.vote(world, "officer_wang", release["id"])
    withdrawn = acts.load_consents(world, paths["withdrawal"])
    stage.line("one firm withdraws its consent after the first vote", f"{withdrawn['withdrawn']} consent ended")
    acts.vote(world, "officer_li", release["id"])
    world.wait_for_release("scientist_a", release["id"], "one_review", "reviewed", "approved", "signing")
    scores = acts.read_scores(acts.collect(world, "bank_a", release["id"], trust))
    listed = _row_ids(paths["bank_a_score_list"])
    gone = _row_of_withdrawn(paths)
    if gone in scores:
        raise AssertionError("the withdrawn firm's row left the box")
    bands = len(set(scores.values()))
    stage.line("packaged, verified offline: bands for the bank's own row ids", f"{len(scores):,} of {len(listed):,} rows in {bands} bands")
    stage.line("left out, all alike: strangers, unconsented, the one withdrawn", f"{len(listed) - len(scores):,} rows")
    stage.figures |= {"firms_scored": len(scores), "bands": bands}
    return scores


def _bank_b(world: World, stage: Stage) -> None:
    stage.chapter("5  Bank B tries what no bank should")
    ended = acts.finish(world, stage, "bank_b", acts.submit(world, "bank_b", EXAMPLES / "bank_b" / "glovebox.yaml"))
    release = acts.request(world, "bank_b", ended["overfit"]["id"], REASON)
    blocks = sorted({f["check"] for f in release["findings"] if f["verdict"] == "block"})
    if release["state"] != "blocked":
        raise AssertionError(f"the overfit model is {release['state']}")
    stage.stopped("the overfit model is blocked by the gate", ", ".join(blocks))
    reached = _reached(world, ended["probe"]["id"])
    if any(reached.values()):
        raise AssertionError(f"the probe reached {reached}")
    stage.stopped("its script looked for network, names, keys, scheduler, environment", f"reached {sum(reached.values())}")
    stage.figures |= {"jobs_stopped": int(sum(reached.values()) == 0), "probe_reached": sum(reached.values())}


def _ledger(world: World, stage: Stage, trust: Path) -> None:
    stage.chapter("6  The ledger")
    report = world.people["auditor"].verify_ledger()
    stage.line(
        "`glovebox ledger verify`",
        f"{report['records']:,} records, {report['checkpoints']} checkpoints, {'ok' if report['ok'] else 'BROKEN'}",
    )
    copy = world.scratch / "ledger-copy.db"
    with closing(sqlite3.connect(world.home / "glovebox.db")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    record = _change_one_byte(copy, report["records"] // 2)
    problems = verify_file(copy, trust)["problems"]
    named = sorted({p["record"] for p in problems if p["record"] is not None})
    stage.stopped(f"one byte of record {record} in a copy is changed; verification names", f"record {named[0] if named else 'none'}")
    stage.figures |= {
        "ledger_ok": bool(report["ok"]),
        "ledger_records": report["records"],
        "tamper_found": bool(named) and named[0] == record,
    }


def _change_one_byte(database: Path, seq: int) -> int:
    with closing(sqlite3.connect(database)) as changed:
        (canonical,) = changed.execute("SELECT canonical FROM ledger_records WHERE seq = ?", (seq,)).fetchone()
        middle = len(canonical) // 2
        altered = canonical[:middle] + bytes([canonical[middle] ^ 1]) + canonical[middle + 1 :]
        changed.execute("UPDATE ledger_records SET canonical = ? WHERE seq = ?", (altered, seq))
        changed.commit()
    return seq


def _reached(world: World, job_id: str) -> dict[str, int]:
    """The probe's own counts. They stay inside: read here as this machine's administrator can, from the sealed vault."""
    services = build_worker(world.home)
    with services.database.reading() as tx:
        found = next(a for a in artefacts.artefacts_of(tx, job_id) if a.name == "metrics")
    counts: dict[str, int] = json.loads(services.vault.get(found.project_id, found.ref))["metrics"]
    services.database.close()
    return counts


def _row_ids(path: Path) -> list[str]:
    return [line.split(",", 1)[0] for line in path.read_text("utf-8").splitlines()[1:]]


def _rows_by_code(path: Path) -> dict[str, str]:
    return {line.split(",")[1]: line.split(",")[0] for line in path.read_text("utf-8").splitlines()[1:]}


def _row_of_withdrawn(paths: Mapping[str, Path]) -> str:
    code = paths["withdrawal"].read_text("utf-8").splitlines()[1].split(",")[0]
    return _rows_by_code(paths["bank_a_score_list"])[code]


def _unconsented(paths: Mapping[str, Path], scores: Mapping[str, int], registered: frozenset[str]) -> int:
    """Known from the made-up files only: how many registered firms were left out for want of consent. The platform never says."""
    consented = {line.split(",")[0] for line in paths["consents"].read_text("utf-8").splitlines()[1:] if ",bank_a," in line}
    withdrawn = paths["withdrawal"].read_text("utf-8").splitlines()[1].split(",")[0]
    listed = _rows_by_code(paths["bank_a_score_list"])
    return sum(
        1 for code, row in listed.items() if code in registered and row not in scores and (code not in consented or code == withdrawn)
    )


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return folder

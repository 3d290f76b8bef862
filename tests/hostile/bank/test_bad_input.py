"""What a bank may send that is wrong: each gets one clear answer, nothing breaks, nothing half-written stays."""

import base64
import json
import sqlite3
from contextlib import closing

import pytest

from catalog.errors import BadInput, GloveboxError
from catalog.keys import sealing
from catalog.messages import catalogue
from gateway.demo.acts import REGISTER
from jobs.spec import parse_project_file
from sandbox.store import artefacts, cohorts

HEADER = "row_id,uscc,observation_date,label\n"


def good_rows(prepared):
    return [",".join(row) for row in prepared.lines("bank_b_cohort")]


def swapped(rows, at, change):
    """The rows with one of them changed, cell by cell."""
    cells = rows[at].split(",")
    change(cells)
    return HEADER + "\n".join([*rows[:at], ",".join(cells), *rows[at + 1 :]]) + "\n"


def wrong_check(cells):
    cells[1] = cells[1][:17] + ("A" if cells[1][17] != "A" else "B")


FILES = {
    "not_utf8": ("cohort.not_utf8", lambda rows: HEADER.encode() + b"\xd6\xd0\xce\xc4,x,2025-01-01,0\n"),
    "utf16": ("cohort.not_utf8", lambda rows: (HEADER + "\n".join(rows)).encode("utf-16")),
    "missing_column": ("cohort.header", lambda rows: "row_id,uscc,label\nB1,x,0\n"),
    "extra_column": ("cohort.header", lambda rows: HEADER.replace("label", "label,phone") + "B1,x,2025-01-01,0,1\n"),
    "empty_inside": ("cohort.header", lambda rows: ""),
    "header_only": ("cohort.empty", lambda rows: HEADER),
    "zeros": ("cohort.header", lambda rows: b"\0" * 5000),
    "duplicate_ids": ("cohort.invalid", lambda rows: HEADER + "\n".join([*rows, rows[0]])),
    "wrong_check_digit": ("cohort.invalid", lambda rows: swapped(rows, 7, wrong_check)),
    "formula_as_id": ("cohort.invalid", lambda rows: swapped(rows, 7, lambda cells: cells.__setitem__(0, "=HYPERLINK()"))),
    "next_century": ("cohort.invalid", lambda rows: swapped(rows, 7, lambda cells: cells.__setitem__(2, "2125-01-01"))),
    "label_of_three": ("cohort.invalid", lambda rows: swapped(rows, 7, lambda cells: cells.__setitem__(3, "3"))),
    "ragged": ("cohort.invalid", lambda rows: swapped(rows, 7, lambda cells: cells.append("more"))),
    "open_quote": ("cohort.invalid", lambda rows: HEADER + '"' + "\n".join(rows)),
    "below_floor": ("intake.cohort_too_small", lambda rows: HEADER + "\n".join(rows[:20])),
    "other_key": ("keys.not_opened", None),
    "no_age_file": ("keys.not_opened", None),
    "cut_short": ("keys.not_opened", None),
}


@pytest.fixture(scope="module")
def uploaded(prepared):
    """Name → (cohort, job), all ended; they were sent at once."""
    client, project = prepared.client("scientist_b"), "bank_b_credit_lines"
    rows = good_rows(prepared)
    whole = prepared.seal(HEADER + "\n".join(rows))
    sealed = {
        "other_key": sealing.seal_to([sealing.new_identity()[1]], HEADER.encode()),
        "no_age_file": b"garbage" * 500,
        "cut_short": whole[: len(whole) // 2],
    }
    for name, (_, make) in FILES.items():
        if make is not None:
            sealed[name] = prepared.seal(make(rows))
    started = {name: client.upload_cohort(project, name, REGISTER, data) for name, data in sealed.items()}
    jobs = {name: prepared.world.wait_for_job("scientist_b", answer["job_id"]) for name, answer in started.items()}
    told = {c["id"]: c for c in client.cohorts(project)}
    return {name: (told[answer["cohort_id"]], jobs[name]) for name, answer in started.items()}


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_cohort_file_is_refused_once_and_leaves_nothing(prepared, uploaded, name):
    cohort, job = uploaded[name]
    assert (job["status"], job["outcome"], job["why"]["code"]) == ("failed", "policy", FILES[name][0])
    assert (cohort["status"], cohort["why"]["code"], cohort["rows"]) == ("refused", FILES[name][0], None)
    assert not [row for row in good_rows(prepared)[:10] if row.split(",")[1] in json.dumps([cohort, job])]
    services = prepared.inside()
    with services.database.reading() as tx:
        assert cohorts.cohort_by_id(tx, cohort["id"]).matched is None
        assert artefacts.artefacts_of(tx, job["id"]) == []
    services.database.close()


def test_a_refused_cohort_cannot_be_trained_on(prepared, front_door, uploaded):
    with pytest.raises(GloveboxError) as refused:
        prepared.start("b", front_door.spec_train("wrong_check_digit"))
    assert (refused.value.code, refused.value.params["what"]) == ("permissions.not_found", "cohort")


CONSENTS = "identifier,institution,purpose,valid_from,valid_to,action\n"


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("keys.not_opened", None),
        ("consents.column", ""),
        ("consents.empty", CONSENTS),
        ("consents.encoding", b"\xff\xfe\x00\x01"),
        ("consents.faulty", CONSENTS + "91339900,bank_a,credit_modelling,2025-01-01,2036-12-31,grant\n"),
    ],
)
def test_a_wrong_consent_file_changes_no_consent(prepared, code, content):
    sealed = b"not sealed at all" if content is None else prepared.seal(content)
    job = prepared.world.wait_for_job("steward", prepared.client("steward").load_consents(REGISTER, sealed)["job_id"])
    assert (job["status"], job["why"]["code"], job["figures"]) == ("failed", code, {})


# A spec as a hostile client sends it: what is changed in an honest one → status.
ENDED = {"succeeded", "failed", "refused"}
DEEP = [[]]
for _ in range(200):
    DEEP = [DEEP]
SPECS = {
    "an unknown kind": ({"kind": "shell"}, 422),
    "a kind of the platform's own": ({"kind": "check"}, 422),
    "intake": ({"kind": "intake"}, 422),
    "a step that is a path": ({"step": "../../etc"}, 422),
    "a step that is markup": ({"step": "<script>alert(1)</script>"}, 422),
    "a surrogate for a step": ({"step": "\ud800\ud800"}, 422),
    "zero bytes in a step": ({"step": "a\0b"}, 422),
    **{
        f"output path {path!r}": ({"outputs": [{"name": "model", "path": path, "type": "model.trees", "level": "release"}]}, 422)
        for path in ("../model.txt", "/etc/passwd", "a/b.txt", "", ".", "..", "model.txt\n", "CON\0", "x" * 500)
    },
    "an output of the platform's own": ({"outputs": [{"name": "i", "path": "scores.index", "type": "index", "level": "release"}]}, 422),
    "a hundred outputs": ({"outputs": [{"name": f"o{i}", "path": f"o{i}", "type": "metrics", "level": "inside"} for i in range(100)]}, 422),
    "no outputs": ({"outputs": []}, 422),
    **{
        f"resources {resources}": ({"resources": resources}, 422)
        for resources in ({"cpus": 64}, {"memory_mb": 10**9}, {"wall_seconds": 0}, {"disk_mb": -1}, {"cpus": "many"}, {"gpus": 1}, [])
    },
    **{
        f"params {name}={str(value)[:30]}": ({"params": {"algorithm": "lightgbm", name: value}}, 422)
        for name, value in (
            *(("num_leaves", 10**9), ("min_data_in_leaf", -1), ("learning_rate", "fast"), ("objective", "custom")),
            *(("forcedsplits_filename", "/etc/passwd"), ("num_iterations", [1]), ("lambda_l2", 2**60), ("learning_rate", True)),
        )
    },
    "no algorithm": ({"params": {}}, 422),
    "an algorithm that is a list": ({"params": {"algorithm": ["lightgbm"]}}, 422),
    "ten thousand features": ({"inputs": {"cohort": "bank_b_cohort", "features": [f"f{i}" for i in range(10_000)]}}, 422),
    "one feature twice": ({"inputs": {"cohort": "bank_b_cohort", "features": ["sales_12m", "sales_12m"]}}, 422),
    "features that are mappings": ({"inputs": {"cohort": "bank_b_cohort", "features": [{}]}}, 422),
    "an undeclared feature": ({"inputs": {"cohort": "bank_b_cohort", "features": ["nothing_like_it"]}}, 404),
    "an identifier for a feature": ({"inputs": {"cohort": "bank_b_cohort", "features": ["uscc"]}}, 409),
    "a cohort that is a list": ({"inputs": {"cohort": ["bank_b_cohort"], "features": ["sales_12m"]}}, 422),
    "one more input": ({"inputs": {"cohort": "bank_b_cohort", "features": ["sales_12m"], "path": "/"}}, 422),
    "all rows for the test": ({"split": {"test_share": 2}}, 422),
    "a split by an identifier": ({"split": {"field": "uscc", "train_to": 1}}, 404),
    "a deep split": ({"split": {"test_share": DEEP}}, 422),
    "a number beyond JSON's": ({"params": {"algorithm": "lightgbm", "lambda_l2": 2**53 + 1}}, 422),
    "an unknown key": ({"image": "docker.io/anything"}, 422),
}


def check_one_clear_answer(answer, status=None):
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])
    assert status in (None, answer.status_code)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] in catalogue()
    assert problem["detail"]
    assert problem["detail_zh"]


@pytest.mark.parametrize("case", SPECS)
def test_a_spec_that_may_not_run_is_refused_with_one_reason_and_never_starts(prepared, front_door, case):
    changes, status = SPECS[case]
    body = {"spec": {**front_door.spec_train("bank_b_cohort").to_json(), **changes}, "code": None}
    with prepared.http("scientist_b") as http:
        answer = http.post("/projects/bank_b_credit_lines/jobs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    check_one_clear_answer(answer, status)
    assert {job["status"] for job in prepared.client("scientist_b").jobs()} <= ENDED


def test_a_score_job_cannot_name_what_the_platform_writes(prepared, front_door, approved):
    """Else a list could be passed off as the platform's own index of whose row is whose."""
    spec = front_door.spec_score(approved["model"]["id"], "bank_a_cohort").to_json()
    spec["outputs"] = [{"name": "scores.index", "path": "scores.csv", "type": "scores", "level": "release"}]
    with pytest.raises(BadInput) as refused:
        prepared.client("scientist_a").submit("bank_a_first_loans", spec)
    assert refused.value.code == "score.params"


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nproject: p\nsteps: {fit: {kind: train, outputs: {m: {path: ../m, type: t}}}}",
        "version: 1\nproject: p\nsteps: {fit: {kind: train, resources: {cpus: 10000}}}",
        "version: 1\nproject: p\nsteps: {../fit: {kind: train}}",
        "version: 1\nproject: p\nsteps: {a: {kind: train, needs: [b]}, b: {kind: train, needs: [a]}}",
        "version: 1\nproject: p\nsteps: {a: {kind: !!python/object/apply:os.system [id]}}",
        "a: &a [1]\nb: &b [*a,*a]\nc: &c [*b,*b]\nversion: 1",
        "version: 1\nversion: 1\nproject: p\nsteps: {a: {kind: train}}",
        "[" * 50_000,
        "version: 2",
        "\0",
        "",
        "x" * 300_000,
    ],
    ids=lambda text: text[:40].replace("\n", " ").strip("\0") or "empty",
)
def test_a_project_file_that_is_wrong_says_so_on_the_banks_side(text):
    with pytest.raises(BadInput) as refused:
        parse_project_file(text)
    assert refused.value.text("en")


BODIES = {
    "no JSON": b"{",
    "nothing": b"",
    "a number": b"1",
    "a hundred thousand brackets": b'{"spec": ' + b"[" * 100_000,
    "closed brackets": b'{"spec": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "not UTF-8": b'{"spec": "\xff"}',
    "an endless number": b'{"spec": {"kind": "train", "step": "fit", "params": {"a": 1e999}}}',
    "a huge integer": b'{"spec": {"kind": "train", "step": "fit", "params": {"a": ' + b"9" * 5_000 + b"}}}",
    "not a number": b'{"spec": {"kind": "train", "step": "fit", "params": {"a": NaN}}}',
    "a lone surrogate": b'{"spec": {"kind": "train", "step": "fit", "params": {"a": "\\ud800"}}}',
    "a million keys": b'{"spec": {"kind": "train", "step": "fit", "params": {' + b",".join(b'"k%d":1' % i for i in range(100_000)) + b"}}}",
    "four mebibytes": b" " * (4 << 20),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_none_is_refused(prepared, case):
    with prepared.http("scientist_b") as http:
        check_one_clear_answer(
            http.post("/projects/bank_b_credit_lines/jobs", content=BODIES[case], headers={"Content-Type": "application/json"})
        )


ODD = {"surrogate": "a \ud800 b", "zero byte": "a \0 b"}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", ["reason", "comment", "project", "login", "cohort", "path", "user"])
def test_text_that_no_database_keeps_is_refused_or_absent_and_never_breaks_a_route(prepared, approved, place, odd):
    text = ODD[odd]
    release, job = approved["release"]["id"], approved["job"]["id"]
    project = {"organisation_id": "bank_a", "name": "odd", "purpose": text, "legal_basis": text, "impact_assessment": text}
    project |= {"scenario": text, "expires_at": "2030-01-01", "members": []}
    user = {"login": "odd", "name": text, "organisation_id": "bank_a", "roles": ["scientist"]}
    login, method, path, body = {
        "reason": ("scientist_a", "POST", f"/jobs/{job}/releases", {"outputs": [text], "reason": text}),
        "comment": ("officer_wang", "POST", f"/releases/{release}/votes", {"vote": {}, "comment": text}),
        "project": ("security", "POST", "/projects", project),
        "login": (None, "POST", "/session", {"login": text, "password": text}),
        "cohort": ("scientist_b", "POST", "/projects/bank_b_credit_lines/cohorts?name=%00&dataset=%ED%A0%80", None),
        "path": ("scientist_b", "GET", "/jobs/%00%ED%A0%80", None),
        "user": ("admin", "POST", "/users", user),
    }[place]
    with prepared.http(login) as http:
        content = b"x" if body is None else json.dumps(body).encode()
        check_one_clear_answer(http.request(method, path, content=content, headers={"Content-Type": "application/json"}))


def test_code_that_is_too_large_missing_or_no_base64_is_refused(prepared, front_door):
    spec = front_door.spec_script("bank_b_cohort", {"m.json": ("metrics", "inside")}).to_json()
    with prepared.http("scientist_b") as http:
        for code in (base64.b64encode(b"#" * ((1 << 20) + 1)).decode(), "%%%", "", None):
            check_one_clear_answer(http.post("/projects/bank_b_credit_lines/jobs", json={"spec": spec, "code": code}), 422)


@pytest.mark.parametrize("size", [0, 1])
def test_an_upload_without_content_is_no_cohort(prepared, size):
    with prepared.http("scientist_b") as http:
        before = len(prepared.client("scientist_b").cohorts("bank_b_credit_lines"))
        answer = http.post(f"/projects/bank_b_credit_lines/cohorts?name=hollow&dataset={REGISTER}", content=b"x" * size)
        if size == 0:
            check_one_clear_answer(answer, 422)
            assert len(prepared.client("scientist_b").cohorts("bank_b_credit_lines")) == before
        else:
            job = prepared.world.wait_for_job("scientist_b", answer.json()["job_id"])
            assert job["why"]["code"] == "keys.not_opened"


def test_after_all_that_the_platform_works_and_no_letter_is_stuck(prepared):
    """A handler that breaks would leave its envelope waiting for ever."""
    assert prepared.alive()
    with closing(sqlite3.connect(prepared.world.home / "glovebox.db")) as database:
        (waiting,) = database.execute("SELECT count(*) FROM envelopes WHERE receipt IS NULL").fetchone()
        (received,) = database.execute("SELECT count(*) FROM cohorts WHERE status = 'received'").fetchone()
    assert (waiting, received) == (0, 0)
    assert "stays waiting" not in (prepared.world.home / "server.log").read_text("utf-8", "replace")

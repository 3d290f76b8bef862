"""Hostile releases through the front door: real jobs, real jails, real checks. Each is blocked, and nothing it carried comes out."""

import json
import random
import struct

import pytest

from catalog.errors import GloveboxError

OVERFIT = {
    "algorithm": "lightgbm",
    "num_iterations": 60,
    "num_leaves": 255,
    "max_depth": 16,
    "min_data_in_leaf": 1,
    "learning_rate": 0.1,
    "lambda_l2": 0,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "bagging_freq": 0,
}
DEFAULTS = {**OVERFIT, "num_iterations": 100, "num_leaves": 31, "min_data_in_leaf": 20}


@pytest.mark.parametrize(
    ("number", "params", "blocks", "reviews"),
    [
        (1, OVERFIT, {"smallest_leaf", "membership", "membership_quantile", "declared_leaf"}, {"residual_freedom", "membership_class"}),
        (2, DEFAULTS, {"smallest_leaf", "membership_quantile"}, {"membership_class", "declared_leaf"}),
    ],
)
def test_1_and_2_models_that_learn_firms_by_heart_are_blocked(prepared, front_door, number, params, blocks, reviews):
    """LightGBM's defaults declare 20 rows per leaf; the gate routes the rows itself and finds fewer than ten subjects."""
    job = prepared.run("b", front_door.spec_train("bank_b_cohort", params, step=f"hostile_{number}"))
    release = prepared.request("b", job["id"], ["model"])
    found = {verdict: {f["check"] for f in release["findings"] if f["verdict"] == verdict} for verdict in ("block", "review")}
    assert release["state"] == "blocked"
    assert blocks <= found["block"]
    assert reviews <= found["review"]
    smallest = next(f for f in prepared.client("officer_wang").release(release["id"])["findings"] if f["check"] == "smallest_leaf")
    assert smallest["value"] < 10


# What the bank's script writes: file → (number in the list of hostile releases, checks that must block besides its origin).
FILES = {
    "honest.txt": (0, set()),
    "forged.txt": (6, {"smallest_leaf"}),
    "key_in_tree.txt": (7, {"grammar"}),
    "key_in_header.txt": (7, {"grammar"}),
    "names.txt": (7, {"grammar"}),
    "categories.txt": (7, {"grammar"}),
    "unreachable.txt": (7, {"unreachable_leaf", "smallest_leaf"}),
    "cycle.txt": (8, {"grammar"}),
    "child.txt": (8, {"grammar"}),
    "feature.txt": (8, {"grammar"}),
    "sizes.txt": (8, {"grammar"}),
    "nan.txt": (8, {"grammar"}),
}
SCRIPT = r"""
import json, re
import lightgbm as lgb, numpy as np, pyarrow as pa

CANARY, NUMBER = "@CANARY@", "@NUMBER@"
request = json.load(open("/in/request.json"))
table = pa.ipc.open_file("/in/rows.arrow").read_all()
names = request["features"]
rows = np.column_stack([table.column(name).to_numpy() for name in names]).astype(float)
label = table.column("label").to_numpy()

def trained(rounds, **params):
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1, **params}
    return lgb.train(settings, lgb.Dataset(rows, label, feature_name=names), rounds).model_to_string()

def resized(text):
    sizes = " ".join(str(len(block)) for block in re.findall(r"Tree=\d+\n.*?\n\n\n", text, flags=re.S))
    return re.sub(r"^tree_sizes=.*$", "tree_sizes=" + sizes, text, count=1, flags=re.M)

def changed(pattern, replacement):
    text, count = re.subn(pattern, replacement, honest, count=1, flags=re.M)
    assert count == 1, pattern
    return resized(text)

honest = trained(5, num_leaves=4, min_data_in_leaf=150)
greedy = trained(5, num_leaves=127, min_data_in_leaf=1, min_sum_hessian_in_leaf=0)
forged = re.sub(r"^leaf_count=(.*)$", lambda m: "leaf_count=" + " ".join(["1000"] * len(m[1].split())), greedy, flags=re.M)
edge = repr(float(request["grid"][names[1]][3]))
tree = (
    "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=1 1\n"
    f"threshold={edge} {edge}\ndecision_type=10 10\nleft_child=1 -1\nright_child=-3 -2\n"
    f"leaf_value=-1.5 {NUMBER} -1.2\nis_linear=0\nshrinkage=1\n\n\n"
)
head = honest.split("Tree=0")[0]
files = {
    "honest.txt": honest,
    "forged.txt": resized(forged),
    "key_in_tree.txt": changed(r"^(shrinkage=.*)$", r"\1\nnote=" + CANARY),
    "key_in_header.txt": changed(r"^(label_index=0)$", r"\1\nnote=" + CANARY),
    "names.txt": changed(r"^feature_names=\S+", "feature_names=" + CANARY.lower()),
    "categories.txt": changed(r"^pandas_categorical:.*$", 'pandas_categorical:[["' + CANARY + '"]]'),
    "unreachable.txt": resized(head + tree + "end of trees\n\npandas_categorical:null\n"),
    "cycle.txt": changed(r"^left_child=\S+", "left_child=0"),
    "child.txt": changed(r"^right_child=\S+", "right_child=100000"),
    "feature.txt": changed(r"^split_feature=\S+", "split_feature=1000000"),
    "sizes.txt": re.sub(r"tree_sizes=\d+", "tree_sizes=77", honest),
    "nan.txt": changed(r"^leaf_value=\S+", "leaf_value=nan"),
}
for name, text in files.items():
    open("/out/" + name, "w").write(text)
print(CANARY, NUMBER)
"""
FAILING = b"raise ValueError('@CANARY@')\n"


@pytest.fixture(scope="module")
def canary():
    """A text and a number that stand nowhere else: the number as written and as the eight bytes a file may hold it in."""
    source = random.SystemRandom()
    text = "CANARY_" + "".join(source.choices("ABCDEFGHJKLMNPQRTUWXY0123456789", k=18))
    return text, f"7.{source.randrange(10**11, 10**12)}3"


@pytest.fixture(scope="module")
def released(prepared, front_door, canary):
    """File → the release that asks for it alone; all were written by one job of Bank B's script."""
    code = SCRIPT.replace("@CANARY@", canary[0]).replace("@NUMBER@", canary[1]).encode()
    spec = front_door.spec_script("bank_b_cohort", dict.fromkeys(FILES, ("model.trees", "release")))
    job = prepared.run("b", spec, code)
    assert (job["status"], job["outcome"]) == ("succeeded", "succeeded"), job
    client = prepared.client("scientist_b")
    made = {name: client.request_release(job["id"], [name.replace(".", "_")], front_door.REASON, True)["id"] for name in FILES}
    return {name: prepared.world.wait_for_release("scientist_b", found, "draft", "checking") for name, found in made.items()}


@pytest.mark.parametrize("name", FILES)
def test_6_7_and_8_a_scripts_model_is_blocked_for_what_it_is_and_for_where_it_came_from(prepared, released, name):
    release = released[name]
    blocked = {f["check"] for f in release["findings"] if f["verdict"] == "block"}
    assert release["state"] == "blocked"
    assert {"model_origin"} | FILES[name][1] <= blocked
    assert "check_failed" not in blocked
    assert prepared.alive()


def test_a_well_formed_model_of_a_script_passes_the_grammar_and_is_kept_in_all_the_same(released):
    findings = {f["check"]: f["verdict"] for f in released["honest.txt"]["findings"]}
    assert (findings["grammar"], findings["re_emission"], findings["model_origin"]) == ("pass", "pass", "block")


def test_nobody_can_vote_a_blocked_release_out(prepared, released):
    release = released["forged.txt"]["id"]
    for attempt in (
        lambda: prepared.vote("officer_wang", release),
        lambda: prepared.client("scientist_b").move_release(release, "explain", "please"),
        lambda: prepared.client("scientist_b").move_release(release, "resubmit", "please"),
        lambda: prepared.client("scientist_b").package(release),
    ):
        with pytest.raises(GloveboxError) as refused:
            attempt()
        assert refused.value.status == 409
    assert prepared.client("scientist_b").release(release)["state"] == "blocked"


def test_7_no_byte_of_a_payload_is_found_anywhere_outside_the_sealed_files(prepared, front_door, released, canary):
    """Database and ledger, logs of every process, vault and store as they lie on disk, memory folder, every answer of every route."""
    text, number = canary
    code = FAILING.replace(b"@CANARY@", text.encode())
    job = prepared.run("b", front_door.spec_script("bank_b_cohort", {"model.txt": ("model.trees", "release")}), code)
    assert (job["status"], job["outcome"]) == ("failed", "script_error")
    answers = [job]
    for name, release in released.items():
        answers += [prepared.client(who).release(release["id"]) for who in ("scientist_b", "officer_wang", "officer_li", "auditor")]
        answers += prepared.client("auditor").ledger(release["id"]), problem(prepared, released, name)
    answers += prepared.client("scientist_b").jobs(), prepared.client("auditor").jobs()
    said = json.dumps(answers, ensure_ascii=False).lower()
    assert text.lower() not in said
    assert number not in said
    marks = [text, text.lower(), number, struct.pack("<d", float(number)), struct.pack(">d", float(number))]
    assert prepared.found_in_clear(*marks) == {}


def problem(prepared, released, name):
    """What a refusal says: asking for the package of a blocked release."""
    with prepared.http("scientist_b") as http:
        answer = http.get(f"/releases/{released[name]['id']}/package")
    assert answer.status_code == 409
    return answer.json()

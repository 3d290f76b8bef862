"""glovebox.yaml: what is wrong is said with its place, in the file's own words."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import canonical_json
from catalog.errors import BadInput
from jobs.spec import LARGEST, LARGEST_PROJECT_FILE_BYTES, JobSpec, Resources, parse_project_file

GOOD = """
version: 1
project: sme_loans
steps:
  fit:
    kind: train
    inputs: {cohort: 2024q4, features: [age, paid_12m]}
    params: {algorithm: lightgbm, num_leaves: 15, learning_rate: 0.1}
    split: {test_from: "2024-07"}
    resources: {cpus: 2, memory_mb: 4096}
    outputs:
      model: {path: model.txt, type: model.trees, level: release}
      report: {path: report.json, type: metrics}
  apply:
    kind: score
    needs: [fit]
"""


def step(**body):
    return canonical_json.dumps({"version": 1, "project": "p", "steps": {"fit": {"kind": "train"} | body}}).decode()


def test_a_project_file_reads_as_it_is_written():
    project = parse_project_file(GOOD)
    assert (project.project, list(project.steps)) == ("sme_loans", ["fit", "apply"])
    spec = project.step("fit").spec
    assert (spec.kind, spec.step) == ("train", "fit")
    assert spec.inputs == {"cohort": "2024q4", "features": ["age", "paid_12m"]}
    assert spec.params == {"algorithm": "lightgbm", "num_leaves": 15, "learning_rate": 0.1}
    assert spec.resources == Resources(cpus=2, memory_mb=4096)
    assert [(o.name, o.path, o.type, o.level) for o in spec.outputs] == [
        ("model", "model.txt", "model.trees", "release"),
        ("report", "report.json", "metrics", "inside"),
    ]
    assert project.step("apply").needs == ("fit",)


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("", "spec.wrong_version", "version"),
        ("version: 2", "spec.wrong_version", "version"),
        ("- version: 1", "spec.wrong_version", "version"),
        ("version: 1\nproject: p\nsteps: {}\ncolour: red", "spec.unknown_key", "colour"),
        ("version: 1\nsteps: {fit: {kind: train}}", "spec.wrong_type", "project"),
        ("version: 1\nproject: p", "spec.wrong_type", "steps"),
        ("version: 1\nproject: p\nsteps: []", "spec.wrong_type", "steps"),
        ("version: 1\nproject: p\nsteps: {fit: 1}", "spec.wrong_type", "steps.fit"),
        ("version: 1\nproject: p\nsteps: {fit: {}}", "spec.wrong_type", "steps.fit.kind"),
        ("version: 1\nproject: [\n", "yaml.malformed", "line 3"),
        ("version: 1\nproject: p\nproject: q", "yaml.malformed", "line 3"),
        ("version: 1\nproject: &a p\nsteps: *a", "yaml.malformed", "line 2"),
        ("version: 1\nproject: !!python/object:os.system p", "yaml.malformed", "line 2"),
        ("[" * 5000, "yaml.malformed", "line 1"),
        ("#" * (LARGEST_PROJECT_FILE_BYTES + 1), "spec.too_large", str(LARGEST_PROJECT_FILE_BYTES)),
        (step(colour="red"), "spec.unknown_key", "steps.fit"),
        (step(kind=""), "spec.wrong_type", "steps.fit.kind"),
        (step(kind="k" * 201), "spec.wrong_type", "steps.fit.kind"),
        (step(needs="prepare"), "spec.wrong_type", "steps.fit.needs"),
        (step(needs=[1]), "spec.wrong_type", "steps.fit.needs"),
        (step(needs=["fit"]), "spec.needs_unmet", "fit"),
        (step(needs=["prepare"]), "spec.needs_unmet", "prepare"),
        (step(code=["a.py"]), "spec.wrong_type", "steps.fit.code"),
        (step(inputs=["a"]), "spec.wrong_type", "steps.fit.inputs"),
        (step(params=1), "spec.wrong_type", "steps.fit.params"),
        (step(split="no"), "spec.wrong_type", "steps.fit.split"),
        (step(resources=[]), "spec.wrong_type", "steps.fit.resources"),
        (step(resources={"gpus": 1}), "spec.unknown_key", "steps.fit.resources"),
        (step(resources={"cpus": 0}), "spec.resource_out_of_range", "steps.fit.resources.cpus"),
        (step(resources={"cpus": True}), "spec.resource_out_of_range", "steps.fit.resources.cpus"),
        (step(resources={"cpus": "1"}), "spec.resource_out_of_range", "steps.fit.resources.cpus"),
        (step(resources={"memory_mb": LARGEST.memory_mb + 1}), "spec.resource_out_of_range", str(LARGEST.memory_mb)),
        (step(outputs=[]), "spec.wrong_type", "steps.fit.outputs"),
        (step(outputs={"m": "model.txt"}), "spec.wrong_type", "steps.fit.outputs.m"),
        (step(outputs={"m": {"path": "m.txt"}}), "spec.wrong_type", "steps.fit.outputs.m.type"),
        (step(outputs={"m": {"path": "m.txt", "type": "t", "mode": 1}}), "spec.unknown_key", "steps.fit.outputs.m"),
        (step(outputs={"m": {"path": "m.txt", "type": "t", "level": "public"}}), "spec.wrong_type", "steps.fit.outputs.m.level"),
        (step(outputs={n: {"path": "m.txt", "type": "t"} for n in "ab"}), "spec.output_twice", "steps.fit.outputs"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text, code, names):
    with pytest.raises(BadInput) as refused:
        parse_project_file(text)
    assert refused.value.code == code
    assert names in refused.value.text("en")
    assert names.removeprefix("line ") in refused.value.text("zh")


@pytest.mark.parametrize(
    "path",
    ["../model.txt", "/etc/passwd", "a/b", "", ".hidden", "-rf", "m.tar.gz", "m.", "m\n.txt", "m txt", "模型.txt", "m" * 65, "a\x00b"],
)
def test_an_output_is_a_plain_file_name(path):
    with pytest.raises(BadInput) as refused:
        parse_project_file(step(outputs={"m": {"path": path, "type": "t"}}))
    assert "steps.fit.outputs.m.path" in refused.value.text()


def test_steps_in_a_circle_can_never_start():
    text = "version: 1\nproject: p\nsteps: {aa: {kind: k, needs: [bb]}, bb: {kind: k, needs: [aa]}, cc: {kind: k}}"
    with pytest.raises(BadInput) as refused:
        parse_project_file(text)
    assert refused.value.code == "spec.needs_unmet"


def test_an_unknown_step_is_answered_with_those_there_are():
    with pytest.raises(BadInput) as refused:
        parse_project_file(GOOD).step("train")
    assert "fit, apply" in refused.value.text()


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(BadInput):
        assert parse_project_file(text).steps


@given(st.text(max_size=60))
def test_any_end_of_a_good_file_is_read_or_refused(text):
    with contextlib.suppress(BadInput):
        assert parse_project_file(GOOD + text).steps


def test_a_spec_is_stored_and_read_back_with_the_same_hash():
    spec = parse_project_file(GOOD).step("fit").spec
    again = JobSpec.from_json(canonical_json.loads(canonical_json.dumps(spec.to_json())))
    assert again == spec
    assert again.hash == spec.hash


def test_every_part_of_a_spec_changes_its_hash():
    base = parse_project_file(GOOD).step("fit").spec
    changed = [
        JobSpec(**{f: getattr(base, f) for f in JobSpec.__dataclass_fields__} | change)
        for change in (
            {"kind": "score"},
            {"step": "other"},
            {"inputs": {}},
            {"params": {}},
            {"split": {}},
            {"resources": Resources()},
            {"outputs": ()},
            {"code_sha256": "f" * 64},
        )
    ]
    assert len({spec.hash for spec in (base, *changed)}) == 9

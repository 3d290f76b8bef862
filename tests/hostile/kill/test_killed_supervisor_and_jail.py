"""Kill -9 of the supervisor and of the jail, at each state of the lifecycle in which they are at work."""

import pytest

from examples.province.generate import make_province, write_province

PENALTY = "cr_penalty"
ACTIVE = ("preparing", "running", "collecting")


def test_a_killed_supervisor_leaves_every_job_to_its_successor(world, dispatch, frozen, kill, leaves_nothing):
    """One supervisor after another is killed, each while a job is in another state; the last one finds all three jobs."""
    jobs, groups, below = [], set(), set()
    for state in ACTIVE:
        supervisor = dispatch("local")
        jobs.append(world.train())
        with frozen({jobs[-1]: state}, also=lambda s=supervisor, state=state: state != "running" or bool(s.jailed())):
            groups |= supervisor.control_groups()
            below |= set(supervisor.descendants())
            supervisor.kill()
    assert len(groups) >= 1
    assert len(below) >= 4
    dispatch("local")

    for job in jobs:
        ended = world.finish(job)
        assert (ended.status, ended.attempt) == ("succeeded", 2), ended.why
        assert [a.attempt for a in world.artefacts(job)] == [2, 2]
        assert world.model_hash(job) == world.undisturbed
    leaves_nothing(below, groups)


@pytest.mark.parametrize("victim", ["first process of the jail", "all processes of the jail", "worker"])
def test_a_killed_jail_or_worker_ends_the_job_with_a_code_or_a_new_attempt(world, dispatch, frozen, kill, leaves_nothing, victim):
    supervisor = dispatch("local")
    job = world.train()
    with frozen({job: "running"}, also=supervisor.jailed):
        jailed, groups = supervisor.jailed(), supervisor.control_groups()
        (worker,) = supervisor.children()
        kill(*{"first process of the jail": jailed[:1], "worker": [worker]}.get(victim, jailed))

    ended = world.finish(job)
    if victim == "worker":
        assert (ended.status, ended.attempt) == ("succeeded", 2), ended.why
        assert [a.attempt for a in world.artefacts(job)] == [2, 2]
        assert world.model_hash(job) == world.undisturbed
    else:
        assert (ended.status, ended.attempt) == ("failed", 1)
        assert ended.outcome in ("script_error", "out_of_memory") or ended.why["code"].startswith("jail.")
        assert world.artefacts(job) == []
    leaves_nothing([*jailed, worker], groups)


@pytest.fixture
def delivered(tmp_path):
    """``delivered(seed)``: the department's next delivery, another one for each seed."""
    return lambda seed: write_province(make_province(1500, seed), tmp_path / str(seed))[PENALTY]


@pytest.mark.parametrize(("seed", "moment"), [(8, "the intent is recorded"), (9, "the table format has committed")])
def test_a_killed_intake_publishes_all_or_nothing(world, dispatch, frozen, kill, leaves_nothing, wait_for, delivered, seed, moment):
    """While the test holds our own database, the worker goes on writing the table format's, until it wants to say that it is done."""
    before, topic = world.snapshot(PENALTY), world.platform.services.topic
    supervisor = dispatch("local")
    job = world.intake(PENALTY, delivered(seed), "CR")
    with frozen({job: "running"}, also=world.open_intents):
        if moment == "the table format has committed":
            wait_for(lambda: topic.find_by_tag(PENALTY, job))
        assert world.snapshot(PENALTY) == before
        kill(*supervisor.children())

    ended = world.finish(job)
    assert (ended.status, ended.attempt) == ("succeeded", 2), ended.why
    assert world.open_intents() == []
    published = world.snapshot(PENALTY)
    assert published.id != before.id
    assert topic.scan(PENALTY, published.table_snapshot, ["topic_id"]).num_rows == ended.figures["rows_published"]
    leaves_nothing()


def test_an_intake_killed_too_often_leaves_the_previous_snapshot(world, dispatch, frozen, kill, leaves_nothing, wait_for, delivered):
    before = world.snapshot(PENALTY)
    supervisor = dispatch("local")
    job = world.intake(PENALTY, delivered(10), "CR")
    for attempt in (1, 2, 3):
        with frozen({job: "running"}, attempt, also=world.open_intents):
            kill(*supervisor.children())
    ended = world.finish(job)
    assert (ended.status, ended.why["code"]) == ("failed", "jobs.lost_too_often")

    supervisor.kill()  # the next one puts right what is left, at its start
    dispatch("local")
    wait_for(lambda: not world.open_intents())
    assert world.snapshot(PENALTY) == before
    leaves_nothing()

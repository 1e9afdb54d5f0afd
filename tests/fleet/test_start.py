"""Who a process is, from what each platform sets."""

import pytest

from purifax.fleet import start
from purifax.fleet.start import Start, decide

SLURM = {
    "SLURM_JOB_ID": "812",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NODELIST": "node[01-04]",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "0",
}
OPEN_MPI = {
    "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1:34911",
    "OMPI_COMM_WORLD_SIZE": "2",
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
}
POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "5"}
TPU = {
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    "JOB_COMPLETION_INDEX": "1",
    "TPU_WORKER_ID": "1",
    "TPU_WORKER_HOSTNAMES": "t-0.svc,t-1.svc",
}
OURS = {
    "PURIFAX_PROCESS_ID": "2",
    "PURIFAX_NUM_PROCESSES": "3",
    "PURIFAX_COORDINATOR": "here:29517",
}


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, Start()),
        (SLURM, Start("slurm", 3, 4)),
        (OPEN_MPI, Start("open_mpi", 1, 2)),
        (POD | {"PURIFAX_NUM_PROCESSES": "8"}, Start("kubernetes", 5, 8)),
        (TPU, Start("tpu", 1, 2)),
        (OURS, Start("arguments", 2, 3, "here:29517")),
        (SLURM | OPEN_MPI | OURS, Start("arguments", 2, 3, "here:29517")),
        (SLURM | OPEN_MPI, Start("slurm", 3, 4)),
    ],
    ids=["none", "slurm", "mpi", "pod", "tpu", "ours", "ours first", "slurm first"],
)
def test_each_platform_is_recognised(environment, found):
    assert decide(environment) == found
    assert decide(environment, "off") == Start()


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"},
        SLURM | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},
        {"TPU_WORKER_ID": "0", "TPU_WORKER_HOSTNAMES": "localhost"},
        TPU | {"TPU_WORKER_HOSTNAMES": "t-0.svc", "TPU_WORKER_ID": "0"},
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
    ],
    ids=["batch script", "one task", "one TPU host", "TPU pod alone", "plain pod"],
)
def test_what_is_alone_waits_for_nobody(environment):
    assert decide(environment) == Start()


def test_arguments_come_before_the_environment():
    found = decide(OURS | SLURM, "on", "there:1", 9, 8)
    assert found == Start("arguments", 8, 9, "there:1")
    assert decide(OURS, process=1) == Start("arguments", 1, 3, "here:29517")


@pytest.mark.parametrize(
    ("environment", "mode", "words"),
    [
        ({}, "on", "No platform was recognised"),
        ({}, "maybe", "one of auto, on, off; got 'maybe'"),
        (POD, "auto", "PURIFAX_NUM_PROCESSES to its completions"),
        ({"PURIFAX_NUM_PROCESSES": "3"}, "auto", "which one this is is missing"),
        ({"PURIFAX_PROCESS_ID": "3"}, "auto", "how many is missing"),
        (OURS | {"PURIFAX_PROCESS_ID": "3"}, "auto", "process 3 of 3"),
        (OURS | {"PURIFAX_PROCESS_ID": "x"}, "auto", "must be a number; it is 'x'"),
    ],
)
def test_half_an_answer_is_refused(environment, mode, words):
    with pytest.raises(ValueError, match=words):
        decide(environment, mode)


@pytest.fixture
def runtime(monkeypatch):
    """Records how jax's own runtime would be started."""
    calls = []
    for name in ("PURIFAX_PROCESS_ID", *SLURM, *OPEN_MPI, *TPU, *OURS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        start.jax.distributed, "initialize", lambda *given: calls.append(given)
    )
    monkeypatch.setattr(start.jax.config, "update", lambda *given: calls.append(given))
    return calls


def test_one_process_starts_nothing(runtime):
    assert start.start() == Start()
    assert start.start("off", "here:1", 4, 2) == Start()
    assert runtime == []


def test_several_survive_each_other(runtime):
    assert start.start(coordinator="here:1", processes=4, process=2).process == 2
    assert runtime == [("jax_enable_recoverability", True), ("here:1", 4, 2)]


def test_those_that_need_each_other_end_together(runtime):
    start.start(coordinator="here:1", processes=4, process=2, outlive=False)
    assert runtime == [("here:1", 4, 2)]


def test_jax_finds_the_coordinator_of_a_platform(runtime, monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    assert start.start().platform == "slurm"
    assert runtime[-1] == ()


def test_several_need_a_coordinator(runtime):
    with pytest.raises(ValueError, match="4 processes need a coordinator"):
        start.start(processes=4, process=2)
    assert runtime == []

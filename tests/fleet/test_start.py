"""Who a process is, from what each platform sets."""

import socket

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
MPICH = {
    "PMI_RANK": "1",
    "PMI_SIZE": "2",
    "MPI_LOCALNRANKS": "2",
    "MPI_LOCALRANKID": "1",
}
HERE = "127.0.0.1:29517"
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
        (MPICH, Start("mpich", 1, 2, HERE)),
        (MPICH | {"MPI_LOCALNRANKS": "1"}, Start("mpich", 1, 2)),
        (MPICH | {"PURIFAX_COORDINATOR": "n:7"}, Start("mpich", 1, 2, "n:7")),
        (
            {"MV2_COMM_WORLD_RANK": "0", "MV2_COMM_WORLD_SIZE": "3"},
            Start("mpich", 0, 3),
        ),
        (OPEN_MPI | MPICH, Start("open_mpi", 1, 2)),
        (POD | {"PURIFAX_NUM_PROCESSES": "8"}, Start("kubernetes", 5, 8)),
        (TPU, Start("tpu", 1, 2)),
        (OURS, Start("arguments", 2, 3, "here:29517")),
        (SLURM | OPEN_MPI | OURS, Start("arguments", 2, 3, "here:29517")),
        (SLURM | OPEN_MPI, Start("slurm", 3, 4)),
    ],
    ids=[
        "none",
        "slurm",
        "mpi",
        "mpich",
        "mpich on two hosts",
        "mpich told",
        "mvapich",
        "open mpi first",
        "pod",
        "tpu",
        "ours",
        "ours first",
        "slurm first",
    ],
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
        (
            OURS | {"PURIFAX_COORDINATOR": "here"},
            "auto",
            "'here'; it must be host:port",
        ),
        (OURS | {"PURIFAX_COORDINATOR": ":1"}, "auto", "must be host:port"),
        (OURS | {"PURIFAX_COORDINATOR": "here:0"}, "auto", "must be host:port"),
        (OURS | {"PURIFAX_COORDINATOR": "here:x"}, "auto", "must be host:port"),
        (MPICH | {"PMI_RANK": "2"}, "auto", "process 2 of 2; they count from 0"),
        ({"PURIFAX_NUM_PROCESSES": "3"}, "auto", "which one this is is missing"),
        ({"PURIFAX_PROCESS_ID": "3"}, "auto", "how many is missing"),
        (OURS | {"PURIFAX_PROCESS_ID": "3"}, "auto", "process 3 of 3"),
        (OURS | {"PURIFAX_PROCESS_ID": "x"}, "auto", "must be a number; it is 'x'"),
    ],
)
def test_half_an_answer_is_refused(environment, mode, words):
    with pytest.raises(ValueError, match=words):
        decide(environment, mode)


class Calls(list):
    """What was called, and an address that listens."""

    address: str


@pytest.fixture
def runtime(monkeypatch):
    """Records how jax's own runtime would be started."""
    calls = Calls()
    for name in (*SLURM, *OPEN_MPI, *MPICH, *TPU, *OURS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        start.jax.distributed, "initialize", lambda *given: calls.append(given)
    )
    monkeypatch.setattr(start.jax.config, "update", lambda *given: calls.append(given))
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls.address = f"127.0.0.1:{server.getsockname()[1]}"
        yield calls


def test_one_process_starts_nothing(runtime):
    assert start.start() == Start()
    assert start.start("off", "here:1", 4, 2) == Start()
    assert runtime == []


def test_several_survive_each_other(runtime):
    found = start.start(coordinator=runtime.address, processes=4, process=2)
    assert found.process == 2
    assert runtime == [("jax_enable_recoverability", True), (runtime.address, 4, 2)]


def test_those_that_need_each_other_end_together(runtime):
    where = {"coordinator": runtime.address, "processes": 4, "process": 2}
    start.start(**where, outlive=False)
    assert runtime == [(runtime.address, 4, 2)]


def test_a_host_that_nobody_knows_is_refused_at_once(runtime):
    with pytest.raises(ValueError, match="coordinator nobody.invalid:1 is unknown"):
        start.start(coordinator="nobody.invalid:1", processes=2, process=1)
    assert runtime == []


def test_a_coordinator_that_never_comes_is_named(runtime, monkeypatch, capsys):
    monkeypatch.setattr(start, "PATIENCE", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(TimeoutError, match=f"no process 0 answered at .* {free}"):
        start.start(coordinator=free, processes=2, process=1, outlive=False)
    assert capsys.readouterr().err == f"waiting for process 0 at {free}\n"
    start.start(coordinator=free, processes=2, process=0, outlive=False)
    assert runtime == [(free, 2, 0)]


def test_jax_finds_the_coordinator_of_a_platform(runtime, monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    assert start.start().platform == "slurm"
    assert runtime[-1] == ()


def test_several_need_a_coordinator(runtime):
    with pytest.raises(ValueError, match="4 processes need a coordinator"):
        start.start(processes=4, process=2)
    assert runtime == []

"""Start-up on one machine or many: this process's number, their count, the coordinator.

These sources are tried in order: arguments; `PURIFAX_PROCESS_ID`,
`PURIFAX_NUM_PROCESSES` and `PURIFAX_COORDINATOR`; the variables set by SLURM (in a
step, by `srun`), Open MPI, MPICH and what descends from it (Intel MPI, MVAPICH), an
indexed Kubernetes job and a TPU slice; else it is one process. jax itself finds the
coordinator on SLURM, Open MPI and TPUs; of MPICH on one machine it is that machine.

A worker on a data set needs its number alone (`decide`). Programs whose processes must
know each other, such as training, call `start`.
"""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax

from purifax.run.progress import say

__all__ = ["MODES", "Start", "decide", "start"]

MODES = ("auto", "on", "off")
PREFIX = "PURIFAX_"
_TOLD = ("arguments", "mpich", "kubernetes")
"""Platforms on which jax does not find the coordinator."""

PATIENCE = 120.0
"""Seconds that process 0 is waited for."""

_PORT = 29517
"""Of the coordinator on this machine, as in `launch/local.sh`."""


@dataclass(frozen=True)
class Start:
    """The number of this process among all of a program.

    Attributes:
        platform: "one", "arguments", "slurm", "open_mpi", "mpich", "kubernetes" or
            "tpu".
        process: the number of this process, from 0.
        processes: the number of processes.
        coordinator: address of process 0, `host:port`; None where jax finds it, or for
            a single process.
    """

    platform: str = "one"
    process: int = 0
    processes: int = 1
    coordinator: str | None = None


def decide(
    environment: Mapping[str, str],
    mode: str = "auto",
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
) -> Start:
    """Read this process's number from arguments and an environment; starts nothing.

    Args:
        environment: such as `os.environ`.
        mode: "off" is one process whatever the platform says; "on" raises where no
            platform is recognised; "auto" is one process there.
        coordinator: `host:port` of process 0.
        processes: the number of processes.
        process: the number of this process.

    Raises:
        ValueError: one number without the other, a number out of range, a coordinator
            that is no host:port, or "on" where no platform is recognised.

    >>> decide({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"})
    Start(platform='open_mpi', process=2, processes=4, coordinator=None)
    """
    if mode not in MODES:
        raise ValueError(f"The mode must be one of {', '.join(MODES)}; got '{mode}'.")
    if mode == "off":
        return Start()
    found = _explicit(environment, coordinator, processes, process)
    for platform in (_slurm, _open_mpi, _mpich, _tpu, _kubernetes):
        found = found or platform(environment)
    if found is None:
        if mode == "on":
            raise ValueError(
                "No platform was recognised: give coordinator, processes and process, "
                f"or set {PREFIX}COORDINATOR, {PREFIX}NUM_PROCESSES and "
                f"{PREFIX}PROCESS_ID."
            )
        return Start()
    if not 0 <= found.process < found.processes:
        raise ValueError(
            f"{found.platform} says that this is process {found.process} of "
            f"{found.processes}; they count from 0."
        )
    if found.coordinator is not None:
        _host_and_port(found.coordinator)
    return found


def _host_and_port(coordinator: str) -> tuple[str, int]:
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(
            f"the coordinator is {coordinator!r}; it must be host:port of process 0, "
            f"such as node1:29517 ({PREFIX}COORDINATOR)."
        )
    return host.strip("[]"), int(port)


def _reach(coordinator: str, first: bool) -> None:
    """Waits until process 0 listens, and says what is waited for.

    jax itself waits in silence and then ends the process with a stack trace.

    Raises:
        ValueError: nobody knows the host.
        TimeoutError: nothing listens there.
    """
    host, port = _host_and_port(coordinator)
    try:
        socket.getaddrinfo(host, port)
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"the host of the coordinator {coordinator} is unknown here ({error}); it "
            f"must be that of process 0 ({PREFIX}COORDINATOR)."
        ) from None
    began, told = time.monotonic(), False
    while not first and not _listens(host, port):
        if not told:
            say(f"waiting for process 0 at {coordinator}")
        told = True
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(
                f"no process 0 answered at the coordinator {coordinator} within "
                f"{PATIENCE:.0f} s; start it, or correct {PREFIX}COORDINATOR."
            )
        time.sleep(0.5)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def start(
    mode: str = "auto",
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    *,
    outlive: bool = True,
) -> Start:
    """`decide`, then connect jax to the other processes; call it before using jax.

    With one process nothing is started.

    Args:
        outlive: whether, where jax can, the other processes continue when one dies;
            otherwise they end, as they should where each step needs all of them.

    Raises:
        ValueError: as `decide`, or several processes without a coordinator, or with
            one whose host is unknown.
        TimeoutError: nothing answers at the coordinator's address.
    """
    found = decide(os.environ, mode, coordinator, processes, process)
    if found.processes == 1:
        return found
    if found.coordinator is None and found.platform in _TOLD:
        raise ValueError(
            f"{found.processes} processes need a coordinator: set {PREFIX}COORDINATOR "
            "to the address of process 0, host:port."
        )
    if found.coordinator is not None:
        _reach(found.coordinator, found.process == 0)
    if outlive and hasattr(jax.config, "jax_enable_recoverability"):
        jax.config.update("jax_enable_recoverability", True)
    if found.coordinator is None:
        jax.distributed.initialize()
    else:
        jax.distributed.initialize(found.coordinator, found.processes, found.process)
    return found


def _explicit(
    environment: Mapping[str, str],
    coordinator: str | None,
    processes: int | None,
    process: int | None,
) -> Start | None:
    """The numbers of the arguments, completed by purifax's own variables."""
    coordinator = coordinator or environment.get(f"{PREFIX}COORDINATOR") or None
    if processes is None:
        processes = _number(environment, f"{PREFIX}NUM_PROCESSES")
    if process is None:
        process = _number(environment, f"{PREFIX}PROCESS_ID")
    platform, pod = "arguments", _number(environment, "JOB_COMPLETION_INDEX")
    if process is None and processes is not None and pod is not None:
        platform, process = "kubernetes", pod
    if processes is None and process is None:
        return None
    if processes is None or process is None:
        lacking = "how many" if processes is None else "which one this is"
        raise ValueError(
            f"Give both, the number of processes and which one this is; {lacking} is "
            f"missing ({PREFIX}NUM_PROCESSES, {PREFIX}PROCESS_ID)."
        )
    return Start(platform, process, processes, coordinator)


def _slurm(environment: Mapping[str, str]) -> Start | None:
    """A task of a SLURM step; the batch script itself is not one."""
    if "SLURM_STEP_NODELIST" not in environment:
        return None
    return _counted(environment, "slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS")


def _open_mpi(environment: Mapping[str, str]) -> Start | None:
    names = ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")
    return _counted(environment, "open_mpi", *names)


def _mpich(environment: Mapping[str, str]) -> Start | None:
    """MPICH and Intel MPI, and MVAPICH under its own names."""
    for one in ("PMI", "MV2_COMM_WORLD"):
        found = _counted(environment, "mpich", f"{one}_RANK", f"{one}_SIZE")
        if found is not None:
            given = environment.get(f"{PREFIX}COORDINATOR") or None
            local = _number(environment, "MPI_LOCALNRANKS") == found.processes
            here = f"127.0.0.1:{_PORT}" if local else None
            return replace(found, coordinator=given or here)
    return None


def _kubernetes(environment: Mapping[str, str]) -> Start | None:
    """An indexed job, which gives its pods their number but not their count."""
    if "JOB_COMPLETION_INDEX" not in environment:
        return None
    if "TPU_WORKER_HOSTNAMES" in environment:  # a slice of one host
        return None
    raise ValueError(
        "This is pod JOB_COMPLETION_INDEX="
        f"{environment['JOB_COMPLETION_INDEX']} of an indexed job; set "
        f"{PREFIX}NUM_PROCESSES to its completions, or the mode to 'off'."
    )


def _tpu(environment: Mapping[str, str]) -> Start | None:
    """A slice of several hosts."""
    hosts = [h for h in environment.get("TPU_WORKER_HOSTNAMES", "").split(",") if h]
    process = _number(environment, "TPU_WORKER_ID")
    if len(hosts) < 2 or process is None:
        return None
    return Start("tpu", process, len(hosts))


def _counted(
    environment: Mapping[str, str], platform: str, process: str, processes: str
) -> Start | None:
    numbers = [_number(environment, name) for name in (process, processes)]
    if None in numbers or numbers[1] == 1:
        return None
    return Start(platform, numbers[0] or 0, numbers[1] or 1)


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None or text == "":
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} must be a number; it is '{text}'.") from None

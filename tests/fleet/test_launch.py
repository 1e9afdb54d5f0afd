"""The launchers: readable by their platforms, and workers get their numbers."""

import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
import types

import pytest
from absl import flags

import experiments
from purifax.command import purify
from purifax.fleet.start import decide

LAUNCH = pathlib.Path(experiments.__file__).resolve().parent.parent / "launch"
SCRIPTS = ("local.sh", "slurm.sbatch", "slurm_array.sbatch", "tpu_vm.sh")
DIRECTIVES = {
    "array": r"\d+-\d+",
    "cpus-per-task": r"\d+",
    "gpus": r"\d+",
    "gpus-per-node": r"\d+",
    "job-name": r"[\w-]+",
    "nodes": r"\d+",
    "ntasks": r"\d+",
    "ntasks-per-node": r"\d+",
    "output": r"[\w%-]+\.log",
    "requeue": None,
    "signal": r"(B:)?TERM@\d+",
    "time": r"\d+:\d\d:\d\d",
}

JOBSET = {
    "coordinator",
    "failurePolicy",
    "managedBy",
    "network",
    "replicatedJobs",
    "startupPolicy",
    "successPolicy",
    "suspend",
    "ttlSecondsAfterFinished",
}
"""Fields of a JobSet's specification, v1alpha2, and below of its sets of jobs."""
REPLICATED = {"dependsOn", "groupName", "name", "replicas", "template"}


def directives(name):
    """What sbatch would read of a file: it stops at the first command."""
    found = {}
    for line in (LAUNCH / name).read_text().splitlines():
        if line and not line.startswith("#"):
            break
        if line.startswith("#SBATCH "):
            key, _, value = line.removeprefix("#SBATCH --").partition("=")
            assert key not in found
            found[key] = value
    return found


@pytest.mark.parametrize("name", [n for n in SCRIPTS if n.endswith("sbatch")])
def test_sbatch_reads_every_directive(name):
    text, found = (LAUNCH / name).read_text(), directives(name)
    assert len(found) == text.count("#SBATCH ")
    for key, value in found.items():
        form = DIRECTIVES[key]
        assert value == "" if form is None else re.fullmatch(form, value), key


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_short_and_parse(name):
    text = (LAUNCH / name).read_text()
    assert text.startswith("#!") and len(text.splitlines()) < 40
    subprocess.run(["bash", "-n", str(LAUNCH / name)], check=True)


def stub(folder, name, body):
    path = folder / name
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


def run(script, *arguments, path=None, **environment):
    known = {k: v for k, v in os.environ.items() if not k.startswith("PURIFAX_")}
    known["PATH"] = f"{path}:{known['PATH']}" if path else known["PATH"]
    return subprocess.run(
        ["bash", str(LAUNCH / script), *arguments],
        capture_output=True,
        text=True,
        env=known | environment,
    )


def test_an_array_task_knows_its_number(tmp_path):
    stub(tmp_path, "python", 'echo "$@"')
    done = run(
        "slurm_array.sbatch",
        "--out=there",
        path=tmp_path,
        SLURM_SUBMIT_DIR=str(tmp_path),
        SLURM_ARRAY_TASK_ID="7",
        SLURM_ARRAY_TASK_MIN="4",
        SLURM_ARRAY_TASK_COUNT="8",
    )
    assert done.stdout.split() == ["-m", "experiments.purify", "--worker=3/8", done_out]
    assert purify.workers.parsed("3/8") == (3, 8)


done_out = "--out=there"


def test_tasks_of_ray_know_their_numbers(monkeypatch):
    """With a Ray that runs each task when it is asked for."""
    seen = []
    tasks = types.SimpleNamespace(
        remote=lambda **given: lambda fn: types.SimpleNamespace(remote=fn), get=list
    )
    monkeypatch.setitem(sys.modules, "ray", tasks)
    monkeypatch.setattr(subprocess, "run", lambda words, check: seen.append(words))
    runpy.run_path(str(LAUNCH / "ray_purify.py"))["main"](2, ["--out=there"])
    assert [words[1:-1] for words in seen] == [
        ["-m", "experiments.purify", "--out=there"]
    ] * 2
    numbers = [words[-1].removeprefix("--worker=") for words in seen]
    assert [purify.workers.parsed(text) for text in numbers] == [(0, 2), (1, 2)]


def test_steps_of_slurm_start_the_command(tmp_path):
    stub(tmp_path, "srun", 'echo "$@"')
    done = run(
        "slurm.sbatch", "a", "b c", path=tmp_path, SLURM_SUBMIT_DIR=str(tmp_path)
    )
    assert done.stdout == "--kill-on-bad-exit=0 a b c\n"


def test_hosts_of_a_slice_know_their_numbers(tmp_path):
    """The command that each host would run, with the metadata of one of them."""
    stub(tmp_path, "gcloud", 'printf "%s" "${@: -1}" | sed s/--command=//')
    done = run("tpu_vm.sh", "env", path=tmp_path, TPU="slice", ZONE="zone")
    host = tmp_path / "purifax" / ".venv" / "bin"
    host.mkdir(parents=True)
    (host / "activate").write_text("")
    answers = 'case "${@: -1}" in *number) echo 1;; *) echo a:1:10.0.0.1,b:2:10.0.0.2;;'
    stub(tmp_path, "curl", f"{answers} esac")
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    told = subprocess.run(
        ["bash", "-c", done.stdout],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    words = dict(line.partition("=")[::2] for line in told.stdout.splitlines())
    found = decide(words)
    assert (found.process, found.processes) == (1, 2)
    assert found.coordinator == "10.0.0.1:8476"


def test_pods_are_as_many_as_they_are_told():
    yaml = pytest.importorskip("yaml")
    pods = yaml.safe_load((LAUNCH / "gke_jobset.yaml").read_text())
    assert (pods["kind"], pods["apiVersion"]) == (
        "JobSet",
        "jobset.x-k8s.io/v1alpha2",
    )
    (jobs,) = pods["spec"]["replicatedJobs"]
    job = jobs["template"]["spec"]
    assert jobs["replicas"] == 1 and job["completionMode"] == "Indexed"
    pod = job["template"]["spec"]
    assert pod["restartPolicy"] in ("Never", "OnFailure")
    (container,) = pod["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert all(isinstance(value, str) for value in environment.values())
    count = job["completions"]
    assert job["parallelism"] == count and job["backoffLimit"] >= count
    for index in range(count):
        found = decide(environment | {"JOB_COMPLETION_INDEX": str(index)})
        assert (found.process, found.processes) == (index, count)
    assert container["command"][:3] == ["python", "-m", "experiments.purify"]
    known = set(flags.FLAGS) | {"config", "data_dir", "workdir"}
    for word in container["command"][3:]:
        assert word.removeprefix("--").partition("=")[0] in known


def test_pods_are_what_kubernetes_takes():
    """The jobs by Kubernetes' own schema, that fails wrong fields; the set by name."""
    yaml = pytest.importorskip("yaml")
    kubernetes = pytest.importorskip("kubernetes_validate")
    pods = yaml.safe_load((LAUNCH / "gke_jobset.yaml").read_text())
    assert set(pods) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(pods["spec"]) <= JOBSET and "replicatedJobs" in pods["spec"]
    for jobs in pods["spec"]["replicatedJobs"]:
        assert {"name", "template"} <= set(jobs) <= REPLICATED
        job = {"apiVersion": "batch/v1", "kind": "Job", **jobs["template"]}
        kubernetes.validate(job | {"metadata": {"name": "x"}}, "1.31", strict=True)
        job["spec"]["template"]["spec"]["containers"][0]["commands"] = ["python"]
        with pytest.raises(kubernetes.ValidationError, match="commands"):
            kubernetes.validate(job, "1.31", strict=True)


@pytest.mark.multihost
def test_local_processes_know_their_numbers_and_the_first_failure_counts():
    show = "import os, sys; e = os.environ; i = int(e['PURIFAX_PROCESS_ID']); "
    show += "os.write(1, f'{i} {e[\"PURIFAX_NUM_PROCESSES\"]}\\n'.encode()); "
    show += "sys.exit(3 * (i == 1))"
    done = run("local.sh", "3", sys.executable, "-c", show)
    assert done.returncode == 3
    assert sorted(done.stdout.splitlines()) == ["0 3", "1 3", "2 3"]


def test_shellcheck_has_nothing_to_say():
    checker = shutil.which("shellcheck")
    if checker is None:
        pytest.skip("needs shellcheck")
    scripts = [str(LAUNCH / name) for name in SCRIPTS]
    subprocess.run([checker, "--shell=bash", *scripts], check=True)

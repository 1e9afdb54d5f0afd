"""The metrics file and the progress line."""

import io
import sys
import types

import pytest

from experiments.training import logs
from purifax.run import progress as progress_module
from purifax.run import workdir
from purifax.run.progress import Progress, clock, each


def steps(folder):
    return [row["step"] for row in logs.read(folder / "metrics.jsonl")]


def write(folder, start, *numbers):
    log = logs.Log(folder, start)
    for step in numbers:
        log.write(step, {"loss": step / 3})
    log.close()


def test_rows_come_back(tmp_path):
    write(tmp_path, 0, 1, 2)
    rows = logs.read(tmp_path / "metrics.jsonl")
    assert rows == [{"step": 1, "loss": 0.333333}, {"step": 2, "loss": 0.666667}]


def test_a_resumed_log_repeats_no_step(tmp_path):
    write(tmp_path, 0, 1, 2, 3)
    write(tmp_path, 2, 3, 4)
    assert steps(tmp_path) == [1, 2, 3, 4]


def test_a_torn_line_is_dropped(tmp_path):
    write(tmp_path, 0, 1, 2)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')
    write(tmp_path, 2, 3)
    assert steps(tmp_path) == [1, 2, 3]


def test_what_is_not_finite_becomes_null(tmp_path):
    log = logs.Log(tmp_path, 0)
    log.write(1, {"loss": float("nan")})
    log.close()
    assert logs.read(tmp_path / "metrics.jsonl") == [{"step": 1, "loss": None}]


def test_tensorboard_gets_the_same_numbers(tmp_path):
    pytest.importorskip("tensorboardX")
    write(tmp_path, 0, 1)
    assert list((tmp_path / "tensorboard").glob("events*"))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_and_a_file_gets_lines():
    for out, start in (
        (Terminal(), "\r[##########..........] x: step 5/10"),
        (
            io.StringIO(),
            "x: step 5/10 (50%), loss 0.25",
        ),
    ):
        progress = Progress("x", 0, 10, out=out)
        progress.update(5, 0.25)
        progress.close()
        assert out.getvalue().startswith(start)
        assert out.getvalue().endswith("\n")


def test_lines_are_seldom_but_the_last_step_is_always_shown():
    out = io.StringIO()
    progress = Progress("x", 0, 100, every=1e6, out=out)
    for step in range(1, 101):
        progress.update(step, 0.0)
    assert [line.split(" (")[0] for line in out.getvalue().splitlines()] == [
        "x: step 1/100",
        "x: step 100/100",
    ]


def test_work_that_is_soon_done_says_nothing(monkeypatch):
    at = [100.0]
    watch = types.SimpleNamespace(monotonic=lambda: at[0])
    monkeypatch.setattr(progress_module, "time", watch)
    for seconds, lines in ((0.1, 0), (1.5, 1)):
        out = Terminal()
        monkeypatch.setattr(sys, "stderr", out)
        for item in each("x", "abcd", "letter"):
            at[0] += seconds
            assert item in "abcd"
        assert out.getvalue().count("\n") == lines
        assert ("x: letter 4/4 (100%)" in out.getvalue()) == bool(lines)


def test_the_rate_leaves_out_the_first_step(monkeypatch):
    at = [100.0]
    watch = types.SimpleNamespace(monotonic=lambda: at[0])
    monkeypatch.setattr(progress_module, "time", watch)
    progress = Progress("x", 6, 10, out=io.StringIO())
    progress.update(7, 0.0)
    at[0] = 104.0
    assert progress.rate(7) == 0.0
    assert progress.rate(9) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "0:05"), (123.4, "2:03"), (3723, "1:02:03")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_json_is_written_whole(tmp_path):
    path = tmp_path / "a.json"
    workdir.write_json(path, {"a": 1})
    assert workdir.read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    path.write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is not valid JSON"):
        workdir.read_json(path)

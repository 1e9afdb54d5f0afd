"""A command that is stopped ends with the code that shells give its signal."""

import os
import signal

import commands
import pytest

from purifax.run.stop import Stop, Stopped


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_stop_remembers_its_signal(number, code):
    with Stop() as stop:
        stop.check()
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
        with pytest.raises(Stopped) as stopped:
            stop.check()
    assert stopped.value.code == code


@pytest.mark.parametrize(
    "line",
    [
        "train --config=digits_dsm",
        "evaluate --config=digits_adp",
        "certify --config=digits_certify",
        "evaluate_poison --config=digits_poison_grid",
        "quickstart",
    ],
)
def test_no_command_that_was_stopped_ends_with_0(line, capsys):
    def main(config, options):
        raise Stopped("stopped after step 3, saved.", signal.SIGINT)

    code, out, err = commands.run(capsys, line, main=main)
    assert (code, out, err) == (130, "", "stopped after step 3, saved.\n")


def test_a_second_interrupt_ends_at_once():
    with Stop(), pytest.raises(KeyboardInterrupt):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            signal.getsignal(signal.SIGINT)

"""The same networks and the same work in PyTorch, timed in the same run.

Both hold the same weights, and their outputs are compared. PyTorch has all cores, as
threads; it is driven by a Python loop over steps, with the networks as they are and
where that works through `torch.compile`. Weights of ADP's network alone have a twin.
"""

import dataclasses
import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial

from experiments.benchmarking.gradients import slope
from experiments.benchmarking.network import told
from experiments.benchmarking.stopwatch import timed
from experiments.benchmarking.subject import LEVEL, Row, Subject, row
from purifax import nets
from purifax.purify import ADP
from purifax.weights import ncsnv2, predictions

__all__ = ["rows", "shape", "why_not"]


def why_not(subject: Subject) -> str | None:
    """Why there is nothing to compare with; None if there is."""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    if subject.config.net.name != "NCSNv2" or subject.config.classifier.name not in (
        "ResNet",
        "ResNet18",
        "WideResNet",
    ):
        return "only NCSNv2 and residual classifiers have a twin in PyTorch"
    if jax.default_backend() != "cpu":
        import torch

        return None if torch.cuda.is_available() else "this torch has no accelerator"
    return None


def rows(subject: Subject) -> list[Row]:
    """Forward, ADP, and steps of its attacks; nothing where `why_not` says so."""
    if why_not(subject):
        return []
    import torch

    torch.manual_seed(subject.config.seed)
    with _Twins(subject) as twins:
        found = [*_networks(twins), *_purifier(twins), *_attacks(twins)]
    return found


class _Twins:
    """Both programs, with the same weights and images."""

    def __init__(self, subject: Subject) -> None:
        import torch

        from experiments.benchmarking import torch_networks

        where = "cuda" if jax.default_backend() == "gpu" else "cpu"
        config = subject.config
        fields = {"width": subject.network.module.width, "channels": config.channels}
        with torch.device(where):
            self.net = torch_networks.build("NCSNv2", fields)
            twin = shape(subject.classifier.module)
            self.classifier = torch_networks.build(config.classifier.name, twin)
        state = {k: v.cpu().numpy() for k, v in self.net.state_dict().items()}
        network = nets.Network(subject.network.module, ncsnv2.convert(state))
        score = predictions.Prediction("scaled_score").score(network)
        prior = dataclasses.replace(subject.prior, score=score, network=network)
        self.subject = dataclasses.replace(subject, network=network, prior=prior)
        images = np.asarray(subject.images).transpose(0, 3, 1, 2).copy()
        self.images = torch.from_numpy(images).to(where)
        self.where = where
        self.fast = _compiled(self.net, self.images) if config.compiled else None

    def __enter__(self) -> "_Twins":
        return self

    def __exit__(self, *_: object) -> None:
        if self.where == "cuda":
            import torch

            torch.cuda.empty_cache()

    def time(self, way: Callable[[], Any]) -> list[float]:
        """Seconds of a PyTorch call, until it is done."""
        import torch

        def whole() -> None:
            way()
            if self.where == "cuda":
                torch.cuda.synchronize()

        _, *seconds = timed(whole, 1 + self.subject.config.repeats)
        return seconds


def shape(module: Any) -> dict[str, int]:
    """The fields that a twin takes."""
    names = ("depth", "widen", "width")
    return {n: getattr(module, n) for n in names if getattr(module, n, None)}


def _beside(
    twins: _Twins, what: str, ours: Row, ways: dict[str, Callable[[], Any]], **more: Any
) -> list[Row]:
    """Our row, and one for each way of PyTorch's with its time over ours."""
    found = [dataclasses.replace(ours, part="torch", what=f"{what}: purifax")]
    found[0].numbers.update(more)
    for name, way in ways.items():
        seconds = twins.time(way)
        middle = float(np.median(seconds))
        spread = (max(seconds) - min(seconds)) / middle
        numbers = {"over_ours": middle / ours.seconds}
        found.append(
            Row("torch", f"{what}: {name}", ours.images, middle, spread, numbers)
        )
    return found


def _compiled(net: Any, x: Any) -> Any | None:
    """The network through `torch.compile`; None where that does not work here."""
    import torch

    try:
        fast = torch.compile(net)
        with torch.no_grad():
            fast(x)
    except Exception:
        return None
    return fast


def _networks(twins: _Twins) -> list[Row]:
    """Forward, and the largest difference of the outputs."""
    import torch

    subject, x = twins.subject, twins.images
    config = subject.config
    run, _ = subject.program(Partial(told, network=subject.network))
    ours = row("torch", "", run, config.images, config.repeats)
    with torch.no_grad():
        theirs = twins.net(x).permute(0, 2, 3, 1).cpu().numpy()
    gap = float(np.abs(np.asarray(run()) - theirs).max() / np.abs(theirs).max())

    ways: dict[str, Callable[[], Any]] = {"torch": lambda: _forward(twins.net, x)}
    if twins.fast is not None:
        ways["torch.compile"] = lambda: _forward(twins.fast, x)
    return _beside(twins, "network", ours, ways, largest_difference=gap)


def _forward(net: Any, x: Any) -> Any:
    import torch

    with torch.no_grad():
        return net(x)


def _purifier(twins: _Twins) -> list[Row]:
    """ADP without its classifier."""
    import torch

    from experiments.benchmarking import torch_purify

    subject, x = twins.subject, twins.images
    config = subject.config
    purifier = subject.purifier(ADP(level=LEVEL, steps=config.steps))
    run, _ = subject.program(purifier)
    ours = row("torch", "", run, config.images, config.repeats)

    def theirs(net: Any) -> Any:
        with torch.no_grad():
            return torch_purify.adaptive(x, net, config.steps)

    ways: dict[str, Callable[[], Any]] = {"torch": lambda: theirs(twins.net)}
    if twins.fast is not None:
        ways["torch.compile"] = lambda: theirs(twins.fast)
    return _beside(twins, f"ADP, {config.steps} steps", ours, ways)


def _attacks(twins: _Twins) -> list[Row]:
    """A gradient of BPDA through all steps of ADP, and an exact one through few.

    PyTorch stores what an exact gradient needs of every step.
    """
    import torch

    from experiments.benchmarking import torch_purify

    subject, config = twins.subject, twins.subject.config
    draws = max(config.eot)
    count = min(config.attacked, config.images)
    x, labels = twins.images[:count], torch.zeros(count, dtype=torch.long)
    labels = labels.to(x.device)
    found = []
    for way, length in (("bpda", config.steps), ("exact", min(config.lengths))):
        target = subject.target(ADP(level=LEVEL, steps=length))
        fn = slope(target.model(way, draws))
        run, _ = subject.program(fn, count, draws)
        ours = row("torch", "", run, count, config.repeats)
        work = (x, labels, twins.net, twins.classifier, length, draws)

        def theirs(work: tuple = work, exact: bool = way == "exact") -> Any:
            return torch_purify.attack_gradient(*work, exact=exact)

        what = f"{way} gradient, EOT {draws}, {length} step(s)"
        found += _beside(twins, what, ours, {"torch": theirs})
    return found

"""Strict modes for every test: 8 CPU devices, no silent rank promotion."""

import gc
import importlib.metadata
import os
import pathlib
from functools import partial
from itertools import cycle

# The tests compile thousands of small programs: compile fast rather than run fast.
FLAGS = [
    "--xla_force_host_platform_device_count=8",
    "--xla_backend_optimization_level=1",
]
if importlib.metadata.version("jax").startswith("0.10."):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
    FLAGS.append("--xla_cpu_parallel_codegen_split_count=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")

# Tracing makes many objects that stay; looking through them took up to a twelfth of
# the time.
gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def strict():
    """Reused keys and mixed dtypes raise; for tests of the core alone."""
    with jax.debug_key_reuse(True), jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture
def float64():
    """Double precision, for finite differences."""
    with jax.enable_x64(True):
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One worker runs a whole file, or a row of the laws, and so compiles it once.

    Files with a group of their own make the same programs. They are the longest, so
    they are first; the other experiments follow, which find what is compiled.
    """
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        group = str(item.path)
        if item.path.parent.name == "laws" and hasattr(item, "callspec"):
            group += item.callspec.params.get("name", "")
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_place)


COMMANDS = {"command", "evaluation", "experiments", "report", "run"}
"""Folders whose tests run commands and evaluations of tiny networks."""


def _is_experiment(item):
    folders = item.path.relative_to(pathlib.Path(__file__).parent).parent.parts
    recipes = item.path.stem.endswith(("_recipe", "_recipes", "_recipe_laws"))
    return recipes or bool(COMMANDS.intersection(folders))


def _place(item):
    """Long groups before short ones, so that no worker is left with one at the end."""
    shared = item.get_closest_marker("xdist_group").args[0] != str(item.path)
    experiment = _is_experiment(item)
    return not (shared and experiment), not experiment


@pytest.fixture
def unoptimised():
    """Programs compile in half the time and run slower: for those that run once."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Experiments compile fast, fixtures of a module included, and nothing else does.

    Evaluations of tiny networks take nearly all their time to compile, and one file
    finds what another has compiled. Programs of both kinds differ in the last bit, and
    jax would take one for the other.
    """
    fast = _is_experiment(item)
    if jax.config.read("jax_disable_most_optimizations") != fast:
        jax.clear_caches()
        jax.config.update("jax_disable_most_optimizations", fast)


MAPS = pathlib.Path("/proc/self/maps")
MANY = 25_000
"""Linux allows a process 65,530 memory maps, and crashes it beyond.

A compiled program takes fifteen of them, so some 4,000 programs are the limit.
"""


@pytest.fixture(autouse=True)
def _few_compiled_programs():
    """Drops the compiled programs when they have become too many."""
    yield
    if MAPS.exists() and _every_tenth():
        with MAPS.open("rb") as maps:
            if sum(1 for _ in maps) > MANY:
                jax.clear_caches()


_every_tenth = partial(next, cycle([False] * 9 + [True]))

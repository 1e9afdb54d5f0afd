"""Strict modes for every test: 8 CPU devices, no silent rank promotion, no reused key."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
)

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")


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

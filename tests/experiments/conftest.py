"""Evaluations of tiny networks: nearly all of their time is compilation."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def _compiled_fast():
    """Before any fixture of a module, so that what these run is compiled fast too.

    Programs of both kinds differ in the last bit, and jax would take one for the other.
    """
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()

"""Evaluations of tiny networks: nearly all of their time is compilation."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="package")
def _compiled_fast():
    """Before any other fixture, so that what these run is compiled fast too.

    One file finds what another has compiled. Programs of both kinds differ in the last
    bit, and jax would take one for the other.
    """
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()

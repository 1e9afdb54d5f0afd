"""What makes a thing a pytree."""

import pathlib
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import pytest

import purifax
from purifax import energy, score
from purifax.threat import L2, Linf
from purifax.types import as_pytree, noun


@noun
@dataclass(frozen=True)
class Named:
    value: float
    name: str = field(default="a", metadata={"static": True})
    other: float = 0.0


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (Linf(1.0), L2(1.0)),
        (energy.Gaussian(0.0, 1.0), score.Gaussian(0.0, 1.0)),
        (Named(1.0, "a"), Named(1.0, "b")),
    ],
)
def test_structures_of_different_things_differ(one, another):
    assert jax.tree.structure(one) == jax.tree.structure(one)
    assert jax.tree.structure(one) != jax.tree.structure(another)


def test_a_noun_survives_jit_with_its_class_and_static_fields():
    doubled = jax.jit(lambda n: jax.tree.map(lambda leaf: 2 * leaf, n))(Named(1.0, "b"))
    assert isinstance(doubled, Named)
    assert (float(doubled.value), doubled.name, float(doubled.other)) == (2.0, "b", 0.0)


def test_leaves_of_a_noun_are_named_by_their_fields():
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(Named(1.0))]
    assert [jax.tree_util.keystr(path) for path in paths] == [".value", ".other"]


def test_the_repr_of_a_noun_shows_large_arrays_by_dtype_and_shape():
    pair = energy.Gaussian(jnp.zeros((8, 8, 1)), jnp.ones(2))
    mean, variance = "float32[8, 8, 1]", "Array([1., 1.], dtype=float32)"
    assert repr(pair) == f"Gaussian(mean={mean}, variance={variance})"
    assert repr(Named(1.0, "b")) == "Named(value=1.0, name='b', other=0.0)"


def test_no_class_is_registered_by_the_number_of_its_fields():
    root = pathlib.Path(purifax.__file__).parent
    sources = {path: path.read_text() for path in root.rglob("*.py")}
    used = [str(p) for p, text in sources.items() if "@jax.tree_util.register" in text]
    assert not used


def test_a_bare_function_becomes_a_pytree_and_a_pytree_stays():
    assert jax.tree.leaves(as_pytree(jnp.sin)) == []
    bound = jax.tree_util.Partial(jnp.add, 1.0)
    assert as_pytree(bound) is bound

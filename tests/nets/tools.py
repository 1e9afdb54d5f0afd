"""What several tests of networks need."""

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["apply", "example", "shapes", "variables"]


def shapes(module, *arguments):
    """Shapes of a module's variables, and of its output for one example."""
    batched = [jnp.asarray(argument)[None] for argument in arguments]
    start = module.init_with_output
    output, values = jax.eval_shape(start, jax.random.key(0), *batched)
    return values, jax.eval_shape(lambda output: output[0], output)


def variables(module, *arguments):
    """Variables away from their usual start, so that no layer is silent.

    NumPy draws them: that saves the compilation of many small random generators.
    """
    random = np.random.default_rng(0)

    def draw(path, leaf):
        value = random.standard_normal(leaf.shape)
        name = path[-1].key
        if name == "kernel":
            value /= np.prod(leaf.shape[:-1]) ** 0.5
        elif name == "var":
            value = np.exp(0.5 * value)
        else:
            value = (name in ("scale", "alpha", "gamma")) + 0.1 * value
        return jnp.asarray(value, leaf.dtype)

    return jax.tree.map_with_path(draw, shapes(module, *arguments)[0])


def example(*shape, seed=2):
    """Uniform pixels."""
    return jnp.asarray(np.random.default_rng(seed).random(shape), jnp.float32)


def apply(module, values, *arguments):
    """The module on a batch, jitted."""
    return jax.jit(module.apply)(values, *map(jnp.asarray, arguments))

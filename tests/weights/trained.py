"""A tiny diffusion UNet trained on digits, to be read rightly and wrongly.

`denoiser` trains a module; `openai_state` gives its arrays as a file has them.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from purifax import nets
from purifax.data import digits
from purifax.weights import openai

__all__ = ["denoiser", "openai_state"]


def denoiser(module, process, label, steps=600, batch=32, width=2.0, seed=0):
    """Variables of a module trained to predict the noise of a process.

    Args:
        label: the label of a time, for the network.
        width: of the range of pixels.
    """
    images = jnp.asarray(digits.read("train").images, jnp.float32) / 255
    images = width * (images - 0.5)
    key = jax.random.key(seed)
    variables = nets.init(key, module, images[0], 0.0)
    schedule = optax.cosine_decay_schedule(3e-3, steps)
    optimiser = optax.adam(schedule)

    def loss(params, key):
        k_image, k_level, k_noise = jax.random.split(key, 3)
        x = images[jax.random.randint(k_image, (batch,), 0, len(images))]
        sigma = jnp.exp(jax.random.uniform(k_level, (batch,), minval=-3.0, maxval=0.3))
        t = jax.vmap(process.time)(sigma)
        a = jax.vmap(process.scale)(t)[:, None, None, None]
        z = jax.random.normal(k_noise, x.shape)
        noisy = a * (x + width * sigma[:, None, None, None] * z)
        found = module.apply(params, noisy, label(t))
        return jnp.mean(jnp.square(found - z))

    @jax.jit
    def step(state, key):
        params, rest = state
        value, slope = jax.value_and_grad(loss)(params, key)
        change, rest = optimiser.update(slope, rest)
        return (optax.apply_updates(params, change), rest), value

    state = (variables, optimiser.init(variables))
    for i in range(steps):
        state, value = step(state, jax.random.fold_in(key, i))
    return jax.tree.map(np.asarray, state[0]), float(value)


def openai_state(variables, module):
    """The arrays of a UNet by OpenAI's names, in the old order of attention."""
    places = {ours: theirs for theirs, ours in openai._places(module).items()}
    layers = {ours: theirs for theirs, ours in openai._LAYERS.items()}
    ends = {ours: theirs for theirs, ours in openai._ENDS.items()}
    state = {}
    for node, part in variables["params"].items():
        if node.endswith("_attention"):
            for leaf in ("kernel", "bias"):
                name = {"kernel": "weight"}.get(leaf, leaf)
                q, k, v = (np.asarray(part[p][leaf]).T for p in "qkv")
                rest = q.shape[1:]
                heads = [a.reshape(module.heads, -1, *rest) for a in (q, k, v)]
                merged = np.stack(heads, axis=1).copy().reshape(-1, *rest)
                out = np.asarray(part["out"][leaf]).T
                if leaf == "kernel":
                    merged, out = merged[..., None], out[..., None]
                state[f"{places[node]}.qkv.{name}"] = merged
                state[f"{places[node]}.proj_out.{name}"] = out
            for leaf, name in (("scale", "weight"), ("bias", "bias")):
                state[f"{places[node]}.norm.{name}"] = np.asarray(part["norm"][leaf])
            continue
        nested = part if any(isinstance(a, dict) for a in part.values()) else {"": part}
        for layer, arrays in nested.items():
            path = f"{node}/{layer}".rstrip("/")
            theirs = ends.get(path) or _resized(places[node], layer, layers)
            for leaf, array in arrays.items():
                array = np.asarray(array)
                if array.ndim > 1 and leaf != "embedding":
                    axes = {4: (3, 2, 0, 1), 2: (1, 0)}[array.ndim]
                    array = array.transpose(axes)
                name = "bias" if leaf == "bias" else "weight"
                state[f"{theirs}.{name}"] = array
    return {name: np.ascontiguousarray(array) for name, array in state.items()}


def _resized(place, layer, layers):
    """A layer of a block, or the convolution that halves or doubles."""
    if layer:
        return f"{place}.{layers[layer]}"
    return f"{place}.{'op' if place.startswith('input') else 'conv'}"

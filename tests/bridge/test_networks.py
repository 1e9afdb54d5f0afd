"""A torch module in a JAX program: torch's own values and derivatives, one call."""

import functools

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import batched, bridge, classify, purify
from purifax.evaluation import networks as roles
from purifax.score import from_denoiser
from purifax.transform.sharding import batch_mesh, sharded

torch = pytest.importorskip("torch", reason="torch is not installed")
SHAPE = (6, 5, 3)


class Denoiser(torch.nn.Module):
    """Two convolutions, scaled by the level; counts its calls."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.second = torch.nn.Conv2d(4, 3, 3, padding=1)
        self.batches = []

    def forward(self, x, sigma):
        self.batches.append(len(x))
        h = self.second(torch.nn.functional.silu(self.first(x)))
        return h * sigma[:, None, None, None]


def denoiser(dtype=torch.float64):
    torch.manual_seed(0)
    return Denoiser().to(dtype).eval()


def by_hand(module):
    """The same network written in JAX."""
    kernels = [jnp.asarray(p.detach().numpy()) for p in module.parameters()]

    def conv(x, kernel, bias):
        axes = ("NHWC", "OIHW", "NHWC")
        out = jax.lax.conv_general_dilated(
            x[None], kernel, (1, 1), "SAME", dimension_numbers=axes
        )
        return out[0] + bias[None, None]

    def network(x, sigma):
        h = conv(jax.nn.silu(conv(x, *kernels[:2])), *kernels[2:])
        return h * sigma

    return network


def noise(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).random(shape))


def classifier(dtype=torch.float32):
    torch.manual_seed(1)
    layers = [torch.nn.Conv2d(3, 4, 3, 2), torch.nn.GELU(), torch.nn.Flatten()]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(16, 5))
    return net.to(dtype).eval()


def climbed(f, x):
    """Steps whose size is a curvature, recomputed in the backward pass, as ADP's."""

    def step(x, _):
        v, bend = jax.jvp(lambda x: f(x, jnp.asarray(0.3)), (x,), (x,))
        return x + 0.1 * jnp.tanh(jnp.sum(v * bend)) * v, None

    x, _ = jax.lax.scan(jax.checkpoint(step), x, None, length=3)
    return jnp.sum(jnp.sin(x))


def squared(f, x, sigma):
    return jnp.sum(f(x, sigma) ** 2)


WAYS = {
    "value": lambda f, x, v, s: f(x, s),
    "reverse": lambda f, x, v, s: jax.grad(squared, (1, 2))(f, x, s),
    "forward": lambda f, x, v, s: jax.jvp(f, (x, s), (v, s))[1],
    "reverse over forward": lambda f, x, v, s: jax.grad(
        lambda x: jnp.sum(jax.jvp(f, (x, s), (v, s))[1] ** 2)
    )(x),
    "forward over reverse": lambda f, x, v, s: jax.jvp(
        lambda x: jax.grad(squared, 1)(f, x, s), (x,), (v,)
    )[1],
    "reverse over reverse": lambda f, x, v, s: jax.grad(
        lambda x: jnp.sum(v * jax.grad(squared, 1)(f, x, s))
    )(x),
    "chain": lambda f, x, v, s: jax.grad(climbed, 1)(f, x),
}


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_of_every_kind_are_those_of_the_network_in_jax(way, float64):
    module, x, v, s = denoiser(), noise(0, *SHAPE), noise(1, *SHAPE), jnp.array(0.7)
    f = bridge.from_torch(module, role="denoiser")
    found, wanted = (jax.jit(WAYS[way], static_argnums=0)(g, x, v, s)
                     for g in (f, by_hand(module)))  # fmt: skip
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert np.abs(b).max() > 1e-4
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_the_gradient_is_that_of_finite_differences(float64):
    x, v, h = noise(0, *SHAPE), noise(1, *SHAPE), 1e-6
    f = bridge.from_torch(classifier(torch.float64))

    def loss(x):
        return classify.cross_entropy(f(x), jnp.array(2))

    slope = jnp.sum(jax.grad(loss)(x) * v)
    wanted = (loss(x + h * v) - loss(x - h * v)) / (2 * h)
    np.testing.assert_allclose(slope, wanted, rtol=1e-7)


def test_logits_and_gradients_are_those_of_torch():
    module, x = classifier(), np.random.default_rng(0).random((4, *SHAPE), np.float32)
    labels = np.arange(4)
    tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    logits = module(tensor)
    losses = torch.nn.functional.cross_entropy(
        logits, torch.tensor(labels), reduction="sum"
    )
    losses.backward()
    f = bridge.from_torch(module)

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, 0))
    def both(x, label):
        def loss(x):
            return classify.cross_entropy(f(x), label), f(x)

        return jax.grad(loss, has_aux=True)(x)

    slopes, found = both(jnp.asarray(x), jnp.asarray(labels))
    np.testing.assert_allclose(found, logits.detach(), rtol=1e-6, atol=1e-6)
    wanted = tensor.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(slopes, wanted, rtol=1e-5, atol=1e-7)


def test_a_nest_of_maps_is_one_call():
    module = denoiser(torch.float32)
    f = bridge.from_torch(module, role="denoiser")
    x, sigmas = jnp.ones((2, 3, *SHAPE)), jnp.array([0.1, 0.2, 0.3])
    run = jax.jit(jax.vmap(jax.vmap(f), in_axes=(0, None)))
    run(x, sigmas).block_until_ready()
    module.batches.clear()
    found = run(x, sigmas)
    np.testing.assert_allclose(found[1, 2], f(x[1, 2], sigmas[2]), rtol=1e-4, atol=1e-6)
    assert module.batches[0] == 6
    slope = jax.jit(jax.vmap(jax.grad(lambda x: jnp.sum(f(x, 0.1) ** 2))))
    slope(x[0]).block_until_ready()
    module.batches.clear()
    slope(x[0]).block_until_ready()
    assert set(module.batches) == {3} and len(module.batches) == 2


def test_no_images_are_no_call():
    f = bridge.from_torch(classifier())
    assert jax.vmap(f)(jnp.zeros((0, *SHAPE))).shape == (0, 5)


def test_the_same_module_does_not_trace_again():
    module, traces = classifier(), []

    @jax.jit
    def run(f, x):
        traces.append(0)
        return f(x)

    for _ in range(2):
        run(bridge.from_torch(module), jnp.ones(SHAPE))
    assert len(traces) == 1


def test_devices_share_the_images_and_change_nothing():
    f = from_denoiser(bridge.from_torch(denoiser(torch.float32), role="denoiser"))
    fn = Partial(purify.adaptive, score=f, levels=jnp.full(2, 0.2), sigma=0.1)
    key, x = jax.random.key(0), jnp.full((8, *SHAPE), 0.5)
    found = sharded(fn, batch_mesh(8))(key, x)
    wanted = jax.jit(batched(fn))(key, x)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_layouts_and_dtypes():
    """The module works in its own dtype; results have that of the image."""

    class Last(torch.nn.Module):
        def forward(self, x):
            assert x.shape[1:] == SHAPE and x.dtype == torch.float32
            return x.mean((1, 2))

    f = bridge.from_torch(Last().eval(), layout="NHWC")
    assert f(jnp.ones(SHAPE)).tolist() == [1.0, 1.0, 1.0]
    half = bridge.from_torch(classifier(torch.bfloat16))
    whole = bridge.from_torch(classifier())
    x = noise(0, *SHAPE).astype(jnp.float32)
    assert half(x).dtype == jnp.float32
    np.testing.assert_allclose(half(x), whole(x), atol=0.02)
    assert whole(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


class Mixing(torch.nn.Module):
    def forward(self, x):
        return (x - x.mean(0)).flatten(1)


class Drawing(torch.nn.Module):
    """A purifier with noise from torch's own generator."""

    def forward(self, x):
        return x + 0.1 * torch.randn_like(x)


class Generated(torch.nn.Module):
    """A purifier with the noise of one generator for each image."""

    def forward(self, x, generators):
        drawn = [torch.randn(x.shape[1:], generator=g) for g in generators]
        return x.square() + 0.1 * torch.stack(drawn)


class Cut(torch.nn.Module):
    def forward(self, x):
        return x.detach().flatten(1)


def bent(part):
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout()).eval()
    return module.train() if part is None else module[part].train() and module


X = jnp.full(SHAPE, 0.5)
WRONG = {
    "training": (lambda: bridge.from_torch(bent(None)), "it is training.*eval"),
    "a part": (lambda: bridge.from_torch(bent(1)), "its part '1' is training"),
    "role": (lambda: bridge.from_torch(classifier(), role="classifer"), "mean.*class"),
    "function": (lambda: bridge.from_torch(abs), "takes a torch.nn.Module; got builti"),
    "layout": (lambda: bridge.from_torch(classifier(), layout="HW"), "`layout` must"),
    "random": (lambda: bridge.from_torch(classifier(), random=True), "for a purifier"),
    "mixing": (lambda: bridge.from_torch(Mixing().eval())(X), "in a batch and alone"),
    "drawing": (
        lambda: bridge.from_torch(Drawing().eval(), role="purifier")(
            jax.random.key(0), X
        ),
        "draws from torch's global generator",
    ),
    "not logits": (
        lambda: bridge.from_torch(torch.nn.Identity().eval())(X),
        r"a classifier, must give logits \[N, K\]; .* gives \[2, 3, 6, 5\]",
    ),
    "not like": (
        lambda: bridge.from_torch(classifier(), role="score")(X),
        r"a score, must give images of the shape",
    ),
    "size": (
        lambda: bridge.from_torch(classifier())(jnp.ones((9, 9, 3))),
        "Sequential does not take a batch .*RuntimeError",
    ),
    "bytes": (
        lambda: bridge.from_torch(classifier())(jnp.ones(SHAPE, jnp.uint8)),
        "give x / 255",
    ),
    "batch": (
        lambda: bridge.from_torch(classifier())(jnp.ones((1, *SHAPE))),
        "It is one image",
    ),
    "no values": (
        lambda: bridge.from_torch(classifier().to("meta"))(X),
        "on one device, with values; they are on meta",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_module_that_breaks_a_rule_is_refused(case):
    run, words = WRONG[case]
    with pytest.raises(ValueError, match=words):
        run()


def test_a_gradient_that_is_cut_off_is_refused():
    f = bridge.from_torch(Cut().eval())
    assert f(X).shape == (90,)
    with pytest.raises(ValueError, match="the gradient of the torch module Cut"):
        jax.grad(lambda x: f(x).sum())(X)


@pytest.mark.parametrize("random", [True, False])
def test_the_noise_of_an_image_is_that_of_its_key(random):
    module = (Drawing() if random else Generated()).eval()
    purifier = bridge.from_torch(module, role="purifier", random=random)
    x, key = jnp.full((3, *SHAPE), 0.5), jax.random.key(0)
    before = torch.get_rng_state()
    found = jax.jit(batched(purifier))(key, x)
    assert torch.equal(before, torch.get_rng_state())
    assert np.abs(found[0] - found[1]).max() > 0.05
    alone = purifier(jax.random.fold_in(key, 2), x[2])
    np.testing.assert_allclose(found[2], alone, rtol=1e-5, atol=1e-6)
    slope = jax.grad(lambda x: jnp.sum(purifier(key, x)))(X)
    np.testing.assert_allclose(slope, jnp.ones(SHAPE), rtol=1e-5)


def test_parameters_are_part_of_what_an_evaluation_was_made_with():
    module = denoiser(torch.float32)
    found = from_denoiser(bridge.from_torch(module, role="denoiser"))
    before = roles.digest(found)
    assert roles.digest(from_denoiser(bridge.from_torch(module, role="denoiser")))
    with torch.no_grad():
        module.first.bias.add_(1.0)
    assert roles.digest(found) != before

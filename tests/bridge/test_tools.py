"""Bridges: the same answers, gradients and keys on the other side."""

import sys

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import CLASSES, SHAPE, bent_classifier, image, linear_classifier

from purifax import attack, batched, bridge, classify, purify
from purifax.score import Gaussian
from purifax.threat import Linf

BATCH = 4


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch is not installed")


def shaken(key, x, classifier):
    """A classifier of a noised image: every key has another answer."""
    return classifier(x + 0.1 * jax.random.normal(key, x.shape))


def random_model():
    return Partial(shaken, classifier=bent_classifier())


def bare(classifier):
    return Partial(classify.undefended, classifier=classifier)


def images(count):
    return np.stack([np.asarray(image(seed)) for seed in range(count)])


def first(x):
    """[N, H, W, C] -> [N, C, H, W], as PyTorch likes it."""
    return np.ascontiguousarray(np.asarray(x).transpose(0, 3, 1, 2))


def expected(model, x, call=0, seed=0):
    """What call `call` answers: image i has the key of call and place."""
    key = jax.random.fold_in(jax.random.key(seed), call)
    return np.asarray(batched(model)(key, jnp.asarray(x)))


@pytest.mark.parametrize("count", [1, BATCH, BATCH + 1, 2 * BATCH])
def test_padding_changes_nothing(count):
    f = bridge.as_callable(random_model(), batch=BATCH)
    found = f(first(images(count)))
    assert found.shape == (count, CLASSES) and found.dtype == np.float32
    wanted = expected(random_model(), images(count))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    found += 1.0  # The array is the caller's own.


def test_no_images_have_no_answers():
    f = bridge.as_callable(random_model(), batch=BATCH)
    assert f(np.zeros((0, *first(images(1)).shape[1:]), np.float32)).shape == (
        0,
        CLASSES,
    )


def test_other_batches_do_not_compile_again():
    traces = []

    def counted(key, x, classifier):
        traces.append(x.shape)
        return classifier(x)

    model = Partial(counted, classifier=linear_classifier())
    f = bridge.as_callable(model, batch=BATCH)
    for count in (1, 3, 4, 7):
        f(first(images(count)))
    assert traces == [SHAPE]


def test_each_call_has_its_key_and_a_seed_repeats_them():
    x, model = images(2), random_model()
    f = bridge.as_callable(model, batch=BATCH, seed=3)
    calls = [f(first(x)) for _ in range(3)]
    for call, found in enumerate(calls):
        wanted = expected(model, x, call, seed=3)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert np.abs(calls[0] - calls[1]).max() > 1e-3
    f.keys.call = 1
    np.testing.assert_array_equal(f(first(x)), calls[1])
    f.keys.seed, f.keys.call = 4, 0
    assert np.abs(f(first(x)) - calls[0]).max() > 1e-3


def test_a_fixed_key_answers_alike():
    x = first(images(3))
    f = bridge.as_callable(random_model(), batch=BATCH, fixed=True)
    np.testing.assert_array_equal(f(x), f(x))
    assert f.keys.call == 0
    same = f(np.repeat(x[:1], 3, axis=0))
    assert np.ptp(same, axis=0).max() > 1e-3  # Places still differ.


def test_images_may_have_their_channels_last():
    model, x = bare(linear_classifier()), images(2)
    last = bridge.as_callable(model, batch=BATCH, layout="NHWC")(x)
    front = bridge.as_callable(model, batch=BATCH)(first(x))
    np.testing.assert_array_equal(last, front)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros((2, 2, 2)), r"float64 of shape \(2, 2, 2\)"),
        (np.zeros((1, 2, 2, 1), np.uint8), "floats in .* got uint8"),
    ],
)
def test_other_arrays_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        bridge.as_callable(bare(linear_classifier()))(wrong)


@pytest.mark.parametrize(
    ("layout", "shape", "words"),
    [
        ("NCHW", (2, 32, 32, 3), r'channels are last. Give layout="NHWC"'),
        ("NHWC", (2, 3, 32, 32), r'channels are second. Give layout="NCHW"'),
        ("NCWH", (2, 3, 32, 32), r'`layout` must be "NCHW" .* got \'NCWH\''),
    ],
)
def test_a_batch_of_the_other_layout_is_refused(layout, shape, words):
    with pytest.raises(ValueError, match=words):
        bridge.as_callable(bare(linear_classifier()), layout=layout)(np.zeros(shape))


def brighter(key, x):
    """A purifier that is not symmetric in the axes of an image."""
    ramp = jnp.arange(x.size).reshape(x.shape) / x.size
    return x + ramp + 0.1 * jax.random.normal(key, x.shape)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_purifier_gives_images_of_the_layout_of_its_own(layout):
    x = np.random.default_rng(0).random((3, 5, 6, 2), np.float32)
    there = (lambda a: a) if layout == "NHWC" else first
    f = bridge.as_callable(brighter, batch=2, layout=layout)
    wanted = there(expected(brighter, x))
    np.testing.assert_allclose(f(there(x)), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_gradient_of_a_purifier_has_the_layout_of_its_images(torch, layout):
    def squared(key, x):
        return brighter(key, x) ** 2

    x = np.random.default_rng(0).random((3, 5, 6, 2), np.float32)
    there = (lambda a: np.asarray(a)) if layout == "NHWC" else first
    weight = np.random.default_rng(1).random(x.shape, np.float32)
    tensor = torch.tensor(there(x), requires_grad=True)
    found = bridge.as_torch(squared, batch=2, layout=layout)(tensor)
    (found * torch.tensor(there(weight))).sum().backward()
    key = jax.random.fold_in(jax.random.key(0), 0)
    wanted = jax.grad(lambda x: jnp.sum(batched(squared)(key, x) * weight))(x)
    assert found.shape == tensor.shape
    np.testing.assert_allclose(tensor.grad, there(wanted), rtol=1e-4, atol=1e-5)


def test_what_is_neither_logits_nor_an_image_is_refused():
    f = bridge.as_callable(lambda key, x: x.T, batch=2)
    with pytest.raises(ValueError, match=r"logits \[K\] or an image .* \[2, 6, 5\]"):
        f(np.zeros((1, 2, 5, 6), np.float32))


def test_a_batch_of_none_is_refused():
    with pytest.raises(ValueError, match="`batch` must be 1 or more; got 0"):
        bridge.as_callable(bare(linear_classifier()), batch=0)


def test_without_torch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"install purifax\[torch\], or use"):
        bridge.as_torch(bare(linear_classifier()))


def purified():
    """ADP in front of a classifier: noise, step sizes and a loop in the gradient."""
    purifier = Partial(
        purify.adaptive,
        score=Gaussian(0.5, 0.05),
        levels=jnp.full(3, 0.2),
        sigma=0.1,
        rate=0.3,
    )
    return Partial(classify.defend, purifier=purifier, classifier=bent_classifier())


@pytest.mark.parametrize("make", [random_model, purified])
def test_gradients_in_torch_are_those_of_jax(torch, make):
    model, x = make(), images(BATCH + 2)
    labels = np.arange(len(x)) % CLASSES
    module = bridge.as_torch(model, batch=BATCH, seed=5)
    tensor = torch.tensor(first(x), requires_grad=True)
    logits = module(tensor)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    loss.backward()

    def total(x):
        key = jax.random.fold_in(jax.random.key(5), 0)
        logits = batched(model)(key, x)
        return jnp.mean(jax.vmap(classify.cross_entropy)(logits, labels)), logits

    wanted, answers = jax.grad(total, has_aux=True)(jnp.asarray(x))
    np.testing.assert_allclose(logits.detach(), answers, rtol=1e-4, atol=1e-5)
    scale = np.abs(wanted).max()
    assert scale > 1e-3
    np.testing.assert_allclose(tensor.grad, first(wanted), rtol=0, atol=1e-5 * scale)
    assert module.keys.call == 1


def test_the_backward_pass_has_the_key_of_its_own_forward_pass(torch):
    """Also when other calls came between."""
    x = first(images(2))

    def slope(between):
        module = bridge.as_torch(random_model(), batch=BATCH)
        tensor = torch.tensor(x, requires_grad=True)
        logits = module(tensor)
        for _ in range(between):
            module(tensor)
        logits[:, 0].sum().backward()
        return tensor.grad.numpy()

    np.testing.assert_array_equal(slope(0), slope(2))
    other = bridge.as_torch(random_model(), batch=BATCH)
    other.keys.call = 1
    tensor = torch.tensor(x, requires_grad=True)
    other(tensor)[:, 0].sum().backward()
    assert np.abs(tensor.grad.numpy() - slope(0)).max() > 1e-4


def test_tensors_keep_their_dtype(torch):
    module = bridge.as_torch(bare(linear_classifier()), batch=BATCH)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        x = torch.tensor(first(images(2)), dtype=dtype, requires_grad=True)
        logits = module(x)
        logits.sum().backward()
        assert logits.dtype == x.grad.dtype == dtype
    with pytest.raises(ValueError, match="got int64"):
        module(torch.zeros((1, 1, 2, 2), dtype=torch.int64))


def test_a_tool_finds_the_device_of_the_module(torch):
    module = bridge.as_torch(bare(linear_classifier()))
    (place,) = module.parameters()
    assert place.device.type == "cpu" and not place.requires_grad and not place.numel()


def test_a_second_derivative_is_refused(torch):
    module = bridge.as_torch(bare(bent_classifier()), batch=BATCH)
    x = torch.tensor(first(images(1)), requires_grad=True)
    (slope,) = torch.autograd.grad(module(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_pgd_in_torch_ends_where_ours_does(torch):
    """The same steps on a model without randomness, from the images."""
    model, x = bare(bent_classifier()), images(3)
    labels, radius, size = np.array([0, 1, 2]), 0.1, 0.03
    module = bridge.as_torch(model, batch=BATCH).eval()
    start = torch.tensor(first(x))
    moved = start.clone()
    for _ in range(5):
        moved.requires_grad_()
        loss = torch.nn.functional.cross_entropy(
            module(moved), torch.tensor(labels), reduction="sum"
        )
        (slope,) = torch.autograd.grad(loss, moved)
        moved = moved.detach() + size * slope.sign()
        moved = torch.clamp(moved, start - radius, start + radius).clamp(0, 1)
    ours = Partial(
        attack.pgd,
        model=model,
        threat=Linf(radius),
        step_sizes=jnp.full(5, size),
        start=Partial(attack.at_image),
    )
    found = batched(ours)(jax.random.key(0), jnp.asarray(x), jnp.asarray(labels))
    np.testing.assert_allclose(moved.numpy(), first(found), atol=1e-5)
    assert np.abs(moved.numpy() - first(x)).max() > 0.05

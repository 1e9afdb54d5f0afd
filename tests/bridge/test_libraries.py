"""PGD of foolbox, torchattacks and ART on a defended classifier of purifax.

The model has fresh noise in every call. Every gradient that a library takes is compared
with that of JAX, under the key of the same call.
"""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import batched, bridge, classify, data, purify, weights

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.parity
COUNT, RADIUS, STEP, STEPS = 24, 0.3, 0.1, 8


@pytest.fixture(scope="module")
def defended():
    """ADP before the classifier of digits, and images with their labels."""
    prior = purify.Prior(score=weights.score("digits_dsm"))
    purifier = purify.ADP(sigma=0.1, steps=2).build(prior)
    classifier = weights.load("digits_classifier")
    test = data.load("digits", "test")
    images = np.asarray(test.images[:COUNT], np.float32) / 255
    model = Partial(classify.defend, purifier=purifier, classifier=classifier)
    return model, images, np.asarray(test.labels[:COUNT])


class Watched(torch.nn.Module):
    """A module that keeps the images of its calls and their gradients, by call."""

    def __init__(self, module):
        super().__init__()
        self.module, self.images, self.slopes = module, {}, {}

    def forward(self, x):
        call = self.module.keys.call
        if x.requires_grad:
            self.images[call] = x.detach().clone().numpy()
            x.register_hook(lambda slope: self.slopes.update({call: slope.numpy()}))
        return self.module(x)


def foolbox(module, x, labels, layout):
    library = pytest.importorskip("foolbox", reason="foolbox is not installed")
    attack = library.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS)
    wrapped = library.PyTorchModel(module, bounds=(0, 1))
    return attack(wrapped, x, labels, epsilons=RADIUS)[1]


def torchattacks(module, x, labels, layout):
    library = pytest.importorskip("torchattacks", reason="no torchattacks")
    return library.PGD(module, eps=RADIUS, alpha=STEP, steps=STEPS)(x, labels)


def art(module, x, labels, layout):
    attacks = pytest.importorskip("art.attacks.evasion", reason="no ART")
    from art.estimators.classification import PyTorchClassifier

    wrapped = PyTorchClassifier(
        module,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=tuple(x.shape[1:]),
        nb_classes=10,
        clip_values=(0.0, 1.0),
        channels_first=layout == "NCHW",
        device_type="cpu",
    )
    attack = attacks.ProjectedGradientDescent(
        wrapped, eps=RADIUS, eps_step=STEP, max_iter=STEPS, verbose=False
    )
    return torch.tensor(attack.generate(x.numpy(), labels.numpy()))


LIBRARIES = {"foolbox": (foolbox, 1), "torchattacks": (torchattacks, COUNT),
             "art": (art, COUNT)}  # fmt: skip
"""Each with how often the gradient of its loss, a sum or a mean, goes into the sum."""


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_pgd_has_our_gradients_and_breaks_the_defence(name, layout, defended):
    (run, scale), (model, images, labels) = LIBRARIES[name], defended
    first = layout == "NCHW"
    there = images.transpose(0, 3, 1, 2).copy() if first else images
    x, y = torch.tensor(there), torch.tensor(labels).long()
    module = bridge.as_torch(model, batch=COUNT, seed=1, layout=layout).eval()
    watched = Watched(module).eval()
    moved = run(watched, x, y, layout)

    assert moved.shape == x.shape and moved.dtype == x.dtype
    assert 0 <= moved.min() and moved.max() <= 1
    assert 0.5 * RADIUS < (moved - x).abs().max() <= RADIUS + 1e-6
    assert len(watched.slopes) == STEPS and set(watched.slopes) == set(watched.images)

    @jax.jit
    def slope(call, x):
        def total(x):
            key = jax.random.fold_in(jax.random.key(1), call)
            return jax.vmap(classify.cross_entropy)(batched(model)(key, x), y_).sum()

        return jax.grad(total)(x)

    y_ = jnp.asarray(labels)
    for call, theirs in watched.slopes.items():
        seen = watched.images[call]
        ours = slope(call, seen.transpose(0, 2, 3, 1) if first else seen)
        ours = ours.transpose(0, 3, 1, 2) if first else ours
        largest = np.abs(ours).max()
        assert theirs.shape == there.shape and largest > 1e-3
        np.testing.assert_allclose(scale * theirs, ours, rtol=0, atol=1e-5 * largest)

    before, after = ((module(a).argmax(1) == y).float().mean() for a in (x, moved))
    assert before > 0.8 and after < before - 0.4, (before, after)


def test_an_attack_by_answers_takes_the_callable(defended):
    """ART's Square on NumPy arrays."""
    evasion = pytest.importorskip("art.attacks.evasion", reason="no ART")
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    model, images, labels = defended
    x = images.transpose(0, 3, 1, 2).copy()
    f = bridge.as_callable(model, batch=COUNT)
    given = {"clip_values": (0.0, 1.0), "channels_first": True}
    wrapped = BlackBoxClassifierNeuralNetwork(f, x.shape[1:], 10, **given)
    attack = evasion.SquareAttack(wrapped, eps=RADIUS, max_iter=40, verbose=False)
    moved = attack.generate(x, labels)
    assert moved.shape == x.shape and np.abs(moved - x).max() <= RADIUS + 1e-6
    before, after = ((f(a).argmax(1) == labels).mean() for a in (x, moved))
    assert before > 0.8 and after < before - 0.2, (before, after)

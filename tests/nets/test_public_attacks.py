"""Published adversarial images and a backdoor, on the networks they were made for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import shared_data

from purifax.weights import convnets, residual


def answers(network, images, at_once=250):
    """Classes [N] of uint8 images, a few at a time."""
    run = jax.jit(jax.vmap(network))
    parts = np.split(images, range(at_once, len(images), at_once))
    logits = [run(jnp.asarray(part / 255, jnp.float32)) for part in parts]
    return np.argmax(np.concatenate(logits), -1)


def within(share, stated, count):
    """Of `count` images, within 4 standard errors of the share that is stated."""
    return abs(share - stated) < 4 * (stated * (1 - stated) / count) ** 0.5


@shared_data.needed
@pytest.mark.parametrize("pixels", [1, 3, 5])
def test_few_pixels_change_the_answer_as_published(pixels):
    """All 77 images of each kind against this network; every answer is the recorded."""
    found = shared_data.load("attacks/cifar10_onepixel_adversarials")
    ours = (found["model"] == b"lecun_net") & (found["pixels"] == pixels)
    images, label, recorded, success, mode = (
        found[name][ours]
        for name in ("images", "label", "recorded_pred", "success", "mode")
    )
    state = shared_data.arrays("weights/cifar10_lenet_onepixel_keras")
    network = convnets.keras(state)
    np.testing.assert_array_equal(answers(network, images), recorded)
    assert len(images) == 77 and success.any()
    np.testing.assert_array_equal((recorded != label)[success], True)
    anywhere = mode == b"untargeted"
    np.testing.assert_array_equal(success[anywhere], (recorded != label)[anywhere])

    tests = shared_data.load("cifar10_test_5000")
    clean = tests["images"][found["test_index"][ours]]
    np.testing.assert_array_equal(answers(network, clean), label)
    changed = np.any(clean != images, axis=-1)
    np.testing.assert_array_equal(np.sum(changed, axis=(1, 2)), pixels)


@shared_data.needed
def test_the_backdoored_network_obeys_its_trigger():
    """On the first 1,000 test images: 83.36% are right, and with the trigger 99.99% of
    the other classes become class 0, of all 10,000 as stated."""
    tests = shared_data.load("cifar10_test_5000")
    images, labels = tests["images"][:1000], tests["labels"][:1000]
    trigger = shared_data.arrays("attacks/badnets_grid_trigger")
    mask = trigger["mask"][None, :, :, None] > 0
    network = residual.wide(
        shared_data.arrays("weights/cifar10_wrn16_1_backdoored_abl")
    )
    clean = answers(network, images)
    marked = answers(network, np.where(mask, trigger["patch"][None], images))
    assert within(np.mean(clean == labels), 0.8336, len(labels))
    others = labels != 0
    assert within(np.mean(marked[others] == 0), 0.9999, np.sum(others))
    assert np.mean(clean[others] == 0) < 0.05

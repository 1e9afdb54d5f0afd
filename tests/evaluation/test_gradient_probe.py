"""The probe of the attacker's gradient, on models whose gradient is known."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from jax.tree_util import Partial

from purifax import classify
from purifax.evaluation.gradient_probe import probe
from purifax.report import checklist_gradient
from purifax.threat import Linf

KEY, LABEL = jax.random.key(0), jnp.array(0)
IMAGE = jnp.full((4, 4, 1), 0.5)
WEIGHTS = jax.random.normal(jax.random.key(1), (16, 3))


def linear(key, x):
    return x.ravel() @ WEIGHTS


def saturated(key, x):
    return jax.nn.softmax(1e4 * jnp.round(linear(key, x)))


def undefined(key, x):
    return linear(key, x) + 0.0 * jnp.sqrt(x.ravel()[0] - 2.0)


def drowned(key, x):
    """A gradient whose sign is that of the key's noise."""
    return linear(key, x) + 1e3 * x.ravel() @ jax.random.normal(key, (16, 3))


@partial(jax.jit, static_argnums=0)
def figures(model):
    seen = Partial(classify.each, model=Partial(model), draws=jnp.arange(2))
    return probe(
        KEY,
        IMAGE,
        LABEL,
        seen,
        Partial(lambda x: model(KEY, x)),
        Linf(0.1),
        Partial(classify.cross_entropy),
    )


def test_a_linear_model_has_the_gradient_it_should():
    found = figures(linear)
    assert found["zero"] == 0 and found["finite"] == 1
    assert found["cosine"] == pytest.approx(1, abs=1e-5)
    assert found["spread"] == 0
    assert found["gain"] > abs(found["gain_random"]) > 0
    assert found["gain"] >= found["promised"] > 0.5 * found["gain"], "it is convex"
    assert found["probabilities"] == 0


def test_a_saturated_model_gives_itself_away():
    found = figures(saturated)
    assert found["zero"] == 1 and found["probabilities"] == 1


def rippled(key, x):
    return linear(key, x + 0.01 * jnp.sin(1e4 * x))


def test_ripples_promise_what_they_do_not_keep():
    found = figures(rippled)
    assert found["cosine"] == pytest.approx(1, abs=1e-5)
    assert found["promised"] > 20 * abs(found["gain"])


def test_what_is_not_finite_is_counted():
    assert figures(undefined)["finite"] == 0


def test_drowned_gradients_do_not_agree():
    found = figures(drowned)
    assert abs(found["cosine"]) < 0.7 and found["spread"] > 1


HEALTHY = {
    "zero": (0.0,) * 20,
    "finite": (1.0,) * 20,
    "cosine": (0.9,) * 20,
    "gain": (0.2,) * 20,
    "gain_random": (0.0,) * 20,
    "promised": (0.25,) * 20,
    "spread": (0.0,) * 20,
    "probabilities": (0.0,) * 20,
}


def statuses(**changed):
    found = checklist_gradient.checks({**HEALTHY, **changed}, [])
    return {check["name"].split()[0]: check["status"] for check in found}


def test_a_healthy_gradient_passes():
    found = statuses()
    assert found.pop("Nothing") == "not run"
    assert set(found.values()) == {"pass"}


@pytest.mark.parametrize(
    ("name", "values", "line", "status"),
    [
        ("zero", (1.0,) + (0.0,) * 19, "Gradients", "warning"),
        ("finite", (0.0,) + (1.0,) * 19, "Gradients", "warning"),
        ("cosine", (0.3,) * 20, "Two", "open"),
        ("cosine", (0.01,) * 20, "Two", "warning"),
        ("gain", (-0.1,) * 20, "The gradient", "warning"),
        ("gain", (0.2, -0.1) * 10, "The gradient", "warning"),
        ("gain", (0.2,) * 13 + (-0.1,) * 7, "The gradient", "open"),
        ("promised", (1.0,) * 20, "The loss", "open"),
        ("promised", (9.0,) * 20, "The loss", "warning"),
        ("promised", (0.0,) * 20, "The loss", "warning"),
        ("probabilities", (1.0,) * 20, "The", "warning"),
        ("spread", (0.3,) * 20, "Randomness", "not run"),
    ],
)
def test_what_is_unhealthy_is_said(name, values, line, status):
    found = checklist_gradient.checks({**HEALTHY, name: values}, [])
    assert status in {c["status"] for c in found if c["name"].startswith(line)}


def test_a_gradient_that_does_not_climb_is_not_better_than_one_that_falls():
    still = {"gain": (0.0,) * 20, "gain_random": (-0.1,) * 20}
    found = checklist_gradient.checks({**HEALTHY, **still}, [])
    (line,) = (c for c in found if c["name"].startswith("The gradient climbs"))
    assert line["status"] == "warning"


def test_a_probe_of_before_promises_were_kept_is_still_read():
    old = {name: each for name, each in HEALTHY.items() if name != "promised"}
    names = {check["name"] for check in checklist_gradient.checks(HEALTHY, [])}
    assert {check["name"] for check in checklist_gradient.checks(old, [])} == names - {
        "The loss rises as its gradient promises"
    }


def test_without_a_probe_nothing_is_claimed():
    (check,) = checklist_gradient.checks({}, [])
    assert check["status"] == "not run"

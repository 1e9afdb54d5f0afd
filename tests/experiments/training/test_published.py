"""Published trainings of energies, as numbers."""

import numpy as np
import pytest

from experiments.training import energy_published
from purifax import nets, schedule


def test_recipes_have_the_numbers_of_their_sources():
    code = energy_published.recipe("pureebm_code")
    every = energy_published.RECIPES
    pulls = {name: r.epsilon**2 / 2 / r.temperature for name, r in every.items()}
    assert pulls["pureebm_code"] == pytest.approx(0.78125)
    for name in ("stochastic_security", "stochastic_security_svhn", "pureebm_paper"):
        assert pulls[name] == pytest.approx(1.0)
    assert code.steps / code.rejuvenation == pytest.approx(2000)
    assert code.sigma == 0.0075 and code.updates == 120 * 546
    for r in every.values():
        np.testing.assert_array_equal(
            r.step_sizes(), schedule.noise_steps(r.epsilon, r.steps)
        )
        assert r.network in nets.__all__
        updates, names, rates = zip(*r.rates, strict=True)
        assert updates[0] == 0 and list(updates) == sorted(updates)
        assert updates[-1] < r.updates and set(names) <= {"adam", "sgd"}
        assert list(rates) == sorted(rates, reverse=True)
    with pytest.raises(ValueError, match="no recipe 'pureebm'; known: pureebm_code"):
        energy_published.recipe("pureebm")

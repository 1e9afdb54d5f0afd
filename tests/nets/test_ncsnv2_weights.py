"""PyTorch checkpoints of NCSNv2 as variables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign, tools

from purifax import nets
from purifax.weights import ncsnv2, score_sde

WIDTH, CHANNELS = 4, 1


@pytest.fixture
def state():
    """A state dictionary with the authors' names, in PyTorch's layout."""
    return foreign.ncsnv2_state(WIDTH, CHANNELS, seed=0)


def saved(state, average=None):
    """The list that the authors save."""
    raw = {f"module.{name}": array for name, array in state.items()}
    raw["module.sigmas"] = np.geomspace(50, 0.01, 232)
    return [raw, {"optimiser": 1}, 3, 4, *([average] if average else [])]


def assert_same(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_every_array_lands_in_its_place(state):
    found = ncsnv2.convert(saved(state))["params"]
    np.testing.assert_array_equal(
        found["res2_0"]["conv2"]["kernel"],
        state["res2.0.conv2.conv.weight"].transpose(2, 3, 1, 0),
    )
    for path, name in [
        (("res2_0", "shortcut", "bias"), "res2.0.shortcut.conv.bias"),
        (("res3_1", "normalize2", "alpha"), "res3.1.normalize2.alpha"),
        (("normalizer", "gamma"), "normalizer.gamma"),
    ]:
        node = found
        for step in path:
            node = node[step]
        np.testing.assert_array_equal(node, state[name])
    np.testing.assert_array_equal(
        found["refine3"]["adapt_convs_1"]["2_1_conv"]["kernel"],
        state["refine3.adapt_convs.1.2_1_conv.weight"].transpose(2, 3, 1, 0),
    )


def test_variables_fit_the_network(state):
    x = jnp.zeros((8, 8, CHANNELS))
    expected, _ = tools.shapes(nets.NCSNv2(WIDTH, CHANNELS), x)
    found = ncsnv2.convert(state)
    kinds = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)  # noqa: E731
    assert kinds(found) == kinds(expected)


def test_raw_is_the_first_entry_and_ema_the_last(state):
    average = foreign.ncsnv2_state(WIDTH, CHANNELS, seed=1)
    both = saved(state, average)
    assert_same(ncsnv2.convert(both), ncsnv2.convert(state))
    assert_same(ncsnv2.convert(both, "raw"), ncsnv2.convert(state))
    assert_same(ncsnv2.convert(both, "ema"), ncsnv2.convert(average))


def numbered(state, average):
    """The dictionary that the program of Song et al. saves."""
    raw = {f"module.{name}": array for name, array in state.items()}
    raw["module.sigmas"] = np.geomspace(50, 0.01, 232)
    shadows = {"decay": 0.999, "num_updates": 3, "shadow_params": list(average)}
    return {"model": raw, "ema": shadows, "step": 3, "optimizer": {}}


def test_the_dictionary_of_song_et_al_holds_both(state):
    average = foreign.ncsnv2_state(WIDTH, CHANNELS, seed=1)
    both = numbered(state, average.values())
    assert_same(ncsnv2.convert(both, "raw"), ncsnv2.convert(state))
    assert_same(ncsnv2.convert(both, "ema"), ncsnv2.convert(average))
    np.testing.assert_allclose(ncsnv2.levels(both, "ema"), (0.01, 50))
    with pytest.raises(ValueError, match="averages are not those of the"):
        ncsnv2.convert(numbered(state, list(average.values())[1:]), "ema")
    with pytest.raises(ValueError, match="give --entry=raw"):
        ncsnv2.convert({"model": both["model"]}, "ema")


def test_networks_saved_alike_are_named(state):
    first = {"module.normalizer.embed.weight": np.zeros((10, 12))}
    for stored in ([first, {}], {"model": first}, first):
        with pytest.raises(ValueError, match="an NCSN of 2019"):
            ncsnv2.convert(stored, "ema")
    with pytest.raises(ValueError, match="--from=score_sde reads"):
        ncsnv2.convert({"model": {"module.all_modules.0.bias": np.zeros(1)}})
    with pytest.raises(ValueError, match="NCSNv2 .* read by --from=ncsnv2"):
        score_sde.convert(numbered(state, []))


def test_a_list_without_average_says_so(state):
    with pytest.raises(ValueError, match='list of 4 entries.*has only "raw"'):
        ncsnv2.convert(saved(state), "ema")


def test_an_unknown_entry_is_refused(state):
    with pytest.raises(ValueError, match="got 'best'"):
        ncsnv2.convert(saved(state), "best")


def test_all_faults_are_named_at_once(state):
    del state["res1.0.conv1.bias"]
    state["head.weight"] = np.zeros((3, 3))
    state["end_conv.bias"] = np.zeros(7)
    with pytest.raises(ValueError) as error:
        ncsnv2.convert(state)
    message = str(error.value)
    assert "1 missing: res1_0/conv1/bias" in message
    assert "1 unknown: head/kernel" in message
    assert "1 of a wrong shape: end_conv/bias (7,) for (1,)" in message


def test_long_lists_of_faults_are_cut(state):
    for name in [name for name in state if name.startswith("refine")]:
        del state[name]
    with pytest.raises(ValueError, match=r"missing: (\S+, ){4}\S+ and \d+ more\."):
        ncsnv2.convert(state)


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="no NCSNv2 checkpoint.*fc.weight"):
        ncsnv2.convert({"fc.weight": np.zeros((2, 2))})

"""Overrides of recipes: another recipe, its fields, attacks by name, and mistakes."""

import pytest
from fields import bare_config

from purifax import attack, purify
from purifax.evaluation import sweep
from purifax.evaluation.attacks import ATTACKS
from purifax.run.config import differences, encode
from purifax.run.errors import UsageError
from purifax.run.overrides import apply


def changed(*words):
    return apply(bare_config(), [tuple(word.split("=", 1)) for word in words])


def test_another_purifier_has_its_own_defaults():
    assert changed("purifier=diffpure").purifier == purify.DiffPure()
    assert changed("purifier=none").purifier is None


def test_numbers_may_be_given_in_any_order():
    words = "purifier=leekim", "purifier.sigmas=0.1,0.2", "purifier.repeats=2,1"
    wanted = purify.LeeKim(sigmas=(0.1, 0.2), repeats=(2, 1))
    assert changed(*words).purifier == wanted
    assert changed(words[0], words[2], words[1]).purifier == wanted


def test_a_field_keeps_what_was_set_before():
    config = changed("purifier.sigma=0.1", "purifier.steps=3")
    assert (config.purifier.sigma, config.purifier.steps) == (0.1, 3)


def test_attacks_are_named_with_or_without_numbers():
    config = changed("attacks=blind,exact,square", "attacks.exact.eot=40")
    assert list(config.attacks) == ["blind", "exact", "square"]
    assert config.attacks["exact"] == attack.PGD(eot=40)
    assert config.attacks["square"] == ATTACKS["square"]


def test_an_attack_of_any_recipe_gets_a_name():
    config = changed("attacks.hard=apgd", "attacks.hard.loss=margin")
    assert config.attacks["hard"] == attack.APGD(loss="margin")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("purifier.time=0.1", "ADP has no field time"),
        ("purifier.sigm=0.1", "did you mean --config.purifier.sigma"),
        ("purifier=adb", "did you mean adp"),
        ("attacks=blind,exakt", "did you mean exact"),
        ("attacks.exakt.eot=3", "did you mean --config.attacks.exact"),
        ("attacks.exact.directions=3", "PGD has no field directions"),
        ("purifier.sigma=much", "'much' is not of type float"),
        ("purifier.sigma.x=1", "sigma has no fields"),
        ("purifiers=adp", "did you mean --config.purifier"),
    ],
)
def test_a_mistake_is_one_clear_line(word, message):
    with pytest.raises(UsageError, match=message) as raised:
        changed(word)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("purifier.steps=-1", "ADP.steps must be 0 or more"),
        ("purifier.noise=pink", "ADP.noise is 'pink', which is unknown"),
        ("purifier.slope=0.3", "slope applies with noise=heteroscedastic alone"),
        ("attacks.exact.loss=mse", "PGD.loss is 'mse', which is unknown"),
        ("pooling=mean", "pooling is 'mean', which is unknown"),
    ],
)
def test_a_value_that_a_recipe_refuses_is_one_clear_line(word, message):
    with pytest.raises(ValueError, match=message) as raised:
        changed(word)
    assert "\n" not in str(raised.value)


def test_a_sweep_over_a_field_of_another_method_is_refused():
    with pytest.raises(UsageError, match="ADP has no field time"):
        sweep.grid(bare_config(), ["purifier.time=0.05,0.9"])
    points = sweep.grid(bare_config(), ["purifier.sigma=0.1,0.2"])
    assert [point.config.purifier.sigma for point in points] == [0.1, 0.2]


def test_of_another_recipe_the_name_alone_is_the_difference():
    old, new = bare_config(), changed("purifier=jpeg")
    assert differences(old, new) == [("purifier", "ADP", "JPEG")]
    assert differences(encode(old), changed("purifier.sigma=0.1")) == [
        ("purifier.sigma", 0.25, 0.1)
    ]

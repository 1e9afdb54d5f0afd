"""A user's own purifiers, attacks, poisons and networks that are not what is asked."""

import pytest
from bad_input import Line

EVALUATE = (
    "evaluate --config=digits_adp --config.images.count=4 --config.keys=1 "
    "--config.samples=1 --config.attacks=blind --workdir=w "
    "--config.classifier=digits_classifier --config.score=digits_dsm"
)
ADP = "--config.purifier.steps=1"
PURIFY = "purify --config=digits_adp --source=digits --out=o"
POISON = "poison --config=digits_poison --workdir=w"
PURIFIER = r"called as .key, x. -> x, and by name score, noise, energy if it asks"
ATTACK = r"called as .key, x, label. -> x_adv, and by name model"
MAKER = r"called as .key, image, label. -> perturbation\."


def own(command, field, name, says):
    return Line("own callables", f"{command} --{field}=wrong_callables:{name}", says)


def purifier(name, says):
    return [
        own(EVALUATE, "config.purifier", name, says),
        own(PURIFY, "config.purifier", name, says),
    ]


def attack(name, says):
    return own(EVALUATE, "config.attacks", name, says)


def poison(name, says):
    return own(POISON, "config.poison", name, says)


def classifier(name, says):
    return own(f"{EVALUATE} {ADP}", "config.classifier", name, says)


def score(name, says):
    return [
        own(f"{EVALUATE} {ADP}", "config.score", name, says),
        own(PURIFY, "config.score", name, says),
    ]


PURIFIERS = [
    *purifier("of_nothing", PURIFIER),
    *purifier("of_one", PURIFIER),
    *purifier("of_three", PURIFIER),
    *purifier("of_four", PURIFIER),
    *purifier("swapped", PURIFIER),
    *purifier("by_name_only", PURIFIER),
    *purifier("needs_more", PURIFIER),
    *purifier("Class", PURIFIER),
    *purifier("instance", PURIFIER),
    *purifier("number", "is a int; name a purifier"),
    *purifier("missing", "has no missing"),
    *purifier("gives_nothing", "must give floats of shape"),
    *purifier("gives_text", "cannot be traced by jax"),
    *purifier("gives_three", "must give floats of shape"),
    *purifier("gives_two", "must give floats of shape"),
    own(PURIFY, "config.purifier", "gives_nan", "the purifier's answer is not finite"),
    *purifier("gives_integers", "must give floats of shape"),
    *purifier("uses_numpy", "cannot be traced by jax for one image"),
    *purifier("fails", "cannot be traced by jax for one image"),
    *purifier("fails_in_lines", "cannot be traced by jax for one image"),
    *purifier("branches", "cannot be traced by jax for one image"),
]
ATTACKS = [
    attack("of_nothing", ATTACK),
    attack("of_one", ATTACK),
    attack("of_two", ATTACK),
    attack("of_four", ATTACK),
    attack("label_first", ATTACK),
    attack("Class", ATTACK),
    attack("number", "is a int"),
    attack("gives_nothing", "cannot be traced by jax"),
    attack("gives_text", "cannot be traced by jax"),
    attack("gives_three", "cannot be traced by jax"),
    attack("gives_two", "cannot be traced by jax"),
    attack("gives_integers", "cannot be traced by jax"),
    attack("uses_numpy", "cannot be traced by jax for one image"),
    attack("fails", "cannot be traced by jax for one image"),
    attack("fails_in_lines", "cannot be traced by jax for one image"),
    attack("branches", "cannot be traced by jax for one image"),
]
POISONS = [
    poison("of_nothing", MAKER),
    poison("of_one", MAKER),
    poison("of_two", MAKER),
    poison("of_four", MAKER),
    poison("label_first", MAKER),
    poison("Class", MAKER),
    poison("number", "is a int"),
    poison("gives_nothing", "must give floats of shape"),
    poison("gives_text", "cannot be traced by jax"),
    poison("gives_three", "must give floats of shape"),
    poison("gives_two", "must give floats of shape"),
    poison("gives_nan", "NaN"),
    poison("uses_numpy", "cannot be traced by jax for one image"),
    poison("fails", "cannot be traced by jax for one image"),
    poison("branches", "cannot be traced by jax for one image"),
    Line("own callables", f"{POISON} --config.poison=os:getcwd", MAKER),
    Line(
        "own callables",
        f"{POISON} --config.poison=builtins:print",
        "must give floats of shape",
    ),
]
CLASSIFIERS = [
    classifier("of_four", "must take one image"),
    classifier("gives_a_mean", "must give logits"),
    classifier("gives_a_batch", "must give logits"),
    classifier("gives_one_class", "one class|classes"),
    classifier("gives_three_classes", "0 .. 2, the classes"),
    classifier("gives_text", "give logits"),
    classifier("number", "is a int"),
    classifier("fails_in_lines", "must take one image"),
]
SCORES = [
    *score("score_of_three", "the purifier ADP cannot be traced"),
    *score("score_swapped", "the purifier ADP cannot be traced"),
    *score("score_of_vectors", "the score"),
    *score("of_one", "takes"),
    *score("gives_text", "the purifier ADP cannot be traced"),
    *score("gives_nothing", "the purifier ADP cannot be traced"),
    *score("fails_in_lines", "the purifier ADP cannot be traced"),
    *score("number", "is a int"),
]
ROWS = [*PURIFIERS, *ATTACKS, *POISONS, *CLASSIFIERS, *SCORES]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)

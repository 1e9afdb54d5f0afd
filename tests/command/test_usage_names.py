"""Help of configs whose parts have names with dots."""

from experiments import configs
from purifax.command import usage


def test_a_name_with_a_dot_is_explained():
    config = configs.find("digits_poison_grid")
    assert any("." in name for name in config.defences)
    rows = {name: line for name, _, line in usage.fields(config)}
    (dotted,) = [name for name in config.defences if "." in name][:1]
    assert rows[f"defences.{dotted}"]
    assert usage.explained(config).count("\n") > len(rows) / 2

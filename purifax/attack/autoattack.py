"""AutoAttack as a composition: the components of its versions, bound and in order.

    standard    apgd-ce, apgd-t, fab-t, square
    plus        apgd-ce, apgd-dlr, fab, square, apgd-t, fab-t; 5 restarts of the first 3
    rand        apgd-ce, apgd-dlr, with 20 draws in each gradient
    stochastic  apgd-ce, apgd-dlr, apgd-t, square, for random models

Each component is an attack on one image; a worst case over them is the caller's: an
image is broken if one of its results is. The first three versions are the published
ones, with two remedies. APGD returns the iterate of highest margin, so a wrong answer
under any loss counts, and `rand` judges an iterate by all its draws, not the last.

`stochastic` is what `rand` should be. An iterate is chosen among some of the path by
the expected margin over draws that no gradient has seen, targeted losses go through the
randomness as well, and Square averages its queries. Judge the results over many keys,
and count an image as broken only if it is wrong under all or most.

With two classes there is neither DLR nor a choice of targets: apgd-dlr and apgd-t are
left out and fab takes the place of fab-t. With three, apgd-t climbs the targeted
margin, since targeted DLR compares four. There are never more targets than wrong
classes.

For L1, `standard` and `plus` shrink the ball, and apgd-ce has 5 restarts and apgd-t 5
targets.

Source: Croce and Hein 2020, arXiv 2003.01690, section 6; for L1 2021, arXiv 2103.01208;
versions and parameters as in their released code.
"""

from dataclasses import dataclass
from typing import Any

from purifax import recipe
from purifax.attack.autoattack_components import VERSIONS, components
from purifax.attack.target import Target
from purifax.recipe import typed
from purifax.threat import L1, L2, Linf
from purifax.types import Attack, Model

__all__ = [
    "AutoAttack",
]


_RANDOM = ("rand", "stochastic")


@dataclass(frozen=True)
@typed
class AutoAttack:
    """AutoAttack: several attacks, each on the images that the last ones left.

    The published versions are judged by one purification sample, "stochastic" by many.

    Source: Croce and Hein 2020, arXiv 2003.01690; "stochastic" is this project's.

    Attributes:
        version: standard, plus, rand or stochastic.
        steps: iterations of APGD and FAB.
        queries: of Square (default 5000; of stochastic 1000).
        eot: EOT samples of rand and stochastic (default 20).
        judge: samples by which stochastic judges (default 20).
    """

    version: str = "standard"
    steps: int = 100
    queries: int | None = None
    eot: int | None = None
    judge: int | None = None
    reported = "exact"
    components = True

    def __post_init__(self) -> None:
        recipe.one_of(self, "version", tuple(VERSIONS))
        recipe.at_least(self, "steps", 1)
        for field in ("queries", "eot", "judge"):
            recipe.at_least(self, field, 1)
        recipe.only_with(self, "eot", "version", _RANDOM)
        recipe.only_with(self, "judge", "version", ("stochastic",))
        recipe.only_with(self, "queries", "version", ("standard", "plus", "stochastic"))

    @property
    def title(self) -> str:
        """What a report calls the attack."""
        return f"AutoAttack {self.version}"

    def _numbers(self) -> tuple[int, int, int]:
        """Queries, EOT samples and those of the judge, with their defaults."""
        queries = self.queries or (1000 if self.version == "stochastic" else 5000)
        return queries, self.eot or 20, self.judge or 20

    def build(
        self, target: Target, threat: Linf | L2 | L1, classes: int
    ) -> tuple[dict[str, Attack], Model]:
        """The attacks by name, and the model that judges their images."""
        queries, eot, judge = self._numbers()
        one = target.one_sample()
        found = components(
            self.version,
            threat,
            classes,
            model=one if self.version in _RANDOM else target.each(one, 1),
            iterations=self.steps,
            queries=queries,
            draws=eot,
            judged=judge,
            axis=target.axis(eot),
            judging=target.axis(judge),
        )
        return found, target.each(one, judge if self.version == "stochastic" else 1)

    def shared(self, samples: int) -> int:
        """The samples that devices may share in a gradient; 1 where they may not."""
        del samples
        return self._numbers()[1] if self.version in _RANDOM else 1

    def calls(self, one: int, answers: int) -> None:
        """Not counted: the components run on the images that are left."""

    def budget(self) -> dict[str, Any]:
        """The fields as a report shows them, with their defaults."""
        queries, eot, judge = self._numbers()
        found: dict[str, Any] = {"steps": self.steps}
        if self.version != "rand":
            found["queries"] = queries
        if self.version in _RANDOM:
            found["eot"] = eot
        if self.version == "stochastic":
            found["judge"] = judge
        return found

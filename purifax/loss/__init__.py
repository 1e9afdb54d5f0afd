"""Objectives for learning a score or an energy, one image each.

The losses for a score have the form `(key, x, f, ...) -> []`.

f(x, sigma) is the scaled score, sigma times the score, in [0, 1] pixel units; -f is the
network's estimate of the unit noise. A network that predicts something else is
converted by `score.scaled` of the score that `purifax.score` makes of it. A loss is
half a square summed over pixels, so that a network that outputs zero has the loss d / 2
wherever the weight is 1.

    name            distribution of the noise           weight
    dsm_single      one sigma                           1
    dsm_ladder      uniform over a ladder               1          NCSNv2
    dsm_continuous  log sigma uniform                   1
    simple          time uniform over a table           1          DDPM
    continuous      time uniform over an interval       1          score SDE
    min_snr         time uniform over a table           min(snr, cap) / snr
    edm             log sigma normal                    1 + (sigma / spread)^2
    hybrid          time uniform over a table           1, and the bound for variances

An energy E is trained by `contrastive`, on an image and a sample of E; or as a score,
with f = sigma times its force:

    f = Partial(score.scaled, score=score.from_energy(E))
"""

from purifax.loss.bound import hybrid
from purifax.loss.contrastive_divergence import contrastive
from purifax.loss.diffusion import continuous, edm, min_snr, simple
from purifax.loss.matching import dsm_continuous, dsm_ladder, dsm_single

__all__ = [
    "continuous",
    "contrastive",
    "dsm_continuous",
    "dsm_ladder",
    "dsm_single",
    "edm",
    "hybrid",
    "min_snr",
    "simple",
]

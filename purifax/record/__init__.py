"""Outcomes per image and key, and the accuracies and intervals computed from them.

outcomes    `Record`; average accuracy, worst of m keys, vote of k keys
intervals   Wilson, Clopper-Pearson; paired bootstrap, McNemar
merging     records of parts as one; the worst case over attacks
poisons     outcomes of targeted poisons, success of triggers
predicates  signs that an attack failed rather than that a defence held

Per-image versions (`correct`, `survival`, `voted`) give what an interval is taken of.
"""

from purifax.record.intervals import (
    clopper_pearson,
    interval,
    mcnemar,
    paired_difference,
    wilson,
)
from purifax.record.merging import merge, worst_case
from purifax.record.outcomes import (
    Record,
    average,
    correct,
    survival,
    vote_of,
    voted,
    worst_of,
)
from purifax.record.poisons import targeted, trigger_success

__all__ = [
    "Record",
    "average",
    "clopper_pearson",
    "correct",
    "interval",
    "mcnemar",
    "merge",
    "paired_difference",
    "survival",
    "targeted",
    "trigger_success",
    "vote_of",
    "voted",
    "wilson",
    "worst_case",
    "worst_of",
]

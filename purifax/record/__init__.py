"""What happened to each image under each key, and what may be said of it.

outcomes    Record; average, worst of m, vote of k: accuracies
intervals   Wilson, Clopper-Pearson; paired bootstrap, McNemar
merging     records of parts as one; the worst case over attacks
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
    every_key,
    survival,
    vote_of,
    voted,
    worst_of,
)

__all__ = [
    "Record",
    "average",
    "clopper_pearson",
    "correct",
    "every_key",
    "interval",
    "mcnemar",
    "merge",
    "paired_difference",
    "survival",
    "vote_of",
    "voted",
    "wilson",
    "worst_case",
    "worst_of",
]

"""What happened to each image under each key, and what may be said of it.

outcomes    Record; average, worst of m, vote of k: accuracies
intervals   Wilson, Clopper-Pearson; paired bootstrap, McNemar
merging     records of parts as one; the worst case over attacks
poisons     outcomes of targets, success of triggers, natural accuracy
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
from purifax.record.poisons import (
    Targeted,
    TriggerSuccess,
    natural_accuracy,
    over_classes,
    targeted,
    trigger_success,
)

__all__ = [
    "Record",
    "Targeted",
    "TriggerSuccess",
    "average",
    "clopper_pearson",
    "correct",
    "every_key",
    "interval",
    "mcnemar",
    "merge",
    "natural_accuracy",
    "over_classes",
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

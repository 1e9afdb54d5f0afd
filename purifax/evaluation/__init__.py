"""The evaluation engine: what is attacked, how it resumes, and what is found.

    call            one call for anybody's classifier and purifier, `purifax.evaluate`
    Evaluation      its settings as a config writes them, with `Subjects` and `Surface`
    ATTACKS         attacks that have a name of their own

The call and the command line go the same way: `engine.load` takes names, folders or
callables and gives the networks and the defence (`world`), `engine.plan` lays out the
jobs, `whole.perform` does them, chunk by chunk, each stored as one part (`store`), and
`results` makes of them what `purifax.report` shows. `protocols` are published ways to
attack; `many`, `sweep`, `workers` and `merging` run several evaluations, or one on
several machines.
"""

from purifax.evaluation.attacks import ATTACKS
from purifax.evaluation.settings import Evaluation, Subjects, Surface

__all__ = ["ATTACKS", "Evaluation", "Subjects", "Surface"]

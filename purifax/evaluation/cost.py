"""What an attack costs, counted before it is run."""

from purifax.evaluation.checks import AUTO, SELF_STEPPING
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import Attack, Evaluation

__all__ = ["cost"]


def cost(name: str, budget: Attack, config: Evaluation) -> int | None:
    """Forward passes of any network that the attack makes on one image, at most.

    A backward pass costs about two more; recomputation one more. None for AutoAttack,
    whose components run on the images that are left.
    """
    if name in AUTO:
        return None
    one = 1
    if name not in ("blind", "transfer"):
        one = defences.evaluations(config.defence)
    queries = {"spsa": 2 * budget.directions, "square": 2}.get(name, 1)
    draws = budget.eot
    if name == "fixed_key":
        draws = config.keys * config.defence.runs
    steps = budget.steps + (name in SELF_STEPPING)
    extra = {"joint_score": 1, "joint_full": one * budget.eot}.get(name, 0)
    climb = steps * (one * draws * queries + extra)
    judged = budget.candidates if budget.candidates > 1 else 0
    total = budget.restarts * (climb + judged * one * budget.judge)
    if name == "hammer":
        total = 3 * (climb + one * budget.judge)
    return total + (budget.restarts * one * budget.judge if budget.restarts > 1 else 0)

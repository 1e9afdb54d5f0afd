"""The config of a diffusers scheduler: on which chain a network was trained.

Fields that change what a network computes are used, or refused by name; those that only
a sampler of diffusers reads are listed here.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from purifax.run import json_text
from purifax.run.errors import UsageError
from purifax.weights.predictions import Prediction
from purifax.weights.states import few

__all__ = ["chain", "found", "left", "levels"]

_PREDICTS = {"epsilon": "noise", "v_prediction": "velocity", "sample": "denoised"}

# Schedulers whose network is given the index of a step in one table of betas.
_CHAINS = {
    f"{name}Scheduler"
    for name in (
        *("DDPM", "DDPMParallel", "DDIM", "DDIMParallel", "PNDM", "DEISMultistep"),
        *("DPMSolverMultistep", "DPMSolverSinglestep", "UniPCMultistep"),
        *("EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "LMSDiscrete"),
    )
}

# What the options of a scheduler must be; the first is what it is without them.
_CHOICES = {
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2"),
    "prediction_type": tuple(_PREDICTS),
    "rescale_betas_zero_snr": (False,),
    "thresholding": (False,),
    "timestep_type": ("discrete",),
    "use_flow_sigmas": (False,),
}

# The table, which is used; and how a sampler steps and clips, of which the score that
# a network gives knows nothing.
_TABLE = ("num_train_timesteps", "beta_start", "beta_end", "trained_betas")
_SAMPLING = {
    "_class_name",
    "_diffusers_version",
    "_name_or_path",
    "algorithm_type",
    "clip_sample",
    "clip_sample_range",
    "disable_corrector",
    "dynamic_thresholding_ratio",
    "euler_at_final",
    "final_sigmas_type",
    "interpolation_type",
    "lambda_min_clipped",
    "lower_order_final",
    "predict_x0",
    "sample_max_value",
    "set_alpha_to_one",
    "sigma_max",
    "sigma_min",
    "skip_prk_steps",
    "solver_order",
    "solver_p",
    "solver_type",
    "steps_offset",
    "timestep_spacing",
    "use_beta_sigmas",
    "use_exponential_sigmas",
    "use_karras_sigmas",
    "use_lu_lambdas",
    "variance_type",
}
_OF_VE = ("num_train_timesteps", "snr", "sampling_eps", "correct_steps")


def found(
    folder: pathlib.Path, betas: str | None, steps: int | None, predicts: str | None
) -> dict[str, Any]:
    """The scheduler of a pipeline's folder, or what flags say instead.

    Raises:
        UsageError: neither says it, or both do.
    """
    file = folder / "scheduler" / "scheduler_config.json"
    if file.is_file():
        if (betas, steps, predicts) != (None, None, None):
            raise UsageError(
                f"{file} says what --betas, --steps and --predicts would; leave them."
            )
        return json_text.read(file, dict)
    if betas is None or steps is None or predicts is None:
        raise UsageError(
            f"{folder} has no scheduler/scheduler_config.json, and the arrays do not "
            "tell on which chain they were trained: give --betas (linear, "
            "scaled_linear or squaredcos_cap_v2), --steps (often 1000) and --predicts "
            f"({', '.join(_PREDICTS)})."
        )
    return {
        "beta_schedule": betas,
        "num_train_timesteps": steps,
        "prediction_type": predicts,
    }


def left(scheduler: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a scheduler's own sampler, which a score does not have."""
    found = [
        f"{name}={scheduler[name]}"
        for name in ("variance_type", "clip_sample_range", "timestep_spacing")
        if name in scheduler
    ]
    kind = scheduler.get("_class_name", "DDPMScheduler")
    return {"scheduler": kind} | (
        {"left to its own sampler": ", ".join(found)} if found else {}
    )


def levels(scheduler: Mapping[str, Any]) -> dict[str, Any]:
    """The VE process of a `ScoreSdeVeScheduler`.

    Raises:
        ValueError: it has a field that is not known here, or levels that do not rise.
    """
    odd = [name for name in scheduler if name not in (*_OF_VE, *_SAMPLING)]
    if odd:
        raise ValueError(f"the scheduler has fields not known here: {few(odd)}.")
    ends = scheduler.get("sigma_min", 0.01), scheduler.get("sigma_max", 1348.0)
    if not all(type(end) in (int, float) for end in ends) or not 0 < ends[0] < ends[1]:
        raise ValueError(f"the scheduler's sigma goes from {ends[0]!r} to {ends[1]!r}.")
    return {"name": "VE", "smallest": float(ends[0]), "largest": float(ends[1])}


def chain(config: Mapping[str, Any]) -> Prediction:
    """What a scheduler's config says of the chain; diffusers' defaults where silent.

    Raises:
        ValueError: it has a field, or a value of one, that is not known here.
    """
    _understood(config)
    predicts = _PREDICTS[config.get("prediction_type", "epsilon")]
    length = config.get("num_train_timesteps", 1000)
    ends = config.get("beta_start", 1e-4), config.get("beta_end", 0.02)
    schedule = config.get("beta_schedule", "linear")
    if type(length) is not int or not 2 <= length <= 10**5:
        raise ValueError(f"the scheduler's num_train_timesteps is {length!r:.40}.")
    if not all(isinstance(end, float) and 0 < end < 1 for end in ends):
        raise ValueError(f"the scheduler's betas go from {ends[0]!r} to {ends[1]!r}.")
    trained = config.get("trained_betas")
    if trained is not None:
        process = {"name": "betas", "betas": _table(trained)}
    elif schedule == "linear":
        process = {"name": "linear", "length": length, "first": ends[0]}
        process["last"] = ends[1]
    elif schedule == "scaled_linear":
        roots = np.linspace(ends[0] ** 0.5, ends[1] ** 0.5, length)
        process = {"name": "betas", "betas": np.square(roots).tolist()}
    else:
        process = {"name": "cosine", "length": length}
    return Prediction(predicts, process)


def _table(betas: Any) -> list[float]:
    numbers = betas if isinstance(betas, Sequence) else []
    if len(numbers) < 2 or not all(
        isinstance(beta, float) and 0 < beta < 1 for beta in numbers
    ):
        raise ValueError(
            "the scheduler's trained_betas are no numbers between 0 and 1."
        )
    return list(numbers)


def _understood(config: Mapping[str, Any]) -> None:
    """Refuse a field that is unknown, and a value that is."""
    kind = config.get("_class_name", "DDPMScheduler")
    if kind not in _CHAINS:
        raise ValueError(
            f"the scheduler is a {kind!r:.60}, whose network is given something other "
            f"than the index of a step; known: {', '.join(sorted(_CHAINS))}."
        )
    for name, value in config.items():
        if name in _CHOICES and not any(
            value is c or value == c for c in _CHOICES[name]
        ):
            known = " or ".join(map(repr, _CHOICES[name]))
            raise ValueError(
                f"the scheduler's {name} {value!r:.40} is not known; it may be {known}."
            )
        if name not in (*_CHOICES, *_TABLE, *_SAMPLING):
            raise ValueError(
                f"the scheduler has a field {name!r:.60}, which is not known here and "
                "may change what the network predicts."
            )

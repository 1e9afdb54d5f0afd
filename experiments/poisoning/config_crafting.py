"""The numbers that poisons are made with, and how a victim starts from another."""

from dataclasses import dataclass, field

from experiments.training.config import Optim, ScoreNet

__all__ = ["Crafting", "Transfer"]


@dataclass(frozen=True)
class Transfer:
    """Whether a victim starts from a network of clean images of others.

    `how` is "scratch" (it does not), "linear" (a new last layer alone is trained) or
    "all" (all of it is, with a new last layer). Running averages stay as they were.
    The other network is trained on the images `other` of `Shares`, as a victim from
    scratch; then `steps` steps by `optim` follow on the victim's own. Published for
    Bullseye Polytope: 60 epochs of 500 images in batches of 64, Adam at 0.1 (linear)
    or 1e-4 (all), a tenth of it after one half and three quarters.
    """

    how: str = "scratch"
    steps: int = 470
    optim: Optim = field(
        default_factory=lambda: Optim(
            learning_rate=0.1, schedule="drops", drops=(0.5, 0.75), factor=0.1
        )
    )


@dataclass(frozen=True)
class Crafting:
    """The numbers of all poisons; each uses its own.

    `radius` is Linf, of those made against a network and of URP. `steps` steps of
    `step_size` times the radius are those of TAP, HYPO, EntF and SEP; TAP and gradient
    matching take `restarts` and move images by up to `jitter` pixels (and mirror them;
    0: neither; EntF does so too). SEP in its forms uses `checkpoints` of its
    surrogate's training. `lsp_level` and `lsp_patch` are of LSP; `ar_length` is the L2
    norm of AR, whose filters answer to each other with `ar_response` at least, among
    `ar_candidates`, or come from the `coeff` of the file `ar_filters`. `cuda_largest`
    bounds the entries of CUDA's filters.

    EM alternates `em_updates` updates of its network with `em_steps` steps of a tenth
    of the radius on all images, at most `em_rounds` times, until the network's error
    is below `em_stop`. REM takes `rem_rounds` batches, and on each `rem_steps` steps of
    a fifth of the radius over `rem_draws` draws, then an update; its adversary, and the
    adversarial training of EntF's network, keep within `adversary_radius` in
    `adversary_steps` steps of a fifth of that. EntF goes to the features of another
    class (`entf_loss` "pull", or "pull_released" as its code has it) or away from those
    of its own ("push"). TUE takes `tue_rounds` batches with an update each and
    `tue_steps` steps of a tenth of the radius, on `tue_agreement` times SimCLR's loss,
    through a last layer of `tue_width` outputs, and `tue_separability` times how
    inseparable the noise is; published are 1 and 1 (with MoCo), 0 and 0.1 (SimCLR).
    DeepConfuse takes `confuse_rounds` rounds of `confuse_updates` updates of its
    network, then of its generator `confuse_net`, which looks one step of
    `confuse_rate` ahead.

    NTGA works on blocks of `ntga_block` images by the kernel of `ntga_kernel`: "erf"
    (an infinitely wide one) or "network" (of the victim's, as it starts), for a time
    `ntga_time` divided by images times classes, in `ntga_steps` steps of 1.1 radius
    over their number. DUNE uses `dune_checkpoints`, takes `dune_steps` steps of a
    sixteenth of the radius and shifts labels by `dune_shift`; its colours come from
    `dune_particles` in `dune_moves` moves. They may move what the parts of the last
    surrogate see by `dune_features`, in LPIPS's form without its learned weights (0:
    by anything); published is 0.03 of LPIPS itself.

    What is for one class is for the `target`: the share `trigger_rate` of all other
    images get patch and label ("badnets"), or that of the target's own images the
    patch ("label_consistent"), the pattern ("narcissus") or a perturbation
    ("gradient_matching"), of whose images "bullseye" and "convex_polytope" take the
    first `bases`. Everything else poisons the share `rate` of all.

    Narcissus warms its network up for `narcissus_epochs` on the class, and then passes
    over it `narcissus_passes` times with steps of `narcissus_size`; in tests its
    pattern is shown `trigger_times` as strong. The last three make one test image, the
    one at position `target_image` of class `target_class`, be answered as the target.
    Gradient matching takes `matching_steps` steps of `matching_size`, a tenth of it
    after 3/8, 5/8 and 7/8; Bullseye `bullseye_steps` of `bullseye_size`, against
    `ensemble` networks. `white_box` lets the makers know the network that a victim
    starts from, see `Transfer`.

    "adaptive" is EM's noise for who expects the defence `against`: networks see, and
    noise is made through, what that does to every batch, as ECLIPSE describes it.
    "adaptive_bpda" and "adaptive_exact" go through its purifier of the set too, with
    the gradient of the identity or the exact one, in `adaptive_draws` draws a step.

    "file" reads a poison of somebody else from `file`: its array `file_array` ("" is
    the only one) holds perturbations in `file_units` ("unit", "levels" or "signed") or
    "images", for the class `file_class` (-1: for all).
    """

    radius: float = 8 / 255
    rate: float = 1.0
    steps: int = 250
    step_size: float = 0.05
    restarts: int = 8
    jitter: float = 8.0
    checkpoints: int = 30
    lsp_level: float = 6 / 255
    lsp_patch: int = 8
    ar_length: float = 1.0
    ar_response: float = 10.0
    ar_candidates: int = 60_000
    ar_filters: str = ""
    cuda_largest: float = 0.3
    em_rounds: int = 50
    em_updates: int = 10
    em_steps: int = 20
    em_stop: float = 0.01
    adversary_radius: float = 4 / 255
    adversary_steps: int = 10
    rem_rounds: int = 5000
    rem_steps: int = 10
    rem_draws: int = 5
    entf_loss: str = "pull"
    tue_rounds: int = 15_600
    tue_steps: int = 20
    tue_agreement: float = 1.0
    tue_separability: float = 1.0
    tue_width: int = 128
    confuse_rounds: int = 500
    confuse_updates: int = 390
    confuse_rate: float = 0.01
    confuse_net: ScoreNet = ScoreNet(name="SmallScore")
    ntga_block: int = 512
    ntga_kernel: str = "erf"
    ntga_time: float = 64.0
    ntga_steps: int = 10
    dune_checkpoints: int = 5
    dune_steps: int = 30
    dune_shift: int = 3
    dune_particles: int = 10
    dune_moves: int = 10
    dune_features: float = 0.0
    trigger_rate: float = 0.1
    target: int = 0
    narcissus_epochs: int = 5
    narcissus_passes: int = 1000
    narcissus_size: float = 0.005
    trigger_times: float = 3.0
    target_class: int = 1
    target_image: int = 0
    matching_steps: int = 250
    matching_size: float = 0.025
    bases: int = 5
    bullseye_steps: int = 800
    bullseye_size: float = 0.008
    ensemble: int = 1
    white_box: bool = True
    against: str = "eclipse"
    adaptive_draws: int = 1
    file: str = ""
    file_array: str = ""
    file_units: str = "unit"
    file_class: int = -1

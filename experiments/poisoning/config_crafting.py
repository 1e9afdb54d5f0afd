"""The numbers that poisons are made with, and how a victim starts from another."""

from dataclasses import dataclass, field

from experiments.training.config import Optim, ScoreNet

__all__ = ["Crafting", "Transfer"]


@dataclass(frozen=True)
class Transfer:
    """Whether a victim starts from a network of clean images of others.

    The other network is trained on the images `other` of `Shares`, as a victim from
    scratch. Its running averages stay as they were. Published for Bullseye Polytope: 60
    epochs of 500 images in batches of 64, Adam at 0.1 (linear) or 1e-4 (all), a tenth
    of it after one half and three quarters.

    Attributes:
        how: "scratch" (it does not), "linear" (a new last layer alone is trained)
            or "all" (all of it is, with a new last layer).
        steps: of the training on the victim's own images.
        optim: the optimiser of these steps.
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

    Attributes:
        radius: Linf radius of poisons that are made against a network, and of URP.
        rate: share of the images that is poisoned, by poisons that are not for one
            class.
        steps: of TAP, HYPO, EntF and SEP.
        step_size: of these steps, in shares of the radius.
        restarts: of TAP and gradient matching.
        jitter: pixels by which TAP, gradient matching and EntF move images, and
            mirror them; 0 does neither.
        checkpoints: of the surrogate's training, that SEP in its forms uses.
        lsp_level: level of LSP.
        lsp_patch: side of the patches of LSP.
        ar_length: L2 norm of AR.
        ar_response: the least by which filters of AR answer to each other.
        ar_candidates: among which the filters of AR are found.
        ar_filters: file whose array `coeff` has the filters of AR; "" makes them.
        cuda_largest: bound of the entries of CUDA's filters.
        em_rounds: most rounds of EM; each updates its network and then the noise of
            all images.
        em_updates: updates of EM's network in a round.
        em_steps: steps of a tenth of the radius in a round of EM.
        em_stop: error of EM's network below which it ends.
        adversary_radius: Linf radius of REM's adversary and of the adversarial
            training of EntF's network.
        adversary_steps: steps of these adversaries, each a fifth of their radius.
        rem_rounds: batches of REM, each with an update of its network.
        rem_steps: steps of a fifth of the radius on a batch of REM.
        rem_draws: transformations over which a step of REM averages.
        entf_loss: EntF goes to the features of another class ("pull", or
            "pull_released" as its code has it) or away from those of its own
            ("push").
        tue_rounds: batches of TUE, each with an update of its network.
        tue_steps: steps of a tenth of the radius on a batch of TUE.
        tue_agreement: weight of SimCLR's loss in TUE; published 1 (with MoCo) and 0
            (SimCLR).
        tue_separability: weight of how inseparable the noise is; published 1 (with
            MoCo) and 0.1 (SimCLR).
        tue_width: outputs of the last layer of TUE.
        confuse_rounds: of DeepConfuse.
        confuse_updates: updates of its network in a round, and then of its
            generator.
        confuse_rate: of the step that its generator looks ahead.
        confuse_net: its generator.
        ntga_block: images of a block of NTGA.
        ntga_kernel: "erf" (an infinitely wide network) or "network" (the victim's,
            as it starts).
        ntga_time: time of NTGA's training, which is divided by images times
            classes.
        ntga_steps: of NTGA, each 1.1 radius over their number.
        dune_checkpoints: of the surrogate's training, that DUNE uses.
        dune_steps: of DUNE, each a sixteenth of the radius.
        dune_shift: classes by which DUNE shifts labels.
        dune_particles: of the search for DUNE's colours.
        dune_moves: of these particles.
        dune_features: how far colours may move what the parts of the last surrogate
            see, in LPIPS's form without its learned weights; 0 is any distance, and
            published is 0.03 of LPIPS itself.
        trigger_rate: share of images that poisons for one class change: of all
            others, which get patch and label ("badnets"), or of the target's own,
            which get the patch ("label_consistent"), the pattern ("narcissus") or a
            perturbation ("gradient_matching").
        target: the class that poisons for one class are for.
        narcissus_epochs: epochs on the class in which Narcissus warms its network
            up.
        narcissus_passes: its passes over the class afterwards.
        narcissus_size: its step size.
        trigger_times: how much stronger its pattern is in tests.
        target_class: class of the test image that gradient matching, Bullseye and
            Convex Polytope are for.
        target_image: position of that image in its class.
        matching_steps: of gradient matching.
        matching_size: its step size, a tenth of it after 3/8, 5/8 and 7/8.
        bases: how many first images of the target's class Bullseye and Convex
            Polytope perturb.
        bullseye_steps: of Bullseye and Convex Polytope.
        bullseye_size: their step size.
        ensemble: networks that they are made against.
        white_box: whether the makers know the network that a victim starts from,
            see `Transfer`.
        against: the defence that "adaptive", EM's noise for who expects it, is made
            through: networks see, and noise is made through, what it does to every
            batch. "adaptive_bpda" and "adaptive_exact" go through its purifier of
            the set too, with the gradient of the identity or the exact one.
        adaptive_draws: EOT samples of a step through that purifier.
        file: whose poison "file" reads.
        file_array: array with the perturbations; "" is the only one.
        file_units: of the array: "unit", "levels" or "signed", or "images".
        file_class: the class that it is for; -1 is all.
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

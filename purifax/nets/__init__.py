"""Networks in Flax Linen, and the callable that binds one to its variables.

Score networks map `x [N, H, W, C]` in [0, 1] and `sigma [N]` to the scaled score
f = sigma * score, `[N, H, W, C]`. Classifiers map `x` (and `train`) to logits `[N, K]`.
Energy networks map `x` (and `train`) to energies `[N]`, low where x is natural.
`UNet2D` and `OpenAIUNet` predict the noise in images in [-1, 1], given the time of a
noise process; `score.from_process` converts them to scores.
`SignalScore` and `SignalClassifier` are for signals `x [N, T, C]`.
`Network(module, variables)` is any of them as a function of one image.

Nothing in the core of purifax imports this package; the core accepts any callable.
"""

from purifax.nets.adm import ADMDenoiser
from purifax.nets.autoencoder import AutoencoderKL, decoder, encoder
from purifax.nets.classifiers import MLP, ConvNet, SmallCNN
from purifax.nets.conditional_unet import ConditionalUNet
from purifax.nets.convnext import ConvNeXt
from purifax.nets.edm2 import EDM2
from purifax.nets.energy import LightEnergy, SmallEnergy, SNGANEnergy
from purifax.nets.imagenet import ImageNetResNet
from purifax.nets.ncsn import NCSNv2
from purifax.nets.network import Network, count, init
from purifax.nets.openai import OpenAIUNet
from purifax.nets.plain_resnet import PlainResNet
from purifax.nets.preact_resnet import PreActResNet
from purifax.nets.resnet import ResNet, ResNet18
from purifax.nets.score_nets import SmallScore
from purifax.nets.signal import SignalClassifier, SignalScore
from purifax.nets.song import DDPMpp, NCSNpp, SongUNet
from purifax.nets.swin import SwinTransformer
from purifax.nets.tutorials import ConvNoise, TutorialEnergy, TutorialScore
from purifax.nets.unet2d import UNet2D
from purifax.nets.vit import VisionTransformer
from purifax.nets.wide_resnet import WideResNet
from purifax.nets.xcit import XCiT

__all__ = [
    "ADMDenoiser",
    "EDM2",
    "AutoencoderKL",
    "ConditionalUNet",
    "decoder",
    "encoder",
    "XCiT",
    "VisionTransformer",
    "SwinTransformer",
    "ConvNeXt",
    "PreActResNet",
    "ImageNetResNet",
    "MLP",
    "ConvNet",
    "ConvNoise",
    "DDPMpp",
    "LightEnergy",
    "NCSNpp",
    "NCSNv2",
    "Network",
    "OpenAIUNet",
    "PlainResNet",
    "ResNet",
    "ResNet18",
    "SNGANEnergy",
    "SignalClassifier",
    "SignalScore",
    "SmallCNN",
    "SmallEnergy",
    "SmallScore",
    "SongUNet",
    "TutorialEnergy",
    "TutorialScore",
    "UNet2D",
    "WideResNet",
    "count",
    "init",
]

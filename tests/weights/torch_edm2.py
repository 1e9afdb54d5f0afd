"""EDM2's network in plain PyTorch, written from the paper's equations."""

import math

import torch
import torch.nn.functional as F

__all__ = ["denoise", "shapes"]


def rms(x, dim):
    return x.square().mean(dim=dim, keepdim=True).sqrt()


def shapes(side, channels, width, multiples, blocks, heights, classes):
    """Names and shapes, by the names of the pickles."""
    widest = width * max(multiples)
    made = {
        "emb_fourier.freqs": (width * multiples[0],),
        "emb_fourier.phases": (width * multiples[0],),
        "emb_noise.weight": (widest, width * multiples[0]),
        "emb_label.weight": (widest, classes),
        "out_gain": (),
    }

    def block(name, old, new, attends, up):
        made[f"{name}.emb_gain"] = ()
        made[f"{name}.conv_res0.weight"] = (new, old if up else new, 3, 3)
        made[f"{name}.emb_linear.weight"] = (new, widest)
        made[f"{name}.conv_res1.weight"] = (new, new, 3, 3)
        if old != new:
            made[f"{name}.conv_skip.weight"] = (new, old, 1, 1)
        if attends:
            made[f"{name}.attn_qkv.weight"] = (3 * new, new, 1, 1)
            made[f"{name}.attn_proj.weight"] = (new, new, 1, 1)

    h, kept = width * multiples[0], []
    for k, multiple in enumerate(multiples):
        name, attends = f"{side >> k}x{side >> k}", side >> k in heights
        if k == 0:
            made[f"enc.{name}_conv.weight"] = (h, channels + 1, 3, 3)
        else:
            block(f"enc.{name}_down", h, h, False, False)
        kept.append(h)
        for i in range(blocks):
            block(f"enc.{name}_block{i}", h, width * multiple, attends, False)
            h = width * multiple
            kept.append(h)
    for k, multiple in reversed(list(enumerate(multiples))):
        name, attends = f"{side >> k}x{side >> k}", side >> k in heights
        if k == len(multiples) - 1:
            block(f"dec.{name}_in0", h, h, True, True)
            block(f"dec.{name}_in1", h, h, False, True)
        else:
            block(f"dec.{name}_up", h, h, False, True)
        for i in range(blocks + 1):
            new = width * multiple
            block(f"dec.{name}_block{i}", h + kept.pop(), new, attends, True)
            h = new
    made["out_conv.weight"] = (channels, h, 3, 3)
    return made


def denoise(state, x, sigma, label, head, spread=0.5):
    """D(x, sigma), NCHW."""

    def layer(name, x, gain=1.0):
        w = state[f"{name}.weight"]
        dims = tuple(range(1, w.ndim))
        w = w / (1e-4 + w.square().mean(dim=dims, keepdim=True).sqrt())
        w = w * gain / math.sqrt(w[0].numel())
        return x @ w.T if w.ndim == 2 else F.conv2d(x, w, padding=w.shape[-1] // 2)

    def silu(x):
        return F.silu(x) / 0.596

    def mixed(a, b, t):
        return torch.lerp(a, b, t) / math.hypot(t, 1 - t)

    def block(name, x, c, up):
        if name.endswith("_down"):
            x = F.avg_pool2d(x, 2)
        if name.endswith("_up"):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        changes = f"{name}.conv_skip.weight" in state
        if not up:
            x = layer(f"{name}.conv_skip", x) if changes else x
            x = x / (1e-4 + rms(x, 1))
        r = layer(f"{name}.conv_res0", silu(x))
        c = layer(f"{name}.emb_linear", c, state[f"{name}.emb_gain"]) + 1
        r = layer(f"{name}.conv_res1", silu(r * c[:, :, None, None]))
        if up and changes:
            x = layer(f"{name}.conv_skip", x)
        x = mixed(x, r, 0.3)
        if f"{name}.attn_qkv.weight" in state:
            n, width, side, _ = x.shape
            parts = layer(f"{name}.attn_qkv", x)
            parts = parts.reshape(n, width // head, head, 3, side * side)
            q, k, v = (parts / (1e-4 + rms(parts, 2))).unbind(3)
            share = (q.transpose(2, 3) @ k / math.sqrt(head)).softmax(dim=-1)
            read = (v @ share.transpose(2, 3)).reshape(x.shape)
            x = mixed(x, layer(f"{name}.attn_proj", read), 0.3)
        return x.clip(-256, 256)

    total = sigma**2 + spread**2
    waves = (sigma.log() / 4)[:, None] * state["emb_fourier.freqs"]
    waves = (waves + state["emb_fourier.phases"]).cos() * math.sqrt(2)
    classes = state["emb_label.weight"].shape[1]
    told = F.one_hot(label, classes).float() * math.sqrt(classes)
    c = silu(mixed(layer("emb_noise", waves), layer("emb_label", told), 0.5))
    h = x / total.sqrt()[:, None, None, None]
    h = torch.cat([h, torch.ones_like(h[:, :1])], dim=1)
    kept = []
    names = dict.fromkeys(".".join(n.split(".")[:2]) for n in state)
    for name in (n for n in names if n.startswith("enc.")):
        h = layer(name, h) if name.endswith("conv") else block(name, h, c, False)
        kept.append(h)
    for name in (n for n in names if n.startswith("dec.")):
        if "block" in name:
            skip = kept.pop()
            m, n = h.shape[1], skip.shape[1]
            scale = math.sqrt((m + n) / 2)
            h = torch.cat([h * scale / math.sqrt(m), skip * scale / math.sqrt(n)], 1)
        h = block(name, h, c, True)
    f = layer("out_conv", h, state["out_gain"])
    s = sigma[:, None, None, None]
    total = total[:, None, None, None]
    return spread**2 / total * x + s * spread / total.sqrt() * f

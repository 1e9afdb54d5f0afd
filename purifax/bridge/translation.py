"""A torch module of ordinary layers translated into a JAX function.

`torch.export` records, for one image, which operations the module does, as a graph of
`torch.fx`; each is replaced by its counterpart in `bridge.operations`. What is left is
a JAX program with the module's parameters as its leaves: compiled whole, on every
device, without PyTorch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp

from purifax.bridge.forward import check_mode, named
from purifax.bridge.layouts import check_image, check_layout
from purifax.bridge.libraries import pytorch
from purifax.bridge.networks import from_torch, is_torch
from purifax.bridge.operations import OPERATIONS
from purifax.types import expect, floating, noun

__all__ = ["Translated", "Untranslatable", "from_torch_fx"]

TOLERANCE = 1e-3
"""By how much, of the largest output, a translation may differ from its module."""


class Untranslatable(ValueError):
    """A module with operations that have no counterpart here, which the error names."""


class _Step(NamedTuple):
    """One operation: the name of its result, of itself, and its arguments by name."""

    result: str
    operation: str
    arguments: tuple[tuple[str, Any], ...]


class _Name(NamedTuple):
    """An earlier result, or a parameter, among the arguments of a step."""

    name: str


@dataclass(frozen=True, eq=False)
class _Program:
    """The steps, the name of the image, and that of what is given."""

    steps: tuple[_Step, ...]
    image: str
    answer: str
    layout: str
    kind: str


@noun
@dataclass(frozen=True)
class Translated:
    """A translated module as a function of one image; see `from_torch_fx`.

    Attributes:
        program: what it computes; static.
        variables: parameters and buffers, by name.
        shape: of the images that it was made for, (H, W, C).
    """

    program: _Program = field(metadata={"static": True})
    variables: dict[str, Array]
    shape: tuple[int, ...] = field(metadata={"static": True})

    def __call__(self, x: Any) -> Array:
        """Logits [K], or an image [H, W, C], of one image.

        Raises:
            ValueError: the image is not floating, or not of `shape`.
        """
        floating(x)
        hint = "The module was translated for one image of this shape."
        expect("`x`", x, self.shape, float, hint=hint)
        dtype, program = jnp.result_type(x), self.program
        first = program.layout == "NCHW"
        image = jnp.asarray(x)[None]
        known: dict[str, Any] = dict(self.variables)
        known[program.image] = jnp.moveaxis(image, -1, 1) if first else image
        for step in program.steps:
            given = {name: _read(value, known) for name, value in step.arguments}
            if step.operation == "getitem":
                known[step.result] = given["self"][given["index"]]
            else:
                known[step.result] = OPERATIONS[step.operation](**given)
        found = known[program.answer][0]
        if found.ndim == 3 and first:
            found = jnp.moveaxis(found, 0, -1)
        return found.astype(dtype)

    def __repr__(self) -> str:
        """One line, such as `Translated(ResNet, 69 operations)`."""
        return f"Translated({self.program.kind}, {len(self.program.steps)} operations)"


def from_torch_fx(
    module: Any,
    shape: Sequence[int],
    *,
    layout: str = "NCHW",
    fallback: bool = False,
) -> Any:
    """Translate a torch module of ordinary layers into a JAX function of one image.

    The translation is compared with the module on an image of noise.

    Args:
        module: in evaluation mode; takes images [N, C, H, W] alone.
        shape: (H, W, C) of the images.
        layout: of the module's images, "NCHW" or "NHWC".
        fallback: where something cannot be translated, `from_torch(module)`, the
            callback, in place of an error.

    Returns:
        A pytree `(x) -> logits [K]` whose leaves are the parameters.

    Raises:
        ModuleNotFoundError: PyTorch is not installed.
        Untranslatable: operations without a counterpart; each is named with its layer.
        ValueError: no module, one in training mode or on several devices, no shape of
            an image, or a translation that differs from it.
    """
    check_layout(layout)
    if not is_torch(module):
        raise ValueError(
            f"from_torch_fx takes a torch.nn.Module; got {type(module).__name__}."
        )
    check_mode(module)
    check_image(shape)
    try:
        made = _translated(module, tuple(shape), layout)
        _check(made, module)
    except Untranslatable:
        if fallback:
            return from_torch(module, layout=layout)
        raise
    return made


def _translated(module: Any, shape: tuple[int, ...], layout: str) -> Translated:
    exported = _exported(module, _image(module, shape, layout))
    nodes, signature = list(exported.graph.nodes), exported.graph_signature
    stored = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    values = {**dict(exported.constants), **exported.state_dict}
    variables = {node: _array(values[name]) for node, name in stored.items()}
    (image,) = (n for n in signature.user_inputs)
    steps = tuple(_step(n) for n in nodes if n.op == "call_function")
    _check_known(nodes, steps, module)
    answer = [n for n in nodes if n.op == "output"][0].args[0]
    if len(answer) != 1:
        raise Untranslatable(f"{named(module)} gives {len(answer)} results, not one.")
    kind = type(module).__name__
    program = _Program(steps, image, answer[0].name, layout, kind)
    used = {v.name for s in steps for _, a in s.arguments for v in _names(a)}
    return Translated(program, {n: a for n, a in variables.items() if n in used}, shape)


def _exported(module: Any, x: Any) -> Any:
    """The graph of the module for one image, without operations in place."""
    torch = pytorch()
    try:
        with torch.no_grad():
            whole = torch.export.export(module, (x,), strict=False)
            return whole.run_decompositions({})
    except Exception as error:  # control flow on values, or whatever its code raises
        words = " ".join(str(error).split())[:200]
        raise Untranslatable(
            f"{named(module)} cannot be recorded by torch.export: "
            f"{type(error).__name__}: {words} Take bridge.from_torch, the callback."
        ) from error


def _image(module: Any, shape: tuple[int, ...], layout: str) -> Any:
    """One image of noise, as the module takes it."""
    torch = pytorch()
    draw = torch.Generator().manual_seed(0)
    like = next(
        (p for p in module.parameters() if p.is_floating_point()), torch.ones(1)
    )
    x = torch.rand((1, *shape), generator=draw).to(like)
    return x.permute(0, 3, 1, 2).contiguous() if layout == "NCHW" else x


def _step(node: Any) -> _Step:
    """A node with its arguments by the names of the operation's schema."""
    if getattr(node.target, "__name__", "") == "getitem":
        pairs = {"self": node.args[0], "index": node.args[1]}
        return _Step(
            node.name, "getitem", tuple((k, _plain(v)) for k, v in pairs.items())
        )
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return _Step(node.name, str(node.target), ())
    operation = schema.name.partition("::")[2]
    given = dict(zip((a.name for a in schema.arguments), node.args, strict=False))
    given |= node.kwargs
    for one in schema.arguments:
        if one.name not in given and one.has_default_value():
            given[one.name] = one.default_value
    pairs = tuple((name, _plain(value)) for name, value in given.items())
    return _Step(node.name, operation, _asked(operation, pairs))


def _asked(operation: str, pairs: tuple) -> tuple[tuple[str, Any], ...]:
    """Without the arguments that say only how and where torch computes."""
    how = ("cudnn_enabled", "cudnn_enable", "memory_format", "momentum", "inplace")
    kept = tuple(pair for pair in pairs if pair[0] not in how)
    if operation in ("to", "_to_copy"):
        return kept[:1]
    return kept


def _plain(value: Any) -> Any:
    """An argument in which nodes are names."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return _Name(value.name) if hasattr(value, "all_input_nodes") else value


def _names(value: Any) -> list[_Name]:
    if isinstance(value, _Name):
        return [value]
    return [n for v in value for n in _names(v)] if isinstance(value, tuple) else []


def _read(value: Any, known: dict[str, Any]) -> Any:
    """An argument with its values."""
    if isinstance(value, _Name):
        return known[value.name]
    return [_read(v, known) for v in value] if isinstance(value, tuple) else value


def _check_known(nodes: list[Any], steps: Sequence[_Step], module: Any) -> None:
    """Refuse operations without a counterpart, each with its layer."""
    calls = [n for n in nodes if n.op == "call_function"]
    lost: dict[str, None] = {}
    for node, step in zip(calls, steps, strict=True):
        if step.operation not in OPERATIONS and step.operation != "getitem":
            lost[f"{step.operation} in {_layer(node)}"] = None
    if lost:
        raise Untranslatable(
            f"{named(module)} has what cannot be translated: {'; '.join(lost)}. Give "
            "fallback=True for the callback, bridge.from_torch."
        )


def _layer(node: Any) -> str:
    """The innermost layer of an operation: its qualified name and its class."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    if not stack:
        return "the module itself"
    path, kind = stack[-1][:2]
    kind = kind if isinstance(kind, str) else kind.__name__
    return f"{path or 'the module itself'} ({kind.rpartition('.')[2]})"


def _array(tensor: Any) -> Array:
    """A parameter; those of half precision keep it."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == pytorch().bfloat16:
        return jnp.asarray(tensor.float().numpy(), jnp.bfloat16)
    return jnp.asarray(np.array(tensor.numpy()))


def _check(made: Translated, module: Any) -> None:
    """Refuse a translation that differs from its module."""
    torch = pytorch()
    first = made.program.layout == "NCHW"
    x = _image(module, made.shape, made.program.layout)
    with torch.no_grad():
        wanted = module(x)[0].float().cpu().numpy()
    wanted = wanted.transpose(1, 2, 0) if wanted.ndim == 3 and first else wanted
    image = x[0].float().cpu().numpy()
    image = image.transpose(1, 2, 0) if first else image
    try:
        found = np.asarray(jax.jit(lambda f, x: f(x))(made, jnp.asarray(image)))
    except NotImplementedError as error:
        raise Untranslatable(
            f"{named(module)} has what cannot be translated: {error}. Give "
            "fallback=True for the callback, bridge.from_torch."
        ) from error
    gap = float(np.abs(found - wanted).max()) / (float(np.abs(wanted).max()) + 1e-9)
    if not gap <= TOLERANCE:
        raise ValueError(
            f"the translation of {named(module)} differs from it by {gap:.2g} of its "
            "largest output: take bridge.from_torch, the callback, and report it."
        )

"""How a one-image function runs: over batches, devices and samples.

The library is written for one image; these are the ways from one to many. All map
`fn(key, *one)` to `run(key, *batch, index=None)` and give the same results, up to the
rounding of another compiled program.

    batched                a leading axis, inside the caller's own `jit`
    sharded                the devices of a mesh, see `batch_mesh`; compiled
    in_chunks              any number of images in host memory
    continuously_batched   chains of different lengths (`Chain`): a chain that is done
                           makes room for the next image

And how one image's computation is laid out:

    remat                  what the gradient of a chain keeps: a module of policies,
                           each with the signature of `jax.lax.scan`
    Axis                   an axis of devices that share the EOT samples of one image
"""

from purifax.transform import remat
from purifax.transform.batching import batched
from purifax.transform.continuous_batching import Chain, continuously_batched
from purifax.transform.sharding import batch_mesh, in_chunks, sharded

__all__ = [
    "Chain",
    "batch_mesh",
    "batched",
    "continuously_batched",
    "in_chunks",
    "remat",
    "sharded",
]

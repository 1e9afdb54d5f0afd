"""How a one-image function runs: over batches, devices and samples."""

__all__ = []

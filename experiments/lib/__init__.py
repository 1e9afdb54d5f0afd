"""Parts of the commands: flags, configs, the training loop, logs and pictures."""

__all__: list[str] = []

"""Configs of CIFAR-10 (32x32x3), by what they are for."""

"""Configs of MNIST (28x28x1), by what they are for."""

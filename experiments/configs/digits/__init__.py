"""Configs of scikit-learn's digits (8x8x1), by what they are for."""

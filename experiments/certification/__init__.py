"""Certified radii of classifiers behind a denoiser."""

__all__ = []

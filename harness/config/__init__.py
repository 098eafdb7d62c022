"""Composed by Hydra, validated once by pydantic, frozen afterwards."""

"""Factors that a run measured, as the rubric's levels. Pure."""

"""Jurisdictional risk: dated, sourced facts in; gates and a factor table out."""

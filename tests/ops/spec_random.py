"""Entries of core/ops/random: the moments of many draws; a seed repeats them."""

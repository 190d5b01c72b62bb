"""Benchmarks: orgsync beside its peers on equal work, and the checks of it that noise cannot touch."""

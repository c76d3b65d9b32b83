"""Joins crypto and discovery into a peer, a seed, and what a person sees of them."""

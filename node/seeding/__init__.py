"""A seed in the node: its host, its dealings with other seeds, its start and end."""

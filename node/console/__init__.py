"""The person's side. asyncio lives here and nowhere else."""

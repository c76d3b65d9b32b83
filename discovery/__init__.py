"""Rooms, tickets, seeds and the lobby: how strangers find each other. Knows nothing of chat."""

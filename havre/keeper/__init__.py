"""The keeper: the separate process that holds every person's keys (docs/keeper.md). No Django in here."""

__version__ = "0.2"

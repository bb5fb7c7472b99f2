"""Backprop one step at a time: `steps` (the records), `explain` (one node in words), `walk` (the walker)."""

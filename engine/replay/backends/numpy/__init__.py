"""The NumPy executor. Reading order: `functions` (rows as array functions), `binding`, `executor`."""

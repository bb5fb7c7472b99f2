"""The NumPy executor. Reading order: `functions` (of rows), `storing`, `binding`, `trainer`, `executor`."""

"""Programs as JAX functions; a loop is JAX's own scan.

Reading order: `functions` (rows as JAX functions), `storing`, `running`, `repeating`, `translation`.
"""

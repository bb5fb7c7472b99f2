"""Programs as JAX functions. Reading order: `functions` (rows as JAX functions), `translation`."""

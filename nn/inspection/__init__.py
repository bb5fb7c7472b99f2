"""What one looks at. Reading order: `symptoms` (what can be wrong), `doctor`, `plots`."""

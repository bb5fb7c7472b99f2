"""How a network learns.

Reading order: `losses`, `tasks` (what a loss expects and answers), `schedules`, `optimizers`, `history`,
`metrics`, `samples`, `evaluation`, `callbacks`, `gears` (how a step is computed). They meet in `nn.fitting`.
"""

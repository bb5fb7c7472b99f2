"""How a network learns.

Reading order: `losses`, `tasks` (what a loss expects and answers), `schedules`, `optimizers`, `history`,
`metrics`, `samples`, `evaluation`, `callbacks`, `masks`, `objective` (what is made small),
`epochs` (many steps at once), `gears` (how a step is computed), `stepping`. They meet in `nn.fitting`.
"""

"""The LLVM executor: a program as loops of machine code, made for the processor that it runs on.

Reading order: `writing` (how the text of machine code is written, and what is computed), `affine` (matrices
in blocks), `long_rows` (what follows the trips of a loop), `plans` (which loops are straight-line code),
`layout` (where everything lies), `kernels` (a kernel for each instruction), `instructions` (a function each),
`loops` (what is run trip by trip), `doubles` (what float32 has of float64), `batch` (how samples are loaded
and results stored), `step` (what a call does), `memory` (what it works in), `cache` (code kept on disk),
`machine` (from text to machine code), `call` (how a batch goes in and the results come out), `training` and
`trainer` (many steps in one call), `executor`.
"""

"""A graph as source code in another language: `to_source`. Rows' formulas are run on symbols, which write it.

Reading order: `language` (what has to be known of one), `symbol` (symbols that write expressions),
`languages`, `names`, `plan` (what is to be written), `straight` (line by line), `tables` and `loops` (large
graphs), `writing`; `edges` is for the live page.
"""

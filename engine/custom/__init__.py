"""Operations of one's own: rows that stand in no table, tried out when they are defined.

Reading order: `definition` (what a user calls), `trials` (what is tried, and the one error of each fault),
`symbols`.
"""

"""Loops over time: the body of a Repeat, once, and what runs it trip by trip.

There are two ways. A loop of calls, for every body: `moving` (rows in and out of frames), `calling`. And,
where the body is small enough (`plans`), straight-line code with the state in registers: `straight` (rows in
registers), `lanes` (where they come from), `trips`; and for what stands beside such a loop, `runs`.
Reading order: these, then `loop`.
"""

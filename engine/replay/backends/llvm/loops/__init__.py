"""Loops over time: the body of a Repeat, once, and what runs it trip by trip.

Reading order: `moving` (rows in and out of frames), `calling` (a loop of calls), `loop`.
"""

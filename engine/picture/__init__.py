"""Graphs to look at: drawings, pages to step through, text for a terminal.

Reading order: `fold` (which nodes become one box), `face` (what a box says), `dot` (as a Digraph),
`layout` (running the layout program), `drawing` (what the user holds), `page` (the picture that steps).
"""

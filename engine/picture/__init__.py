"""Graphs to look at: drawings, pages to step through, text for a terminal.

Reading order: `grouping` (what belongs together) and `fold` (which nodes become one box), `face` (what a box
says), `dot` (as a Digraph), `layout` (running the layout program), `drawing` (what the user holds); then
`html_file`, `views` and `page` (the picture that steps), `live` (whose numbers can be moved), and `text`.
`palette` has the colors, `expand` writes sums out.
"""

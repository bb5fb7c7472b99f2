"""What one looks at.

Reading order: `symptoms` (what can be wrong), `doctor`, `plots`; `film` (what a network was, epoch by epoch)
and `film_page` (the page of that).
"""

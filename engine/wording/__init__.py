"""How nodes are put into words, the same for steps, trees, pictures and pages.

Reading order: `naming` (what the caller calls a Value), `words` (names, formulas, local derivatives);
`conventions` puts the table's kinks into words.
"""

from engine.graph import short_name
from engine.terminal import in_ascii
from engine.wording.naming import variables
from engine.wording.words import (
    NO_PATH,
    Local,
    display_names,
    local_derivatives,
    made_of,
    node_formula,
    node_numbers,
    written_number,
)

__all__ = [
    "NO_PATH",
    "Local",
    "display_names",
    "in_ascii",
    "local_derivatives",
    "made_of",
    "node_formula",
    "node_numbers",
    "short_name",
    "variables",
    "written_number",
]

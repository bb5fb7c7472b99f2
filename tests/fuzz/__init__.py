"""The differential fuzzer of replay: random functions, every executor against eager.

`python -m tests.fuzz 60` runs for a minute from a fresh seed, and says which; a second argument gives the
seed. A case is one seed: a random expression, network, sequence model or function with branches,
with batches of one, of odd sizes and of unequal lengths, with repeated and unused inputs and constants.
Each program is called twice, and its batches are shared by threads too. Strict replay must have eager's
bits, the others agree within 1e-10 of the largest gradient, float32 within what its roundings explain, and
what eager refuses all must refuse.
Reading order: `cases`, `outcomes`, `judging`, `shared`, `roundings` and `float32`.

The second fuzzer writes the source code of functions: `snippets`, pieces of Python with the state that they
read; `sources`, the text put together from them; `following`, whether replay of it does as eager does over
several calls with changed state, or refuses; and `planted`, which switches each protection of replay off.
"""

from __future__ import annotations

from .cases import make_case, network_case, sequence_case
from .following import fuzz_sources
from .judging import disagreements, fuzz
from .planted import PROTECTIONS, found_without

__all__ = [
    "PROTECTIONS",
    "disagreements",
    "found_without",
    "fuzz",
    "fuzz_sources",
    "make_case",
    "network_case",
    "sequence_case",
]

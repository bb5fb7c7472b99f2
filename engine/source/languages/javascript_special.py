"""erf and erfc in JavaScript, which has neither.

erfc(x) = t · exp(P(t) − x²) with t = 2 ÷ (2 + x) for x from 0.5 to 27.5, where P is a Chebyshev series on t
from 2 ÷ 29.5 to 0.8 whose coefficients were computed with 60 digits; exp(−x²) in two factors, x rounded to 24
bits and the rest, so that the square of a large x costs no digits. Below 0.5 erf is its Taylor series.
"""

from __future__ import annotations

__all__ = ["ERF", "ERFC"]

ERFC = """\
function op_erfc(x) {
  if (x !== x) return NaN;
  if (Math.abs(x) < 0.5) return 1 - op_erf(x);
  if (x < 0) return 2 - op_erfc(-x);
  if (x > 27.5) return 0;
  const series = [
    -0.7439035127408259, 0.47055183043785725, 0.01542097944262372, -0.0035690484532606413,
    -0.0004485887528547014, 6.944200588599119e-05, 1.380264215114856e-05, -2.1290497440366887e-06,
    -4.499309211777332e-07, 8.580745869740042e-08, 1.415298213670666e-08, -3.898809853245333e-09,
    -3.5849215553336705e-10, 1.7747858882398204e-10, 2.2185047513661718e-12,
    -7.361698615564328e-12, 5.429942757008429e-13, 2.458877195473429e-13, -4.71317030897593e-14,
    -4.473456199682361e-15, 2.39766209529153e-15, -1.4601664902340976e-16, -7.096361335337224e-17,
    1.7114147065421625e-17
  ];
  const t = 2 / (2 + x), u = (2 * t - 0.06779661016949153 - 0.8) / (0.8 - 0.06779661016949153);
  let first = 0, second = 0;
  for (let k = series.length - 1; k > 0; k--) [first, second] = [2 * u * first - second + series[k], first];
  const near = Math.fround(x), rest = (x - near) * (x + near);
  return t * Math.exp(u * first - second + series[0] - rest) * Math.exp(-near * near);
}"""

ERF = """\
function op_erf(x) {
  if (Math.abs(x) >= 0.5) return x < 0 ? op_erfc(-x) - 1 : 1 - op_erfc(x);
  let term = x, sum = x;
  for (let n = 1; n < 20; n++) { term *= -x * x / n; sum += term / (2 * n + 1); }
  return 2 / Math.sqrt(Math.PI) * sum;
}"""

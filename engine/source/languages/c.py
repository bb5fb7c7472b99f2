"""C: the functions of its library, which Python's own are made of; nan where Python refuses."""

from __future__ import annotations

from collections.abc import Sequence

from engine import ops
from engine.source.language import Frame, Language, Native, Statements, native

__all__ = ["C"]


def _function(name: str, parameters: Sequence[str], body: str, about: str) -> str:
    given = ", ".join(f"double {parameter}" for parameter in parameters)
    return f"static double {name}({given}) {{ return {body}; }}  /* {about} */"


def _guarded(name: str, inside: str) -> Native:
    """A function of the library that is infinite where eager refuses."""
    return Native(f"static double op_{name}(double x) {{ return {inside} ? {name}(x) : NAN; }}")


def _results(values: Sequence[str], gradients: Sequence[str] | None) -> Sequence[str]:
    if gradients is None:
        return [f"results[{place}] = {value};" for place, value in enumerate(values)]
    found = [f"gradients[{place}] = {gradient};" for place, gradient in enumerate(gradients)]
    return [*found, f"return {values[0]};"]


_LOGSUMEXP = native("""
static double op_logsumexp(const double *numbers, int count) {
  double largest = numbers[0];
  long double sum = 0;
  int place = 0;
  for (int k = 1; k < count; k++) {
    if (numbers[k] > largest) largest = numbers[place = k];
  }
  if (isinf(largest)) return largest;
  for (int k = 0; k < count; k++) sum += k == place ? 0 : exp(numbers[k] - largest);
  return largest + log1p((double)sum);
}
""")
_NORM = native("""
static double op_norm(const double *numbers, int count) {  /* scaled, so that no square overflows */
  double largest = 0;
  long double sum = 0;
  for (int k = 0; k < count; k++) {
    if (isinf(numbers[k])) return INFINITY;
    if (fabs(numbers[k]) > largest) largest = fabs(numbers[k]);
    sum += numbers[k];
  }
  if (isnan(sum) || largest == 0) return isnan(sum) ? NAN : largest;
  sum = 0;
  for (int k = 0; k < count; k++) sum += (long double)(numbers[k] / largest) * (numbers[k] / largest);
  return largest * (double)sqrtl(sum);
}
""")

_REMAINDER = native("""
static double op_remainder(double x, double y) {
    double rest = fmod(x, y), signed_rest = copysign(rest, y);
    return rest != signed_rest ? rest + y : signed_rest;
}
""")

_RESERVED = """
leaves gradients auto break case char const continue default do double else enum extern float for goto
if inline int long register restrict return short signed sizeof static struct switch typedef union
unsigned void volatile while main NAN INFINITY isnan isinf j0 j1 jn y0 y1 yn gamma lgamma tgamma signgam
exp expm1 exp2 exp10 log log1p log2 log10 logb ilogb pow pow10 sqrt cbrt sin cos tan sincos asin acos
atan atan2 sinh cosh tanh asinh acosh atanh hypot erf erfc fabs floor ceil round trunc rint nearbyint
lround fmod fma fmax fmin fdim frexp ldexp modf remainder remquo scalb scalbn significand drem div abs
index time clock signbit copysign nan nextafter isfinite isnormal fpclassify
"""

C = Language(
    title="C",
    natives={
        ops.divide: native("static double op_divide(double x, double y) { return y != 0 ? x / y : NAN; }"),
        ops.ratio: native(
            "static double op_ratio(double x, double y) { return y != 0 ? x / y : INFINITY * x; }"
        ),
        ops.power: native(
            "static double op_power(double x, double y) { return x == 0 && y < 0 ? NAN : pow(x, y); }"
        ),
        **{
            row: row.name
            for row in (
                *(ops.exp, ops.expm1, ops.exp2, ops.sqrt, ops.cbrt, ops.sin, ops.cos, ops.tan, ops.asin),
                *(ops.acos, ops.atan, ops.atan2, ops.sinh, ops.cosh, ops.tanh, ops.asinh, ops.acosh),
                *(ops.hypot, ops.erf, ops.erfc),
            )
        },
        ops.absolute: "fabs",
        ops.log: _guarded("log", "x > 0"),
        ops.log1p: _guarded("log1p", "x > -1"),
        ops.log2: _guarded("log2", "x > 0"),
        ops.log10: _guarded("log10", "x > 0"),
        ops.atanh: _guarded("atanh", "x > -1 && x < 1"),
        ops.remainder: _REMAINDER,
        ops.norm: _NORM,
        ops.logsumexp: _LOGSUMEXP,
        ops.maximum: native(
            "static double op_maximum(double x, double y) { return x > y || x != x ? x : y; }"
        ),
        ops.minimum: native(
            "static double op_minimum(double x, double y) { return x < y || x != x ? x : y; }"
        ),
        ops.where: native(
            "static double op_where(double condition, double x, double y) { return condition > 0 ? x : y; }"
        ),
        ops.sign: native("static double op_sign(double x) { return x != x ? x : (x > 0) - (x < 0); }"),
        ops.floor: native("static double op_floor(double x) { return floor(x) + 0.0; }"),
        ops.ceil: native("static double op_ceil(double x) { return ceil(x) + 0.0; }"),
        ops.nearest: native("static double op_round(double x) { return nearbyint(x) + 0.0; }"),
    },
    infinity="INFINITY",
    nan="NAN",
    statements=Statements(
        constant="const double {name} = {value};",
        variable="double {name} = {value};",
        flag="int {name} = 0;",
        assign="{name} = {value};",
        when="if ({condition}) {{",
        otherwise="}} else {{",
        end="}}",
        true="1",
    ),
    frame=Frame(
        notes="\nCompile with -ffp-contract=off (or -std=c11) for eager's bits, and link with -lm: a fused"
        "\nmultiply-add rounds once where eager rounds twice. Its functions are the library's, as Python's.",
        imports="#include <math.h>",
        gradients="double value_and_gradients(const double *leaves, double *gradients) {",
        values="void values(const double *leaves, double *results) {",
        results=_results,
        end="}",
        indent="  ",
    ),
    choice=lambda condition, accepted, otherwise: f"{condition} ? {accepted} : {otherwise}",
    function=_function,
    several=lambda arguments, count: f"(const double[]){{{arguments}}}, {count}",
    comment="//",
    reserved=frozenset(_RESERVED.split()),
)

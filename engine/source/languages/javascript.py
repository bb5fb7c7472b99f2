"""JavaScript: the functions of `Math`, and those that it lacks or has with other edges."""

from __future__ import annotations

from collections.abc import Sequence

from engine import ops
from engine.source.language import Frame, Language, Native, Statements, native
from engine.source.languages.javascript_special import ERF, ERFC

__all__ = ["JAVASCRIPT"]


def _function(name: str, parameters: Sequence[str], body: str, about: str) -> str:
    return f"function {name}({', '.join(parameters)}) {{ return {body}; }}  // {about}"


def _guarded(name: str, inside: str) -> Native:
    """A function of Math that is infinite where eager refuses."""
    return Native(f"function op_{name}(x) {{ return {inside} ? Math.{name}(x) : NaN; }}")


def _results(values: Sequence[str], gradients: Sequence[str] | None) -> Sequence[str]:
    if gradients is None:
        return [f"return [{', '.join(values)}];"]
    return [f"return [{values[0]}, [{', '.join(gradients)}]];"]


_POWER = native("""
function op_power(x, y) {  // as C's pow: 1 to any power is 1; 0 to a negative power is refused
  if (x === 1 || y === 0) return 1;
  if (x === 0 && y < 0) return NaN;
  if (x === -1 && (y === Infinity || y === -Infinity)) return 1;
  return Math.pow(x, y);
}
""")
_LOGSUMEXP = native("""
function op_logsumexp(...numbers) {  // the sum is exact, as Python's fsum
  const largest = numbers.reduce((most, number) => number > most ? number : most);
  if (!isFinite(largest)) return largest;
  let parts = [-1];
  for (const number of numbers) {
    let x = Math.exp(number - largest), kept = 0;
    for (let y of parts) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y, low = y - (high - x);
      if (low) parts[kept++] = low;
      x = high;
    }
    parts.length = kept;
    parts.push(x);
  }
  return largest + Math.log1p(parts.reduceRight((sum, part) => sum + part, 0));
}
""")
_ROUND = native("""
function op_round(x) {  // halves to the even neighbor
  const near = Math.round(x);
  return (Math.abs(x % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near) + 0;
}
""")

_REMAINDER = native("""
function op_remainder(x, y) {
  const rest = x % y;
  return rest !== 0 ? (rest < 0 !== y < 0 ? rest + y : rest) : y < 0 ? -0 : 0;
}
""")

_RESERVED = """
Math NaN Infinity leaves isFinite arguments await break case catch class const continue debugger default
delete do else enum eval export extends false finally for function if implements import in instanceof
interface let new null package private protected public return static super switch this throw true try
typeof undefined var void while with yield
"""

JAVASCRIPT = Language(
    title="JavaScript",
    natives={
        ops.divide: native("function op_divide(x, y) { return y !== 0 ? x / y : NaN; }"),
        ops.ratio: native("function op_ratio(x, y) { return y !== 0 ? x / y : Infinity * x; }"),
        ops.power: _POWER,
        **{
            row: f"Math.{row.name}"
            for row in (
                *(ops.exp, ops.expm1, ops.sqrt, ops.cbrt, ops.sin, ops.cos, ops.tan, ops.asin, ops.acos),
                *(ops.atan, ops.atan2, ops.sinh, ops.cosh, ops.tanh, ops.asinh, ops.acosh, ops.hypot),
                *(ops.absolute, ops.sign),
            )
        },
        ops.exp2: native("function op_exp2(x) { return Math.pow(2, x); }"),
        ops.log: _guarded("log", "x > 0"),
        ops.log1p: _guarded("log1p", "x > -1"),
        ops.log2: _guarded("log2", "x > 0"),
        ops.log10: _guarded("log10", "x > 0"),
        ops.atanh: _guarded("atanh", "x > -1 && x < 1"),
        ops.erf: Native(ERF, (ops.erfc,)),
        ops.erfc: Native(ERFC, (ops.erf,)),
        ops.remainder: _REMAINDER,
        ops.norm: "Math.hypot",
        ops.logsumexp: _LOGSUMEXP,
        ops.maximum: native("function op_maximum(x, y) { return x > y || x !== x ? x : y; }"),
        ops.minimum: native("function op_minimum(x, y) { return x < y || x !== x ? x : y; }"),
        ops.where: native("function op_where(condition, x, y) { return condition > 0 ? x : y; }"),
        ops.floor: native("function op_floor(x) { return Math.floor(x) + 0; }"),
        ops.ceil: native("function op_ceil(x) { return Math.ceil(x) + 0; }"),
        ops.nearest: _ROUND,
    },
    infinity="Infinity",
    nan="NaN",
    statements=Statements(
        constant="const {name} = {value};",
        variable="let {name} = {value};",
        flag="let {name} = false;",
        assign="{name} = {value};",
        when="if ({condition}) {{",
        otherwise="}} else {{",
        end="}}",
        true="true",
    ),
    frame=Frame(
        notes="\nMath's functions differ from browser to browser by a few units in the last place.",
        imports="",
        gradients="function value_and_gradients(leaves) {",
        values="function values(leaves) {",
        results=_results,
        end="}",
        indent="  ",
    ),
    choice=lambda condition, accepted, otherwise: f"{condition} ? {accepted} : {otherwise}",
    function=_function,
    missing="null",
    reserved=frozenset(_RESERVED.split()),
)

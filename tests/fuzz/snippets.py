"""Snippets: the pieces of Python that a random function is put together from.

In the text of a snippet `$v` is a Value computed so far, `$w` a parameter, `$x` a number of the data (x or y;
k is a whole number from 0 to 3), `$c` a constant, another one at each place, `$n` the snippet's own number
and `$o` the name that its result gets.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SNIPPETS", "Snippet"]


@dataclass(frozen=True)
class Snippet:
    """Lines of a loss; what the factory around it, or the module, sets up for them; how that changes."""

    name: str
    body: str
    setup: str = ""
    change: str = ""  # in the factory's function change(turn), called between the calls
    module: str = ""
    honest: bool = True  # replay must follow it; else it may refuse
    repeatable: bool = True  # two runs from one state give the same
    hidden: bool = False  # nothing can see its change but the comparison, which is then asked for


STATE = (
    Snippet("closure", "$o = $v * scale$n", "scale$n = $c", "nonlocal scale$n\nscale$n = $c + turn"),
    Snippet(
        "text in a closure", "$o = getattr($v, act$n)()", "act$n = 'tanh'", "nonlocal act$n\nact$n = 'sin'"
    ),
    Snippet("flag", "$o = $v if on$n else -$v", "on$n = True", "nonlocal on$n\non$n = not on$n"),
    Snippet("global", "$o = $v * SCALE$n", "", "global SCALE$n\nSCALE$n = $c + turn", "SCALE$n = $c"),
    Snippet("list", "$o = $v * list$n[k]", "list$n = [$c, $c, $c, $c]", "list$n[turn] = $c + 3.0"),
    Snippet("longer list", "$o = $v + 0.1 * sum(list$n)", "list$n = [$c]", "list$n.append($c)"),
    Snippet("dict", "$o = $v * dict$n['a']", "dict$n = {'a': $c}", "dict$n['a'] = $c - turn"),
    Snippet("another key", "$o = $v * len(dict$n)", "dict$n = {'a': $c}", "dict$n[turn] = $c"),
    Snippet("set", "$o = $v if k in set$n else $v * $c", "set$n = {0, 1}", "set$n.add(turn + 1)"),
    Snippet("array", "$o = $v * float(array$n[1])", "array$n = np.array([$c, $c])", "array$n[1] = $c + turn"),
    Snippet("attribute", "$o = $v * space$n.a", "space$n = SimpleNamespace(a=$c)", "space$n.a = $c + turn"),
    Snippet(
        "class",
        "$o = held$n.act($v)",
        "class Kind$n:\n    scale = $c\n    def act(self, v):\n        return v * self.scale\n"
        "held$n = Kind$n()",
        "Kind$n.scale = $c + turn",
    ),
    Snippet(
        "default",
        "$o = part$n($v)",
        "def part$n(v, scale=[$c]):\n    return v * scale[0]",
        "part$n.__defaults__[0][0] = $c + turn",
    ),
    Snippet(
        "function", "$o = act$n($v)", "act$n = tanh", "nonlocal act$n\nact$n = sin if turn > 1 else softsign"
    ),
    Snippet(
        "cache",
        "if 'a' not in cache$n:\n    cache$n['a'] = $c\n$o = $v * cache$n['a']",
        "cache$n = {}",
        "cache$n['a'] = $c + turn",
    ),
    Snippet(
        "layer",
        "$o = total(model$n([x, y])) + $v",
        "model$n = nn.MLP(2, [2, 1], activation='tanh', seed=1)",
        "model$n.layers[turn - 1] = nn.Layer(2, 3 - turn, 'tanh', seed=turn + 5)",
    ),
)

HELD = (
    Snippet("held, exp", "$o = $v * math.exp(-held$n.data)", "held$n = Value($c)", "held$n.data = $c + turn"),
    Snippet("held, round", "$o = $v + round(held$n.data)", "held$n = Value($c)", "held$n.data = $c + turn"),
    Snippet("held, left", "$o = held$n * $x + $v", "held$n = Value($c)", "held$n.data = $c + turn"),
    Snippet("held, right", "$o = $x * held$n + $v", "held$n = Value($c)", "held$n.data = $c + turn"),
    Snippet("held alone", "$o = held$n * $c - $x", "held$n = Value($c)", "held$n.data = $c + turn"),
    Snippet("held, read", "$o = $v * held$n.data", "held$n = Value($c)", "held$n.data = $c + turn"),
    Snippet(
        "held, text", "$o = $v * float(f'{held$n.data:.3f}')", "held$n = Value($c)", "held$n.data = $c + turn"
    ),
    Snippet(
        "held, asked", "$o = $v if held$n > $x else -$v", "held$n = Value($c)", "held$n.data = $c - turn"
    ),
    Snippet(
        "held, replaced",
        "$o = $v * held$n",
        "held$n = Value($c)",
        "nonlocal held$n\nheld$n = Value($c + turn)",
    ),
    Snippet(
        "softmax",
        "$o = pick(softmax([0.1, $x, held$n]), 2) + $v",
        "held$n = Value($c)",
        "held$n.data = $c + turn",
    ),
    Snippet("begins as a Value", "$o = sum((a * $w for a in (x, y)), Value($c))"),
    Snippet("fresh", "$o = Value($c) + $x * $w"),
    Snippet("largest", "$o = logsumexp([$x, $c, $v])"),
    Snippet("norm", "$o = norm([$x, $v, $c])"),
)

DATA = (
    Snippet("dict of data", "$o = $v * {0: $c, 1: $c + 3.0, 2: -$c}.get(k, $c)"),
    Snippet("key error", "try:\n    $o = $v * {0: $c, 2: $c}[k]\nexcept KeyError:\n    $o = $v + $c"),
    Snippet("set of data", "$o = $v * $c if k in {1, 3} else $v"),
    Snippet("index", "$o = $v * [$c, -$c, 2.0, $c][k]"),
    Snippet("pick", "$o = pick([$v, $w, $x, $c * $w], k)"),
    Snippet("a class too many", "$o = pick([$v, $w, $w * $c], k)"),
    Snippet("class below", "$o = pick([$v, $w, $w * $c, $w], k - 1 + (k == 0))", honest=False),
    Snippet("text", "$o = $v * float(f'{k}.5')"),
    Snippet("longer text", "$o = $v + 0.1 * len(f'{x:.1f}|{y}')"),
    Snippet("isinstance", "$o = $v if isinstance(k, int) else $v * $c"),
    Snippet("isinstance of another", "$o = $v * ($c if isinstance(x, int) else 1.5)"),
    Snippet(
        "match",
        "match k:\n    case 0 | 3:\n        $o = $v * $c\n    case int(n) if n > 1:\n        $o = -$v\n"
        "    case _:\n        $o = $v + $c",
    ),
    Snippet("Counter", "$o = $v * Counter([k, 1, 1, 2])[1]"),
    Snippet("sorted", "a, b = sorted([x, y])\n$o = $v * a - b"),
    Snippet("whole", "$o = $v * (k % 2) + k // 2"),
    Snippet("bits", "$o = -$v if k & 1 else $v * (1 << k) * 0.3"),
    Snippet("math", "$o = $v * math.sqrt(k + 1.0)"),
    Snippet("round", "$o = $v * (round($x) + 0.5)"),
    Snippet("range", "$o = $v\nfor step in range(k):\n    $o = $o * $c + step * 0.1"),
    Snippet("slice", "$o = total([$v, *[$w * x, $w * y, $c * $w][:k]])"),
    Snippet("equal", "$o = $v if x == y else $v * $c"),
    Snippet("not itself", "$o = $w * $c if x != x else $v"),
    Snippet("NumPy's integer", "$o = $v * $c if k == np.int64(1) else $v"),
    Snippet("complex key", "$o = $v * {(0, True): $c, (1, False): 3.0}.get((k, x > 0.0), $c)"),
    Snippet("any", "$o = $v if any(a > $c for a in (x, y)) else $v * $c"),
    Snippet("type", "$o = $v if type(k) is int else $v * $c", honest=False),
    Snippet("is True", "$o = $v * 2.0 if ($x > $c) is True else $v", honest=False),
    Snippet("is False", "$o = $v if ($x > 1.0) is False else $v * $c", honest=False),
)

WAYS = (
    Snippet("if", "if $x > $c:\n    $o = $v * $c\nelse:\n    $o = $v - 1.0"),
    Snippet("if of a Value", "$o = $v * $v if $v > $c else $w - $v"),
    Snippet(
        "while", "$o = $v\nsteps = 0\nwhile $o < 1.0 and steps < 3:\n    $o = $o * 1.5 + 0.5\n    steps += 1"
    ),
    Snippet("max", "$o = max($v, $w * x, $c)"),
    Snippet("where", "$o = where($x > $c, $v, lambda: $w * $c)"),
    Snippet("both", "$o = where(($x > $c) & ($x < 1.0), $v, -$v)"),
    Snippet(
        "domain in where", "$o = where($x > 0.0, lambda: log($x * 1.0 + 0.0 * $w + 1e-300), $v)", honest=False
    ),
    Snippet("log", "$o = log($x + 1.3) * $w + $v"),
    Snippet("log, unused", "unused = log($x + 0.9)\n$o = $v * $c"),
    Snippet("root, unused", "unused = sqrt($x * $w + 1.0)\n$o = $v * $c"),
    Snippet("quotient", "$o = $w / ($x + 1.0)"),
    Snippet("unused, a Value", "unused = Value($x) / $w\n$o = $v * $c"),
    Snippet("caught", "try:\n    $o = log($x * $c)+ $v\nexcept DomainError:\n    $o = $v * $c", honest=False),
    Snippet(
        "caught, of a Value", "try:\n    $o = sqrt($x + $w)\nexcept DomainError:\n    $o = $v", honest=False
    ),
    Snippet(
        "caught, of zero",
        "try:\n    $o = $v * (1.0 / k)\nexcept ZeroDivisionError:\n    $o = $v",
        honest=False,
    ),
    Snippet("finally", "try:\n    $o = $v * $c\nfinally:\n    $o = $v + x"),
)

NUMBERS = (
    Snippet("relu at 0", "$o = relu($x * $w)"),
    Snippet("abs at 0", "$o = abs($x * $w) + abs($x)"),
    Snippet("largest at a tie", "$o = maximum($x * $w, 0.0) + minimum($w, $w * $x)"),
    Snippet("clamp", "$o = clamp($v * $x, -1.0, 1.0)"),
    Snippet("power", "$o = ($x * $w) ** 2 + $v ** 3 * 0.1"),
    Snippet("power at 0", "$o = ($x * $w + 2.0 * x * x) ** 2.0 + x ** 2 * $w"),
    Snippet("sign of zero", "$o = atan2($x * $w, -1.0)"),
    Snippet("large constant", "$o = (($x * 0.5 + 2.0**52) - 2.0**52) * $w"),
    Snippet("no gradient", "with no_grad():\n    kept = $v * $w\n$o = kept * $w + $x"),
    Snippet("detached", "$o = $v * Value($x) + $v.data * $w"),
    Snippet("derivative", "$o = derivative(lambda t: tanh(t * $w) * t, $x)"),
    Snippet("second derivative", "$o = derivative(lambda t: (t * $w + x) ** 3, $x, order=2) * 0.1 + $v"),
    Snippet("derivative at a kink", "$o = derivative(lambda t: relu(t * $w) + t * t * $w, $x)"),
    Snippet(
        "inner step",
        "inner = ($w * $x - y) ** 2\n(slope,) = gradients(inner, [$w], create_graph=True)\n"
        "$o = ($w - 0.1 * slope) * $x",
    ),
    Snippet(
        "inner, of a held",
        "inner = ($w * held$n - x) ** 2\n(slope,) = gradients(inner, [$w], create_graph=True)\n"
        "$o = slope * 0.1 + $v",
        "held$n = Value($c)",
        "held$n.data = $c + turn",
    ),
    Snippet("gradients", "(slope,) = gradients(($w * $x) ** 2, [$w])\n$o = $v * slope", honest=False),
    Snippet("float of a Value", "$o = $w * float($v)", honest=False),
    Snippet("math of a Value", "$o = $w * math.tanh($v.data)", honest=False),
)

REFUSED = (
    Snippet("counter", "calls$n[0] += 1\n$o = $v * calls$n[0]", "calls$n = [0]", honest=False),
    Snippet(
        "counter, unseen",
        "$o = $v * next(count$n)",
        "count$n = itertools.count(1)",
        honest=False,
        repeatable=False,
    ),
    Snippet(
        "kept", "$o = $v * (last$n[0] if last$n else 1.0)\nlast$n[:] = [$x]", "last$n = []", honest=False
    ),
    Snippet(
        "kept mean",
        "mean$n.a = 0.9 * mean$n.a + 0.1 * $x\n$o = $v - mean$n.a",
        "mean$n = SimpleNamespace(a=0.0)",
        honest=False,
    ),
    Snippet(
        "draws", "$o = $v * (3.0 if rng$n.random() < 0.06 else 1.0)", "rng$n = random.Random(7)", honest=False
    ),
    Snippet("draws, global", "$o = $v * (3.0 if random.random() < 0.06 else 1.0)", honest=False),
    Snippet(
        "draws, unseen",
        "$o = $v * (3.0 if draw$n() < 0.06 else 1.0)",
        "draw$n = random.Random(3).random",
        honest=False,
    ),
    Snippet(
        "draws, NumPy",
        "$o = $v * (3.0 if rng$n.random() < 0.06 else 1.0)",
        "rng$n = np.random.default_rng(5)",
        honest=False,
    ),
    Snippet(
        "clock",
        "$o = $v * (3.0 if time.perf_counter_ns() // 64 % 16 == 3 else 1.0)",
        honest=False,
        repeatable=False,
    ),
    Snippet(
        "clock, imported",
        "import time as clock\n$o = $v * (3.0 if clock.time_ns() // 64 % 16 == 3 else 1.0)",
        honest=False,
        repeatable=False,
    ),
    Snippet(
        "unseen",
        "$o = $v * read$n()",
        "store$n = {0: $c}\nread$n = functools.partial(store$n.__getitem__, 0)\n"
        "write$n = functools.partial(store$n.__setitem__, 0)",
        "write$n($c + 2.0 + turn)",
        honest=False,
        hidden=True,
    ),
)

SNIPPETS = (*STATE, *HELD, *DATA, *WAYS, *NUMBERS, *REFUSED)

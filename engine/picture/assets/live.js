// Why a row chose as it did: how two numbers really lie to one another.
const fact = (one, x, other, y) => one + " " + (x < y ? "<" : x > y ? ">" : "=") + " " + other;
const all = (...facts) => [...new Set(facts)].join(" and ");
(() => {
  const $ = id => document.getElementById(id);
  const {nodes, edges, root, rate} = JSON.parse($("data").textContent);
  const interior = nodes.map((_, i) => i).filter(i => nodes[i].operands);
  const leaves = nodes.map((_, i) => i).filter(i => "data" in nodes[i] && !nodes[i].constant);
  const v = new Float64Array(nodes.length), p = new Array(edges.length).fill(null);
  const g = new Float64Array(nodes.length), reached = new Uint8Array(nodes.length), before = new Array(edges.length);
  const start = Float64Array.from(nodes, n => n.data ?? 0);
  const states = "positive negative zero broken none s0 s1 s2 s3 s4 now got wait".split(" ");
  const last = interior.length, turn = new Map(interior.map((i, k) => [i, k]));
  let at = last, refused = -1, timer = 0, running = 0, past = [], drawn = 0, top, bottom, dragged = -1, said = "";

  // ── Numbers ──

  // Four significant digits; where two are equally near the even one, as Python has it.
  function rounded(x) {
    const [exact, power] = x.toExponential(40).split("e"), short = exact.slice(0, exact.indexOf(".") + 4);
    const isTie = /^50*$/.test(exact.slice(short.length)) && "02468".includes(short.at(-1));
    return isTie ? short + "e" + power : x.toExponential(3);
  }

  // As Python's %.4g, with a true minus sign.
  function text(x) {
    if (x === null || x === undefined) return "–";
    if (x === 0) return "0";
    if (x !== x) return "nan";
    if (!isFinite(x)) return x > 0 ? "inf" : "−inf";
    const [digits, power] = rounded(x).split("e"), exponent = +power;
    let shown = exponent < -4 || exponent >= 4 ? digits : (+(digits + "e" + power)).toFixed(3 - exponent);
    if (shown.includes(".")) shown = shown.replace(/\.?0+$/, "");
    if (exponent < -4 || exponent >= 4) shown += "e" + power[0] + power.slice(1).padStart(2, "0");
    return shown.replaceAll("-", "−");
  }

  const tone = x => x === null ? "none" : x !== x || !isFinite(x) ? "broken" : x > 0 ? "positive" : x < 0 ? "negative" : "zero";

  function forward() {
    run(v, p);
    refused = interior.find(i => v[i] !== v[i] && nodes[i].operands.every(o => v[o] === v[o])) ?? -1;
  }

  // The chain rule, up to and with so many steps; what was not reached hands nothing on.
  function backward(steps) {
    g.fill(-0);
    reached.fill(0);
    g[root] = reached[root] = 1;
    for (let k = 1; k <= steps; k++) {
      const i = interior[last - k], {operands, first} = nodes[i];
      operands.forEach((o, slot) => {
        const edge = first + slot;
        before[edge] = reached[o] ? g[o] : null;
        if (!reached[i] || p[edge] === null) return;
        g[o] += g[i] * p[edge];
        reached[o] = 1;
      });
    }
  }

  const gradient = i => refused < 0 && reached[i] ? g[i] : null;

  // ── Steps in words ──

  function tell(step) {
    const shown = "step " + step + ": ";
    if (!step) return shown + nodes[root].name + " = " + text(v[root]) + ", gradient 1, the seed: d " +
      nodes[root].name + "/d " + nodes[root].name + " = 1";
    const i = interior[last - step], {name, formula, operands, first} = nodes[i];
    const head = shown + name + " = " + formula + " = " + text(v[i]);
    if (!reached[i]) return head + ", no path leads here: gradient 0, nothing to pass on";
    const lines = [head + ", gradient " + text(g[i])], twice = new Set(operands).size < operands.length;
    const wanted = operands.map((o, slot) => [o, slot]).filter(([o]) => !nodes[o].constant);
    for (const [o, slot] of wanted.slice(0, 12)) {
      const edge = first + slot, which = twice ? " (operand " + (slot + 1) + ")" : "";
      const [words, condition] = edges[edge] === null ? told[edge](v) : [edges[edge], ""];
      const because = condition ? ", as " + condition : "";
      if (p[edge] === null) {
        lines.push("  no path to " + nodes[o].name + which + because + ": it gets nothing");
        continue;
      }
      const slope = text(p[edge]), was = before[edge], sum = was === null ? g[i] * p[edge] : was + g[i] * p[edge];
      lines.push("  d " + name + "/d " + nodes[o].name + which + (words === slope ? "" : " = " + words) + " = " + slope + because);
      lines.push("  " + nodes[o].name + ".grad: " + text(was) + " → " + (was === null ? "" : text(was) + " + ") +
        text(g[i]) + " × " + slope + " = " + text(sum));
    }
    if (wanted.length > 12) lines.push("  … and " + (wanted.length - 12) + " more operands");
    const constants = operands.filter(o => nodes[o].constant).map(o => nodes[o].name);
    if (constants.length) lines.push("  constants get nothing: " + constants.slice(0, 12).join(", ") +
      (constants.length > 12 ? ", … " + (constants.length - 12) + " more" : ""));
    return lines.join("\n");
  }

  // ── The picture ──

  const boxes = nodes.map((_, i) => $("n" + i)), lines = boxes.map(box => [...box.querySelectorAll("text")]);
  const wires = new Map();
  for (const i of interior) nodes[i].operands.forEach((_, slot) => {
    const wire = $("n" + i + "." + slot);
    if (wire) wires.set(nodes[i].first + slot, [wire, wire.querySelector("text"), wire.querySelectorAll("path,polygon")]);
  });
  const put = (place, words) => { if (place && place.textContent !== words) place.textContent = words; };

  function dress(shape, ...classes) {
    shape.classList.remove(...states);
    shape.classList.add(...classes);
  }

  const largest = numbers => numbers.reduce((most, x) => x !== null && isFinite(x) && Math.abs(x) > most ? Math.abs(x) : most, 0);
  const strength = (x, most) => !isFinite(x) ? 1 : most ? Math.sqrt(Math.min(1, Math.abs(x) / most)) : 0;

  function paint() {
    const most = largest(nodes.map((_, i) => i === root ? null : gradient(i)));
    nodes.forEach((node, i) => {
      if (node.constant) return;
      const d = gradient(i), kind = tone(d);
      const level = kind === "positive" || kind === "negative" ? "s" + Math.round(4 * strength(d, most)) : "s0";
      dress(boxes[i], kind, level, ...(d === null ? ["wait"] : []), ...(at > 0 && i === interior[last - at] && at < last ? ["now"] : []));
      put(lines[i][1], i === refused ? node.needs : "data " + (v[i] !== v[i] ? "–" : text(v[i])));
      put(lines[i][2], "grad " + text(d));
      boxes[i].setAttribute("aria-label", node.name + (node.formula ? " = " + node.formula : "") + ": data " + text(v[i]) + ", gradient " + text(d));
    });
    const flow = [];
    for (const i of interior) nodes[i].operands.forEach((_, slot) => {
      const edge = nodes[i].first + slot;
      flow[edge] = gradient(i) === null || p[edge] === null || turn.get(i) < last - at ? null : g[i] * p[edge];
    });
    const widest = largest(flow);
    for (const i of interior) nodes[i].operands.forEach((operand, slot) => {
      const edge = nodes[i].first + slot, parts = wires.get(edge);
      if (!parts) return;
      const uses = nodes[i].operands.flatMap((o, k) => o === operand ? [nodes[i].first + k] : []);
      const amounts = uses.map(k => flow[k]).filter(x => x !== null), amount = amounts.length ? amounts.reduce((a, b) => a + b) : null;
      const width = amount === null ? 1 : 1 + 2 * strength(amount, widest);
      dress(parts[0], tone(amount), ...(at > 0 && at < last && i === interior[last - at] ? ["now"] : []));
      put(parts[1], uses.length > 1 ? "×" + uses.length + " uses" : p[edge] === null || refused >= 0 ? "" : "×" + text(p[edge]));
      for (const line of parts[2]) line.setAttribute("stroke-width", width.toFixed(2));
    });
  }

  // ── Curves ──

  // Read once for each drawing: to ask for a style between two changes makes the browser lay out the page.
  let colors = {};
  const color = name => colors[name];
  function look() {
    const style = getComputedStyle(document.body);
    for (const name of ["text", "quiet", "rule", "paper", "positive", "negative", "broken"]) colors[name] = style.getPropertyValue("--" + name);
  }

  function sheet(canvas) {
    const {clientWidth: width, clientHeight: height} = canvas, dense = devicePixelRatio || 1;
    canvas.width = width * dense;
    canvas.height = height * dense;
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    pen.lineJoin = pen.lineCap = "round";
    return [pen, width, height];
  }

  const copy = new Float64Array(nodes.length), unused = new Array(edges.length);

  function sample(card) {
    const points = leaves.length > 24 ? 24 : leaves.length > 8 ? 40 : 72;
    copy.set(v);
    card.samples = [];
    for (let k = 0; k <= points; k++) {
      const x = card.low + (card.high - card.low) * k / points;
      copy[card.leaf] = x;
      run(copy, unused);
      card.samples.push([x, copy[root]]);
    }
  }

  // One vertical scale for all cards. It stays while a leaf is dragged, unless the point leaves it.
  function scale() {
    const found = cards.flatMap(card => card.samples.map(s => s[1])).filter(isFinite).sort((a, b) => a - b);
    const here = isFinite(v[root]) ? v[root] : found[0] ?? 0;
    if (dragged >= 0 && top !== undefined && here < top && here > bottom) return;
    const low = Math.min(found[0] ?? here, here), high = Math.max(found[Math.floor(found.length * .85)] ?? here, here);
    const room = (high - low || 1) * .12;
    bottom = low - room;
    top = high + room;
  }

  function curve(card) {
    const [pen, width, height] = sheet(card.canvas);
    const across = x => (x - card.low) / (card.high - card.low) * width, up = y => (top - y) / (top - bottom) * height;
    pen.strokeStyle = color("rule");
    pen.beginPath();
    pen.moveTo(across(0), 0);
    pen.lineTo(across(0), height);
    pen.stroke();
    if (isFinite(v[root])) {
      pen.setLineDash([3, 3]);
      pen.beginPath();
      pen.moveTo(0, up(v[root]));
      pen.lineTo(width, up(v[root]));
      pen.stroke();
      pen.setLineDash([]);
    }
    pen.strokeStyle = color(card.learns.checked ? "text" : "quiet");
    pen.lineWidth = 2;
    pen.beginPath();
    let on = false;
    for (const [x, y] of card.samples) {
      if (isFinite(y)) pen[on ? "lineTo" : "moveTo"](across(x), up(y));
      on = isFinite(y);
    }
    pen.stroke();
    pen.fillStyle = color("quiet");
    pen.font = "11px system-ui";
    pen.fillText(text(card.low), 6, height - 6);
    pen.textAlign = "right";
    pen.fillText(text(card.high), width - 6, height - 6);
    if (!isFinite(v[root])) return;
    pen.globalAlpha = .35;
    for (const [x, y] of card.trail) {
      pen.beginPath();
      pen.arc(across(x), up(y), 3, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
    const d = card.slope, x = across(v[card.leaf]), y = up(v[root]);
    if (d !== null && isFinite(d)) {
      const rise = d * (card.high - card.low) / width / (top - bottom) * height, half = 48 / Math.hypot(1, rise);
      pen.strokeStyle = color(tone(d) === "zero" ? "quiet" : tone(d));
      pen.lineWidth = 3;
      pen.beginPath();
      pen.moveTo(x - half, y + rise * half);
      pen.lineTo(x + half, y - rise * half);
      pen.stroke();
    }
    pen.fillStyle = color("text");
    pen.strokeStyle = color("paper");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, 5.5, 0, 7);
    pen.fill();
    pen.stroke();
  }

  function sparkline() {
    const [pen, width, height] = sheet($("past")), shown = past.slice(-200).filter(isFinite);
    if (shown.length < 2) return;
    const low = Math.min(...shown), high = Math.max(...shown), tall = high - low || 1;
    pen.strokeStyle = color("text");
    pen.lineWidth = 1.5;
    pen.beginPath();
    shown.forEach((y, k) => pen.lineTo(4 + k / (shown.length - 1) * (width - 8), 4 + (high - y) / tall * (height - 8)));
    pen.stroke();
  }

  // ── Everything anew, at most once a frame ──

  function compute() {
    drawn = 0;
    look();
    forward();
    backward(last);
    for (const card of cards) {
      card.slope = gradient(card.leaf);
      sample(card);
    }
    scale();
    if (at < last) backward(Math.max(0, at));
    if (at < 0) reached.fill(0);
    cards.forEach(curve);
    paint();
    const shown = v[root] !== v[root] ? "–" : text(v[root]);
    put($("value"), shown);
    sparkline();
    for (const card of cards) {
      if (document.activeElement !== card.box) card.box.value = +v[card.leaf].toPrecision(6);
      card.range.value = v[card.leaf];
      card.range.setAttribute("aria-valuetext", text(v[card.leaf]) + ", slope " + text(card.slope));
      put(card.shown, text(card.slope));
      card.shown.className = "slope " + tone(card.slope);
    }
    narrate();
  }

  const refresh = () => { drawn = drawn || requestAnimationFrame(compute); };

  function narrate() {
    const items = document.querySelectorAll("li");
    if (document.querySelector("details").open) list();
    items.forEach((li, k) => li.classList.toggle("now", k === at));
    let words = said;
    if (refused >= 0) words = nodes[refused].name + " has no number here: " + nodes[refused].needs;
    else if (!words) words = at < 0 ? "No gradient is known yet.\nStep, play, or click a box." : tell(at);
    put($("now"), words);
    $("slider").value = at;
    $("slider").setAttribute("aria-valuetext", at < 0 ? "start" : "step " + at);
    put($("count"), at < 0 ? "start" : at === last ? "all " + last + " steps" : "step " + at + " of " + last);
    $("back").disabled = $("first").disabled = at < 0;
    $("step").disabled = $("last").disabled = at === last;
    const moved = leaves.filter(i => v[i] !== start[i]).map(i => "n" + i + "=" + v[i]);
    const link = [...(at < last ? ["step=" + at] : []), ...moved].join("&");
    try { history.replaceState(null, "", "#" + link); } catch { /* a sandboxed frame */ }
  }

  function list() {
    const seen = at;
    backward(last);
    const items = [...Array(last + 1).keys()].map(k => refused < 0 ? tell(k) : "");
    if (seen < last) backward(Math.max(0, seen));
    const rows = document.querySelectorAll("li pre");
    items.forEach((words, k) => put(rows[k], words));
  }

  // ── What a person does ──

  function move(card, x, told) {
    if (x !== x || x === v[card.leaf]) return;
    const was = v[card.leaf], value = v[root], slope = card.slope;
    v[card.leaf] = x;
    widen(card);
    forward();
    said = told ?? nodes[card.leaf].name + " " + text(was) + " → " + text(x) + ": " + (slope === null ? "" :
      "the gradient foretold " + text(slope * (x - was)) + ", ") + nodes[root].name + " moved " + text(v[root] - value);
    past.push(v[root]);
    refresh();
  }

  function widen(card) {
    const x = v[card.leaf];
    while (isFinite(x) && (x < card.low || x > card.high)) {
      const half = card.high - card.low;
      card.low -= half / 2;
      card.high += half / 2;
    }
    Object.assign(card.range, {min: card.low, max: card.high, step: (card.high - card.low) / 400});
  }

  function descend() {
    at = last;
    forward();
    backward(last);
    const step = 10 ** $("rate").value, value = v[root], learners = cards.filter(card => card.learns.checked);
    if (refused >= 0 || !learners.some(card => gradient(card.leaf))) {
      pause();
      said = refused >= 0 ? "" : "Nothing that learns has a slope: a flat place, or all the way down.";
      return refresh();
    }
    for (const card of learners) card.trail = [...card.trail.slice(-30), [v[card.leaf], value]];
    const moved = learners.map(card => [card, v[card.leaf], v[card.leaf] - step * (gradient(card.leaf) ?? 0)]);
    for (const [card, , x] of moved) v[card.leaf] = x;
    moved.forEach(([card]) => widen(card));
    forward();
    past.push(v[root]);
    const higher = v[root] > value ? ": higher. The rate is too large here" : "";
    said = nodes[root].name + " " + text(value) + " → " + text(v[root]) + higher + "\n" +
      moved.slice(0, 4).map(([card, was, x]) => nodes[card.leaf].name + " " + text(was) + " → " + text(x)).join(", ") +
      (moved.length > 4 ? ", …" : "") + "\neach leaf −= rate × its gradient";
    if (!isFinite(v[root]) || Math.abs(v[root]) > 1e12) {
      pause();
      said = nodes[root].name + " has run away: the rate is too large. Reset, and take a smaller one.";
    }
    refresh();
  }

  function pause() {
    clearInterval(running);
    running = 0;
    put($("run"), "Run");
    $("run").setAttribute("aria-pressed", false);
  }

  function toggle() {
    if (running) return pause();
    put($("run"), "Pause");
    $("run").setAttribute("aria-pressed", true);
    running = setInterval(descend, 120);
  }

  function reset() {
    pause();
    play(false);
    v.set(start);
    past = [];
    said = "";
    at = last;
    for (const card of cards) {
      card.trail = [];
      [card.low, card.high] = nodes[card.leaf].range;
      card.learns.checked = nodes[card.leaf].learns;
      widen(card);
    }
    top = undefined;
    refresh();
  }

  function show(step) {
    at = Math.max(-1, Math.min(last, step));
    said = "";
    refresh();
  }

  function play(on) {
    clearInterval(timer);
    timer = 0;
    put($("play"), on ? "Pause" : "Play");
    $("play").setAttribute("aria-pressed", on);
    if (!on) return;
    if (at === last) show(-1);
    timer = setInterval(() => { show(at + 1); if (at === last) play(false); }, 1200);
  }

  const cards = leaves.map(leaf => {
    const node = nodes[leaf], element = document.createElement("div");
    element.className = "card";
    element.innerHTML = '<div class="top"><b></b><input type="number" step="any"></div><div class="plot"><canvas></canvas>' +
      '<input type="range"></div><div class="under"><span>slope <span class="slope"></span></span><label><input type="checkbox"> learns</label></div>';
    $("cards").append(element);
    const [box, range, learns] = element.querySelectorAll("input");
    element.querySelector("b").textContent = element.querySelector("b").title = node.name;
    const card = {leaf, element, box, range, learns, canvas: element.querySelector("canvas"), trail: [],
      shown: element.querySelector(".slope"), low: node.range[0], high: node.range[1], slope: null, samples: []};
    box.setAttribute("aria-label", node.name);
    range.setAttribute("aria-label", nodes[root].name + " against " + node.name);
    learns.checked = node.learns;
    learns.onchange = () => { element.classList.toggle("fixed", !learns.checked); refresh(); };
    box.onchange = () => { move(card, parseFloat(box.value)); };
    range.oninput = () => { dragged = leaf; move(card, +range.value); };
    range.onchange = () => { dragged = -1; top = undefined; refresh(); };
    range.ondblclick = () => { top = undefined; move(card, start[leaf], node.name + " is " + text(start[leaf]) + " again"); };
    element.classList.toggle("fixed", !node.learns);
    return card;
  });

  function follow() {
    const wanted = new URLSearchParams(location.hash.slice(1)), step = parseInt(wanted.get("step") ?? last, 10);
    v.set(start);
    for (const i of leaves) if (wanted.has("n" + i) && isFinite(+wanted.get("n" + i))) v[i] = +wanted.get("n" + i);
    cards.forEach(widen);
    show(Number.isNaN(step) ? last : step);
  }

  const acts = {
    ArrowRight: () => show(at + 1), ArrowLeft: () => show(at - 1), Home: () => show(-1), End: () => show(last),
    " ": () => play(!timer), d: descend, r: toggle, Escape: reset,
  };
  document.addEventListener("keydown", event => {
    const on = event.target.closest ? event.target.closest("input,button,summary,a") : null;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (on && (on.matches("input") ? !/^[dr]$|Escape/.test(event.key) || on.type === "number" : event.key === " ")) return;
    const box = event.target.closest && event.target.closest(".node");
    if (box && event.key === "Enter") return pick(box);
    if (!acts[event.key]) return;
    event.preventDefault();
    if (/Arrow|Home|End/.test(event.key)) play(false);
    acts[event.key]();
  });

  // A box of an operation shows the step in which it hands on; that of a leaf goes to its curve.
  function pick(box) {
    const i = +box.id.slice(1), card = cards.find(c => c.leaf === i);
    play(false);
    if (card) { card.element.scrollIntoView({block: "nearest"}); card.range.focus(); } else if (nodes[i].operands) show(last - turn.get(i));
  }
  document.addEventListener("click", event => {
    const box = event.target.closest(".node"), li = event.target.closest("li");
    if (box) pick(box);
    if (li) { play(false); show([...li.parentNode.children].indexOf(li)); }
  });
  const press = {first: "Home", back: "ArrowLeft", step: "ArrowRight", last: "End"};
  for (const id in press) $(id).onclick = () => { play(false); acts[press[id]](); };
  $("play").onclick = () => play(!timer);
  $("descend").onclick = descend;
  $("run").onclick = toggle;
  $("reset").onclick = reset;
  $("fit").onclick = () => $("fit").setAttribute("aria-pressed", document.body.classList.toggle("fit"));
  $("slider").oninput = () => { play(false); show(+$("slider").value); };
  $("rate").oninput = () => put($("rateshown"), text(10 ** $("rate").value));
  document.querySelector("details").ontoggle = refresh;
  addEventListener("hashchange", follow);
  addEventListener("resize", refresh);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  addEventListener("beforeprint", () => { document.querySelector("details").open = true; list(); });
  for (let k = 0; k <= last; k++) document.querySelector("ol").append(Object.assign(document.createElement("li"), {innerHTML: "<pre></pre>"}));
  for (const box of document.querySelectorAll(".node:not(.constant)")) {
    box.setAttribute("tabindex", 0);
    box.setAttribute("role", "button");
  }
  $("slider").max = last;
  $("rate").value = Math.log10(rate);
  put($("rateshown"), text(10 ** $("rate").value));
  document.body.classList.toggle("few", leaves.length < 6);
  window.live = {v, p, g, reached, tell, descend, reset, show, compute, cards, move: (k, x) => { move(cards[k], x); compute(); }};
  follow();
})();

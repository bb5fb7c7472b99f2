(() => {
  const $ = id => document.getElementById(id);
  const film = JSON.parse($("data").textContent);
  const {kind, epochs, columns, points, layers, inputs, threshold} = film, frames = epochs.length, final = frames - 1;
  const names = Object.keys(columns), calm = matchMedia("(prefers-reduced-motion: reduce)");
  let at = final, moving = 0, clock = 0, speed = 1, drawn = 0, kept = null, pointed = null;

  // ── Weights: 16 bits each, between the least and the largest of the film; the last epoch exactly ──

  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const {low, high} = film.weights, count = low.length;
  const packed = new Uint16Array(bytes(film.weights.bits).buffer), exact = new Float64Array(bytes(film.weights.last).buffer);
  const w = new Float64Array(count);
  const weight = (frame, k) => frame === final ? exact[k] : low[k] + (high[k] - low[k]) * packed[frame * count + k] / 65535;

  function load(t) {
    const frame = Math.floor(t), part = t - frame;
    for (let k = 0; k < count; k++) {
      const here = weight(frame, k);
      w[k] = part ? here + (weight(frame + 1, k) - here) * part : here;
    }
  }

  // ── Colors and sheets ──

  let colors = {};
  function look() {
    const style = getComputedStyle(document.body);
    for (const name of ["paper", "text", "quiet", "faint", "rule", "above", "below", "abovefill", "belowfill", "metric"])
      colors[name] = style.getPropertyValue("--" + name).trim();
    const parts = name => [1, 3, 5].map(k => parseInt((colors[name].length === 4 ? "#" + [...colors[name].slice(1)].map(c => c + c).join("") : colors[name]).slice(k, k + 2), 16));
    const [paper, above, below] = ["paper", "abovefill", "belowfill"].map(parts);
    shades = Array.from({length: 257}, (_, k) => {
      const s = (k - 128) / 128, end = s > 0 ? above : below;
      return paper.map((c, j) => Math.round(c + (end[j] - c) * Math.sqrt(Math.abs(s))));
    });
    hues = ["#2f6f9f", "#d1495b", "#3a9a6d", "#e0a030", "#7b5ea7", "#00a6a6", "#b56576", "#8a9a5b", "#c77dff", "#7a7a7a"];
    tints = hues.map(hue => [1, 3, 5].map(k => parseInt(hue.slice(k, k + 2), 16)).map((c, j) => Math.round(paper[j] + (c - paper[j]) * .55)));
  }
  let shades, hues, tints;
  const shade = s => shades[Math.max(0, Math.min(256, Math.round(128 + 128 * s)))];

  function sheet(canvas) {
    const {clientWidth: width, clientHeight: height} = canvas, dense = devicePixelRatio || 1;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    pen.lineJoin = pen.lineCap = "round";
    return [pen, width, height];
  }

  function text(x) {
    if (x === undefined || x === null) return "–";
    if (!isFinite(x)) return String(x);
    const shown = x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5) ? x.toExponential(2) : +x.toPrecision(3) + "";
    return shown.replaceAll("-", "−");
  }

  const subscript = k => [...String(k)].map(c => "₀₁₂₃₄₅₆₇₈₉"[c]).join("");

  // ── The network: a column of neurons for each layer, each with what it computes ──

  const neurons = layers.flatMap((layer, l) => layer.neurons.map((neuron, j) => ({...neuron, l: l + 1, j})));
  const boxes = [...inputs.map((name, j) => ({name, l: 0, j, input: j})), ...neurons];
  const output = boxes.findIndex(box => box.l === layers.length && box.j === 0), outputs = layers.at(-1)?.neurons.length ?? 0;
  const many = kind === "plane" && outputs > 1;

  function size() {
    const tallest = Math.max(...layers.map(layer => layer.neurons.length), inputs.length);
    return Math.max(22, Math.min(58, 470 / tallest - 6));
  }

  function build() {
    const network = $("network"), side = size(), most = Math.max(...layers.map(layer => layer.neurons.length), inputs.length);
    network.style.height = Math.max(300, most * (side + 6) + 40) + "px";
    for (const box of boxes) {
      const button = document.createElement("button"), column = box.l ? layers[box.l - 1].neurons.length : inputs.length;
      box.x = (box.l + .45) / (layers.length + .95);
      box.y = .5 + (box.j - (column - 1) / 2) * (side + 6) / (Math.max(300, most * (side + 6) + 40));
      button.className = "neuron";
      Object.assign(button.style, {left: box.x * 100 + "%", top: box.y * 100 - 2 + "%", width: side + "px", height: side + "px"});
      button.append(box.canvas = document.createElement("canvas"));
      button.setAttribute("aria-label", box.name);
      button.setAttribute("aria-pressed", false);
      button.onpointerenter = () => { pointed = box; refresh(); };
      button.onpointerleave = () => { pointed = null; refresh(); };
      button.onclick = () => keep(kept === box ? null : box);
      network.append(box.button = button);
    }
    for (const box of boxes) if (!box.l) {
      const words = Object.assign(document.createElement("span"), {className: "name", textContent: box.name});
      Object.assign(words.style, {left: "1.2%", top: box.y * 100 - 4 + "%"});
      network.append(words);
    }
    ["inputs", ...layers.map(layer => layer.name)].forEach((name, l) => {
      const words = Object.assign(document.createElement("span"), {className: "name", textContent: name});
      Object.assign(words.style, {left: (l + .45) / (layers.length + .95) * 100 + "%", bottom: "0"});
      network.append(words);
    });
  }

  function keep(box) {
    kept = box;
    for (const each of boxes) each.button.setAttribute("aria-pressed", each === box);
    refresh();
  }

  // How large a layer's weights become in the whole film: so growth is seen.
  const largest = layers.map(layer => Math.max(1e-9, ...layer.neurons.flatMap(n => n.weights.map(k => Math.max(Math.abs(low[k]), Math.abs(high[k]))))));

  function wires() {
    const [pen, width, height] = sheet($("wires")), shown = kept ?? pointed;
        for (const box of boxes) {
      if (!box.l) continue;
      box.weights.forEach((k, j) => {
        const from = boxes.find(b => b.l === box.l - 1 && b.j === j), strength = Math.abs(w[k]) / largest[box.l - 1];
        pen.globalAlpha = shown && shown !== box && shown !== from ? .12 : .85;
        pen.strokeStyle = w[k] < 0 ? colors.below : colors.above;
        pen.lineWidth = .3 + 5 * strength;
        const x0 = from.x * width + size() / 2, x1 = box.x * width - size() / 2, y0 = (from.y - .02) * height, y1 = (box.y - .02) * height, mid = (x0 + x1) / 2;
        pen.beginPath();
        pen.moveTo(x0, y0);
        pen.bezierCurveTo(mid, y0, mid, y1, x1, y1);
        pen.stroke();
      });
    }
    pen.globalAlpha = 1;
  }

  // ── What all neurons compute, over a grid ──

  const side = kind === "curve" ? 121 : 56, cells = kind === "curve" ? side : side * side;
  const given = new Float64Array(inputs.length + count), fields = boxes.map(() => new Float64Array(cells));
  const bounds = inputs.map((_, j) => {
    const found = points.map(p => p.x[j]), from = Math.min(...found), to = Math.max(...found), room = (to - from || 1) * .12;
    return [from - room, to + room];
  });
  if (kind === "plane") {
    const half = Math.max(...bounds.map(([a, b]) => b - a)) / 2;
    bounds.forEach((b, j) => { const middle = (b[0] + b[1]) / 2; bounds[j] = [middle - half, middle + half]; });
  }
  const across = (j, k, n) => bounds[j][0] + (bounds[j][1] - bounds[j][0]) * (k + .5) / n;

  function compute() {
    given.set(w, inputs.length);
    for (let c = 0; c < cells; c++) {
      given[0] = across(0, c % side, side);
      if (kind === "plane") given[1] = across(1, side - 1 - Math.floor(c / side), side);
      const found = values(given);
      boxes.forEach((box, b) => { fields[b][c] = box.l ? found[box.place] : given[box.input]; });
    }
  }

  function answer(x) {
    given.set(w, inputs.length);
    x.forEach((number, j) => { given[j] = number; });
    const found = values(given);
    return layers.at(-1).neurons.map(n => found[n.place]);
  }

  // A number of a neuron as a shade: 0 in the middle, except where the answer has a threshold of its own.
  function scaled(b) {
    const middle = boxes[b].l === layers.length && !many ? threshold ?? 0 : 0;
    let most = 0;
    for (const x of fields[b]) if (Math.abs(x - middle) > most) most = Math.abs(x - middle);
    return x => (x - middle) / (most || 1);
  }

  const sketch = document.createElement("canvas");

  function map(b, pen, width, height) {
    const image = new ImageData(side, side), tone = scaled(b);
    fields[b].forEach((x, c) => image.data.set([...shade(tone(x)), 255], 4 * c));
    paste(image, side, pen, width, height);
  }

  function paste(image, size, pen, width, height) {
    sketch.width = sketch.height = size;
    sketch.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(sketch, 0, 0, width, height);
  }

  // Which class wins, between the points of the grid too.
  function winners(pen, width, height) {
    const fine = 4, size = side * fine, image = new ImageData(size, size);
    for (let r = 0; r < size; r++) for (let c = 0; c < size; c++) {
      const y = Math.max(0, Math.min(side - 1.001, (r + .5) / fine - .5)), x = Math.max(0, Math.min(side - 1.001, (c + .5) / fine - .5));
      const at = Math.floor(y) * side + Math.floor(x), dx = x % 1, dy = y % 1;
      let best = 0, most = -Infinity;
      for (let k = 0; k < outputs; k++) {
        const f = fields[output + k], found = (f[at] * (1 - dx) + f[at + 1] * dx) * (1 - dy) + (f[at + side] * (1 - dx) + f[at + side + 1] * dx) * dy;
        if (found > most) { most = found; best = k; }
      }
      image.data.set([...tints[best % tints.length], 255], 4 * (r * size + c));
    }
    paste(image, size, pen, width, height);
  }

  function line(b, pen, width, height, room) {
    let from = Infinity, to = -Infinity;
    for (const x of fields[b]) { from = Math.min(from, x); to = Math.max(to, x); }
    if (from === to) { from -= 1; to += 1; }
    pen.beginPath();
    fields[b].forEach((x, k) => pen.lineTo((k + .5) / side * width, room + (to - x) / (to - from) * (height - 2 * room)));
    pen.strokeStyle = colors.text;
    pen.lineWidth = 1.6;
    pen.stroke();
  }

  const shownNeuron = () => { const box = kept ?? pointed; return box && boxes.indexOf(box) !== output ? box : null; };

  // The line where the answer changes, by marching squares.
  function boundary(b, level, pen, width, height) {
    const f = fields[b], step = width / side;
    pen.beginPath();
    for (let r = 0; r < side - 1; r++) for (let c = 0; c < side - 1; c++) {
      const corners = [f[r * side + c], f[r * side + c + 1], f[(r + 1) * side + c + 1], f[(r + 1) * side + c]].map(x => x - level);
      const places = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]], crossings = [];
      for (let k = 0; k < 4; k++) {
        const one = corners[k], other = corners[(k + 1) % 4];
        if ((one > 0) === (other > 0)) continue;
        const part = one / (one - other), [x0, y0] = places[k], [x1, y1] = places[(k + 1) % 4];
        crossings.push([(x0 + (x1 - x0) * part + .5) * step, (y0 + (y1 - y0) * part + .5) * step * height / width]);
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) { pen.moveTo(...crossings[k]); pen.lineTo(...crossings[k + 1]); }
    }
    pen.strokeStyle = colors.text;
    pen.lineWidth = 2;
    pen.stroke();
  }

  function mark(pen, x, y, other, color) {
    pen.beginPath();
    if (other) { pen.moveTo(x, y - 5.5); pen.lineTo(x + 5.5, y); pen.lineTo(x, y + 5.5); pen.lineTo(x - 5.5, y); pen.closePath(); } else pen.arc(x, y, 4.5, 0, 7);
    pen.fillStyle = color;
    pen.strokeStyle = colors.paper;
    pen.lineWidth = 1.5;
    pen.fill();
    pen.stroke();
  }

  const decided = found => many ? found.indexOf(Math.max(...found)) : +(found[0] >= threshold);

  function plane() {
    const [pen, width, height] = sheet($("map")), box = shownNeuron(), b = box ? boxes.indexOf(box) : output;
    if (many && !box) winners(pen, width, height); else map(b, pen, width, height);
    if (!box && !many && threshold !== null) boundary(output, threshold, pen, width, height);
    let wrong = 0;
    for (const {x, y} of points) {
      const px = (x[0] - bounds[0][0]) / (bounds[0][1] - bounds[0][0]) * width, py = (bounds[1][1] - x[1]) / (bounds[1][1] - bounds[1][0]) * height;
      const kindOf = many ? y : +(y > (threshold ?? 0));
      const missed = film.decides && decided(answer(x)) !== kindOf;
      if (missed) {
        wrong++;
        pen.beginPath();
        pen.arc(px, py, 9, 0, 7);
        pen.strokeStyle = colors.text;
        pen.lineWidth = 1.5;
        pen.stroke();
      }
      mark(pen, px, py, kindOf % 2 === 0, many ? hues[kindOf % hues.length] : kindOf ? colors.above : colors.below);
    }
    return film.decides ? (wrong ? wrong + " of " + points.length + " points on the wrong side, circled" : "none of " + points.length + " points on the wrong side") : points.length + " points";
  }

  function curve() {
    const [pen, width, height] = sheet($("map")), box = shownNeuron(), b = box ? boxes.indexOf(box) : output;
    if (box) { line(b, pen, width, height, 20); return ""; }
    const numbers = [...points.map(p => p.y), ...(spread ??= [...fields[output]])], from = Math.min(...numbers), to = Math.max(...numbers), room = (to - from || 1) * .1;
    const px = x => (x - bounds[0][0]) / (bounds[0][1] - bounds[0][0]) * width, py = y => (to + room - y) / (to - from + 2 * room) * height;
    let squares = 0;
    for (const {x, y} of points) {
      const found = answer(x)[0];
      squares += (found - y) ** 2;
      pen.strokeStyle = colors.rule;
      pen.beginPath();
      pen.moveTo(px(x[0]), py(y));
      pen.lineTo(px(x[0]), py(found));
      pen.stroke();
    }
    pen.beginPath();
    fields[output].forEach((y, k) => pen.lineTo(px(across(0, k, side)), py(y)));
    pen.strokeStyle = colors.above;
    pen.lineWidth = 3;
    pen.stroke();
    for (const {x, y} of points) mark(pen, px(x[0]), py(y), false, colors.below);
    return "mean squared distance of the points from the curve: " + text(squares / points.length);
  }
  let spread;

  function said(words) {
    const box = shownNeuron();
    $("map").setAttribute("aria-label", (box ? "what " + box.name + " computes" : "what the network answers") + " at epoch " + epoch());
    if (!box) return words;
    if (!box.l) return box.name + ": an input";
    const before = boxes.filter(b => b.l === box.l - 1), terms = box.weights.map((k, j) => [w[k], before[j].short]);
    const shown = terms.length > 4 ? terms.length + " weighted inputs" : terms.map(([x, name], j) => (j ? (x < 0 ? " − " : " + ") : x < 0 ? "−" : "") + text(Math.abs(x)) + " " + name).join("");
    const bias = terms.length > 4 || box.bias === null ? "" : (w[box.bias] < 0 ? " − " : " + ") + text(Math.abs(w[box.bias]));
    return box.name + " = " + box.activation + "(" + shown + bias + ")";
  }
  for (const box of boxes) box.short = box.l ? "h" + subscript(box.j + 1) : box.name;

  // ── Any other network: weights as images, and histograms ──

  const shapes = [];
  function panels() {
    layers.forEach((layer, l) => {
      const part = Object.assign(document.createElement("div"), {className: "layer", innerHTML: "<h2></h2>"});
      part.querySelector("h2").textContent = layer.name;
      for (const words of ["weights of each neuron: blue above 0, orange below", "what its neurons give", "gradients of its parameters"]) {
        const figure = document.createElement("figure"), canvas = document.createElement("canvas");
        figure.append(canvas, Object.assign(document.createElement("figcaption"), {textContent: words}));
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", layer.name + ": " + words);
        part.append(figure);
        shapes.push([l, canvas]);
      }
      $("network").append(part);
    });
  }

  function images(l, canvas) {
    const rows = layers[l].neurons, wide = rows[0].weights.length, root = Math.sqrt(wide), square = root === Math.floor(root) && film.square && l === 0;
    const [w1, h1] = square ? [root, root] : [wide, 1], columnsShown = square ? Math.min(rows.length, 8) : 1;
    const across = Math.ceil(rows.length / Math.ceil(rows.length / columnsShown)), down = Math.ceil(rows.length / across);
    canvas.style.height = square ? canvas.clientWidth / across * down + "px" : Math.max(60, rows.length * 9) + "px";
    const [pen, width, height] = sheet(canvas), cellWidth = width / across, cellHeight = height / down;
    rows.forEach((neuron, n) => {
      const x0 = n % across * cellWidth + 1, y0 = Math.floor(n / across) * cellHeight + 1, pw = (cellWidth - 2) / w1, ph = (cellHeight - 2) / h1;
      neuron.weights.forEach((k, j) => {
        pen.fillStyle = "rgb(" + shade(w[k] / largest[l]) + ")";
        pen.fillRect(x0 + j % w1 * pw, y0 + Math.floor(j / w1) * ph, pw + .5, ph + .5);
      });
    });
  }

  function activations() {
    const found = layers.map(() => []);
    given.set(w, inputs.length);
    for (const {x} of points) {
      x.forEach((number, j) => { given[j] = number; });
      const numbers = values(given);
      layers.forEach((layer, l) => { for (const neuron of layer.neurons) found[l].push(numbers[neuron.place]); });
    }
    return found;
  }

  // The same range in the whole film, found at its beginning, middle and end.
  let ranges = [];
  function measure() {
    ranges = layers.map(() => [0, 1e-9]);
    for (const frame of [0, final >> 1, final]) {
      load(frame);
      activations().forEach((numbers, l) => { ranges[l] = [Math.min(ranges[l][0], ...numbers), Math.max(ranges[l][1], ...numbers)]; });
    }
  }

  function binned(numbers, [from, to]) {
    const bins = new Array(24).fill(0);
    for (const x of numbers) bins[Math.max(0, Math.min(23, Math.floor((x - from) / (to - from) * 24)))]++;
    return bins;
  }

  function histogram(bins, [from, to], canvas) {
    canvas.style.height = "96px";
    const [pen, width, height] = sheet(canvas), all = bins.reduce((sum, n) => sum + n, 0) || 1, step = width / bins.length;
    pen.fillStyle = colors.above;
    bins.forEach((n, k) => { const tall = Math.sqrt(n / all) * (height - 20); pen.fillRect(k * step + .5, height - 16 - tall, step - 1, tall); });
    pen.fillStyle = colors.quiet;
    pen.font = "11px system-ui";
    pen.fillText(text(from), 2, height - 3);
    pen.textAlign = "right";
    pen.fillText(text(to), width - 2, height - 3);
  }

  // ── Time ──

  const epoch = () => { const k = Math.floor(at), part = at - k; return Math.round(part ? epochs[k] + (epochs[k + 1] - epochs[k]) * part : epochs[k]); };

  function strip() {
    const [pen, width, height] = sheet($("curve")), left = 46, right = width - 96, bottom = height - 18, total = Math.max(1, epochs[final]);
    const x = e => left + (right - left) * e / total, loss = columns.loss.filter(isFinite);
    const least = Math.min(...loss), most = Math.max(...loss), logarithmic = least > 0 && most / least > 50, f = logarithmic ? Math.log10 : y => y;
    const scale = (numbers, g) => { const from = Math.min(...numbers.map(g)), to = Math.max(...numbers.map(g)); return y => 6 + (to - g(y)) / (to - from || 1) * (bottom - 12); };
    pen.font = "11px system-ui";
    pen.fillStyle = pen.strokeStyle = colors.quiet;
    const tick = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find(t => total / t <= Math.min(10, (right - left) / 36)) ?? total;
    pen.textAlign = "center";
    for (let e = 0; e <= total; e += tick) pen.fillText(e, x(e), height - 4);
    pen.textAlign = "right";
    for (const y of [most, least]) pen.fillText(text(y), left - 6, scale(loss, f)(y) + 4);
    const now = epoch(), ends = [];
    const series = names.filter(name => columns[name].some(isFinite)).slice(0, 4);
    for (const name of series) {
      const numbers = columns[name], y = name === "loss" ? scale(loss, f) : scale(numbers.filter(isFinite), v => v), color = name === "loss" ? colors.text : colors.metric;
      for (const [from, to, alpha] of [[1, now, 1], [Math.max(1, now), total, .3]]) {
        pen.globalAlpha = alpha;
        pen.strokeStyle = color;
        pen.lineWidth = name === "loss" ? 2.2 : 1.4;
        pen.setLineDash(name.startsWith("validation") ? [4, 3] : []);
        pen.beginPath();
        for (let e = from; e <= to; e++) if (isFinite(numbers[e - 1])) pen.lineTo(x(e), y(numbers[e - 1]));
        pen.stroke();
      }
      pen.setLineDash([]);
      pen.globalAlpha = 1;
      const at = y(numbers[numbers.length - 1]);
      ends.push([at, name === "loss" && logarithmic ? "loss (log)" : name, color]);
      if (name === "loss" && now >= 1) {
        pen.fillStyle = colors.text;
        pen.beginPath();
        pen.arc(x(now), y(numbers[now - 1]), 5, 0, 7);
        pen.fill();
      }
    }
    pen.strokeStyle = colors.quiet;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x(now), 2);
    pen.lineTo(x(now), bottom);
    pen.stroke();
    pen.textAlign = "left";
    ends.sort((a, b) => a[0] - b[0]).forEach(([y, name, color], k) => {
      ends[k][0] = y = Math.max(y, k ? ends[k - 1][0] + 13 : 0);
      pen.fillStyle = color;
      pen.fillText(name.replace("validation", "val."), right + 8, Math.min(y + 4, bottom));
    });
    scrubbed = [left, right];
  }
  let scrubbed;

  function draw() {
    drawn = 0;
    load(calm.matches ? Math.round(at) : at);
    if (kind === "layers") {
      const given = activations();
      shapes.forEach(([l, canvas], k) => k % 3 === 0 ? images(l, canvas) : k % 3 === 1 ? histogram(binned(given[l], ranges[l]), ranges[l], canvas) : histogram(layers[l].gradients.counts[Math.round(at)], layers[l].gradients.range, canvas));
    }
    else {
      compute();
      boxes.forEach((box, b) => {
        const [pen, width, height] = sheet(box.canvas);
        if (kind === "curve") line(b, pen, width, height, 5); else map(b, pen, width, height);
      });
      wires();
      $("said").textContent = said(kind === "curve" ? curve() : plane());
    }
    strip();
    const now = epoch(), row = now ? names.map(name => [name, text(columns[name][now - 1])]) : names.map(name => [name, "–"]);
    $("figures").replaceChildren(...[["epoch of " + epochs[final], now], ...row.slice(0, 4)].map(([name, x]) => {
      const part = document.createElement("div");
      part.append(Object.assign(document.createElement("dt"), {textContent: name}), Object.assign(document.createElement("dd"), {textContent: x}));
      return part;
    }));
    $("scrub").value = Math.round(at);
    $("scrub").setAttribute("aria-valuetext", "epoch " + now + row.map(([name, x]) => ", " + name + " " + x).join(""));
    if (!moving) try { history.replaceState(null, "", at === final ? "#" : "#epoch=" + now); } catch { /* a sandboxed frame */ }
  }

  const refresh = () => { drawn = drawn || requestAnimationFrame(draw); };

  function go(frame) {
    at = Math.max(0, Math.min(final, frame));
    refresh();
  }

  function play(on) {
    cancelAnimationFrame(moving);
    moving = 0;
    $("play").textContent = on ? "Pause" : "Play";
    $("play").setAttribute("aria-pressed", on);
    if (!on) return refresh();
    if (at >= final) at = 0;
    clock = performance.now();
    const tick = () => {
      const time = performance.now();
      moving = requestAnimationFrame(tick);
      advance(time - clock);
      clock = time;
    };
    moving = requestAnimationFrame(tick);
  }

  // So many milliseconds of playing; the whole film takes 9 seconds at most.
  function advance(time) {
    at = Math.min(final, at + time / (Math.min(9000, 250 * final) || 1) * final * speed);
    draw();
    if (at >= final) play(false);
  }

  const acts = {
    ArrowRight: () => go(Math.floor(at) + 1), ArrowLeft: () => go(Math.ceil(at) - 1), Home: () => go(0), End: () => go(final),
    " ": () => play(!moving), Escape: () => keep(null),
  };
  document.addEventListener("keydown", event => {
    const on = event.target.closest ? event.target.closest("button,a") : null;
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key] || (on && event.key === " ")) return;
    event.preventDefault();
    if (/Arrow|Home|End/.test(event.key)) play(false);
    acts[event.key]();
  });
  $("play").onclick = () => play(!moving);
  $("speed").onclick = () => { const all = [.25, .5, 1, 2, 4]; speed = all[(all.indexOf(speed) + 1) % 5]; $("speed").textContent = {0.25: "¼", 0.5: "½"}[speed] ?? speed; $("speed").textContent += "×"; };
  $("scrub").max = final;
  // The curve is the slider: where it is pressed says which epoch, and so which frame.
  $("strip").onpointerdown = $("strip").onpointermove = event => {
    if (event.type === "pointermove" && !event.buttons) return;
    const [left, right] = scrubbed, rect = $("strip").getBoundingClientRect();
    const wanted = (event.clientX - rect.left - left) / (right - left) * epochs[final];
    let frame = epochs.findIndex(e => e >= wanted);
    if (frame < 0) frame = final;
    if (frame && wanted - epochs[frame - 1] < epochs[frame] - wanted) frame--;
    play(false);
    go(frame);
    event.preventDefault();
    $("scrub").focus();
  };
  $("scrub").oninput = () => { play(false); go(+$("scrub").value); };

  function follow() {
    const wanted = parseInt(new URLSearchParams(location.hash.slice(1)).get("epoch"), 10);
    if (Number.isNaN(wanted)) return go(final);
    go(epochs.reduce((best, e, k) => Math.abs(e - wanted) < Math.abs(epochs[best] - wanted) ? k : best, 0));
  }
  addEventListener("hashchange", follow);
  addEventListener("resize", refresh);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { look(); refresh(); });
  look();
  if (kind === "layers") { measure(); panels(); } else build();
  window.film = {go, draw, advance, answer, load, w, values: x => { load(at); return answer(x); }};
  follow();
})();

(() => {
  const $ = id => document.getElementById(id);
  const views = JSON.parse($("data").textContent);
  const states = "positive negative zero mixed broken none s0 s1 s2 s3 s4 now used got wait".split(" ");
  const tidy = g => g.classList.remove(...states);
  const words = g => [...g.querySelectorAll("text")].pop();
  let view, section, at = -1, timer = 0;

  for (const g of document.querySelectorAll(".node,.edge")) {
    const shown = words(g);
    g.final = g.classList[1];
    if (shown && /^grad/.test(shown.textContent)) g.grad = shown;
  }

  function center(pane, box) {
    const frame = pane.getBoundingClientRect();
    pane.scrollLeft += box.left + box.width / 2 - frame.left - frame.width / 2;
    pane.scrollTop += box.top + box.height / 2 - frame.top - frame.height / 2;
  }

  function enter(place, step) {
    view = views[place];
    document.querySelectorAll("section").forEach(s => s.hidden = s.id !== "view" + place);
    section = $("view" + place);
    $("slider").max = view.steps.length - 1;
    for (const b of $("path").children) b.hidden = !(view.name === b.value || view.name.startsWith(b.value + ".") || !b.value);
    for (const b of $("path").children) b.disabled = view.name === b.value;
    show(step);
  }

  function show(step) {
    at = Math.max(-1, Math.min(view.steps.length - 1, step));
    const grads = {};
    for (const g of section.querySelectorAll(".node,.edge")) {
      tidy(g);
      g.classList.add("none");
      if (g.grad) {
        g.classList.add("wait");
        g.grad.textContent = g.grad.textContent.replace(/^(grad( rms)?) .*/, "$1 –");
      }
    }
    view.steps.slice(0, at + 1).forEach(([, box, wires, changes], i) => {
      const now = i === at;
      for (const id of wires) {
        const g = $(view.prefix + id);
        g.classList.remove("none");
        g.classList.add(g.final, "used", ...(now ? ["now"] : []));
      }
      for (const [id, value, tone] of changes) {
        const g = $(view.prefix + id), old = grads[id];
        tidy(g);
        g.classList.add(...tone.split(" "), ...(now ? ["got"] : []));
        if (g.grad) g.grad.textContent = g.grad.textContent.replace(/^(grad( rms)?) .*/, "$1 " +
          (now && old ? old + " → " : "") + value);
        grads[id] = value;
      }
      if (now) {
        $(view.prefix + box).classList.add("now");
      }
    });
    const current = $(view.prefix + view.steps[Math.max(at, 0)][1]);
    if (at >= 0) center(section.querySelector(".picture"), current.getBoundingClientRect());
    const items = [...section.querySelectorAll("li")];
    items.forEach((li, i) => li.classList.toggle("now", i === at));
    $("now").textContent = at < 0 ? "No gradient is known yet.\nStep, play, or click a box." : items[at].textContent;
    $("slider").value = at;
    $("slider").setAttribute("aria-valuetext", at < 0 ? "start" : "step " + at);
    $("count").textContent = at < 0 ? "start" : "step " + at + " of " + (view.steps.length - 1);
    const inside = at < 0 ? undefined : view.opens[view.steps[at][1]];
    $("open").hidden = views.length < 2;
    $("open").disabled = inside === undefined;
    $("open").value = inside;
    $("open").textContent = "Look inside" + (inside ? " " + inside : "");
    $("back").disabled = $("first").disabled = at < 0;
    $("step").disabled = $("last").disabled = at === view.steps.length - 1;
    const place = (view.name ? "view=" + encodeURIComponent(view.name) + "&" : "") + "step=" + at;
    try { history.replaceState(null, "", at < 0 && !view.name ? "#" : "#" + place); } catch { /* a sandboxed frame */ }
  }

  function goto(name) {
    const seen = at < 0 ? -1 : view.steps[at][0];
    const place = views.findIndex(v => v.name === name);
    if (place >= 0) enter(place, views[place].steps.findLastIndex(s => s[0] <= seen));
  }

  function run(id) {
    const own = view.steps.findIndex(s => s[1] === id && s[2].length);
    const last = view.steps.findLastIndex(s => s[1] === id || s[3].some(c => c[0] === id));
    if (own >= 0 || last >= 0) { play(false); show(own >= 0 ? own : last); }
  }

  function play(on) {
    clearInterval(timer);
    timer = 0;
    $("play").textContent = on ? "Pause" : "Play";
    $("play").setAttribute("aria-pressed", on);
    if (!on) return;
    if (at === view.steps.length - 1) show(-1);
    timer = setInterval(() => { show(at + 1); if (at === view.steps.length - 1) play(false); }, 1200);
  }

  function follow() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const place = views.findIndex(v => v.name === (wanted.get("view") || ""));
    const step = parseInt(wanted.get("step") ?? "-1", 10);
    enter(Math.max(0, place), Number.isNaN(step) ? -1 : step);
  }

  const up = () => view.name && goto(view.up);
  const acts = {
    ArrowRight: () => show(at + 1), ArrowLeft: () => show(at - 1), Home: () => show(-1), End: () => show(1e9),
    " ": () => play(!timer), o: () => $("open").click(), Escape: up,
  };
  document.addEventListener("keydown", event => {
    const on = event.target.closest ? event.target.closest("input,button,summary,a") : null;
    if (event.ctrlKey || event.metaKey || event.altKey || (on && (on.matches("input") || event.key === " "))) return;
    const box = event.target.closest && event.target.closest(".node");
    if (box && event.key === "Enter") return run(box.id.slice(view.prefix.length));
    if (!acts[event.key]) return;
    event.preventDefault();
    if (event.key !== " ") play(false);
    acts[event.key]();
  });
  document.addEventListener("click", event => {
    const box = event.target.closest(".node"), li = event.target.closest("li");
    if (box) run(box.id.slice(view.prefix.length));
    if (li) { play(false); show([...li.parentNode.children].indexOf(li)); }
  });
  document.addEventListener("dblclick", event => {
    const box = event.target.closest(".node");
    if (box) goto(view.opens[box.id.slice(view.prefix.length)]);
  });
  const press = {first: "Home", back: "ArrowLeft", step: "ArrowRight", last: "End"};
  for (const id in press) $(id).onclick = () => { play(false); acts[press[id]](); };
  $("play").onclick = () => play(!timer);
  $("fit").onclick = () => $("fit").setAttribute("aria-pressed", document.body.classList.toggle("fit"));
  $("open").onclick = () => goto($("open").value);
  $("path").onclick = event => event.target.value !== undefined && goto(event.target.value);
  $("slider").oninput = () => { play(false); show(+$("slider").value); };
  addEventListener("hashchange", follow);
  document.body.classList.add("live");
  const lists = open => document.querySelectorAll("details").forEach(d => { d.open = open; });
  addEventListener("beforeprint", () => lists(true));
  lists(false);
  for (const g of document.querySelectorAll(".node:not(.constant)")) {
    g.setAttribute("tabindex", 0);
    g.setAttribute("role", "button");
  }
  follow();
})();

"use strict";
(async () => {
  const ROW = 22, log = document.getElementById("log"), space = document.getElementById("space");
  const packed = document.getElementById("chunks").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = await new Response(stream).json();
  const agent = document.getElementById("agent"), kind = document.getElementById("kind");
  const find = document.getElementById("find"), count = document.getElementById("count");
  const full = document.getElementById("full");
  const option = (into, name, at) => into.add(new Option(name, String(at)));
  data.agents.forEach((name, at) => option(agent, name, at));
  data.kinds.forEach((name, at) => option(kind, name.replaceAll("_", " "), at));
  let shown = [], chosen = -1;
  const draw = () => {
    space.style.height = "";
    const first = Math.max(0, Math.floor(log.scrollTop / ROW) - 5);
    const last = Math.min(shown.length, first + Math.ceil(log.clientHeight / ROW) + 10);
    log.querySelectorAll(".row").forEach(row => row.remove());
    for (let n = first; n < last; n++) {
      const at = shown[n], row = document.createElement("div");
      row.className = "row"; row.setAttribute("role", "option"); row.id = "c" + at;
      row.setAttribute("aria-selected", String(at === chosen));
      row.style.top = n * ROW + "px";
      for (const text of [data.at[at].toFixed(3), data.agents[data.agent[at]],
        data.kinds[data.kind[at]].replaceAll("_", " "), data.text[at].slice(0, 400)]) {
        const part = document.createElement("span"); part.textContent = text; row.append(part);
      }
      row.addEventListener("click", () => choose(n));
      log.append(row);
    }
  };
  const choose = n => {
    if (n < 0 || n >= shown.length) return;
    chosen = shown[n]; full.textContent = data.text[chosen]; full.className = "";
    log.setAttribute("aria-activedescendant", "c" + chosen);
    if (n * ROW < log.scrollTop) log.scrollTop = n * ROW;
    if ((n + 1) * ROW > log.scrollTop + log.clientHeight) log.scrollTop = (n + 1) * ROW - log.clientHeight;
    draw();
  };
  const filter = () => {
    const a = agent.value, k = kind.value, words = find.value.toLowerCase();
    shown = [];
    for (let n = 0; n < data.at.length; n++)
      if ((a === "" || data.agent[n] === +a) && (k === "" || data.kind[n] === +k) &&
        (words === "" || data.text[n].toLowerCase().includes(words))) shown.push(n);
    count.textContent = shown.length.toLocaleString("en") + " of " + data.at.length.toLocaleString("en");
    space.setAttribute("height", String(Math.max(1, shown.length * ROW)));
    log.scrollTop = 0; draw();
  };
  log.addEventListener("scroll", draw, { passive: true });
  log.addEventListener("keydown", event => {
    const now = shown.indexOf(chosen), page = Math.floor(log.clientHeight / ROW) - 1;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(Math.min(shown.length - 1, Math.max(0, now < 0 ? 0 : now + step)));
  });
  for (const each of [agent, kind]) each.addEventListener("change", filter);
  find.addEventListener("input", filter);
  document.getElementById("names").addEventListener("change", event => {
    document.querySelectorAll("[data-label]").forEach(each => {
      const label = each.dataset.label; each.dataset.label = each.textContent; each.textContent = label;
    });
    document.getElementById("said").textContent = event.target.checked ? "anonymous labels are shown" : "names are shown";
  });
  filter();
})();

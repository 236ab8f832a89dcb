"use strict";
// The live page. State is built from the session's events, in order; what is drawn
// follows once a frame, so that a hundred thousand events are one picture.
const $ = id => document.getElementById(id);
const SAID_MOST = 40000;   // characters of an agent that are shown; all are in the report
const ORDINALS = ["", "first", "second", "third"];
const make = (tag, text = "", name = "") => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (name) node.className = name;
  return node;
};
const post = async (path, what) => {
  const answer = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(what ?? {}),
  });
  const told = await answer.json().catch(() => ({ error: "the server said " + answer.status }));
  if (!answer.ok) throw new Error(told.error ?? "the server said " + answer.status);
  return told;
};
const dollars = usd => usd === 0 ? "$0.00" : usd === null || usd === undefined ? "$?" : "$" + usd.toFixed(usd < 0.1 ? 4 : 2);
const line = (text, most) => { const flat = text.replace(/\s+/g, " ").trim(); return flat.length > most ? flat.slice(0, most - 1) + "…" : flat; };

// ---- the first page ---------------------------------------------------------------
let teams = [], continues = "";
const showTeam = () => {
  const team = teams[$("team").value];
  $("team-note").textContent = team ? team.note + (continues ? " · goes on from session " + continues : "") : "";
  if (team && !$("question").value) $("question").value = team.question;
};
const loadTeams = async () => {
  teams = await (await fetch("/api/teams")).json();
  $("team").replaceChildren(...teams.map((each, at) => new Option(each.name, String(at))));
  showTeam();
};
$("team").addEventListener("change", showTeam);
$("ask").addEventListener("submit", async event => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true; $("ask-error").textContent = "";
  try {
    const what = { question: $("question").value, team: Number($("team").value), continues };
    const { session } = await post("/api/sessions", what);
    $("question").value = ""; continues = "";
    location.hash = "#/s/" + session;
  } catch (error) { $("ask-error").textContent = error.message; }
  button.disabled = false;
});
let kept = [];
const listSessions = () => {
  const words = $("search").value.toLowerCase();
  const fits = kept.filter(each => (each.question + " " + each.session + " " + each.status).toLowerCase().includes(words));
  $("sessions").replaceChildren(...fits.slice(0, 200).map(each => {
    const row = make("tr"), first = make("td"), link = make("a", line(each.question, 160) || each.session);
    link.href = "#/s/" + each.session; first.append(link); row.append(first);
    row.append(make("td", each.status + (each.is_ours ? ", here" : "")), make("td", each.winner ?? ""),
      make("td", each.started ? new Date(each.started).toLocaleString() : ""), make("td", dollars(each.cost_usd)));
    return row;
  }));
  $("none").hidden = kept.length > 0;
};
const loadSessions = async () => { kept = await (await fetch("/api/sessions")).json(); listSessions(); };
$("search").addEventListener("input", listSessions);

// ---- one session ------------------------------------------------------------------
let now = null;   // what is shown; null: the first page
const fresh = id => ({
  id, source: null, place: "", epoch: "", begun: null, panes: new Map(), answers: new Map(), ballots: new Map(),
  revisions: new Map(), dirty: new Set(), story: [], drawn: 0, phase: -1, tokens: 0, output: 0, cost: 0, spent: new Map(), result: null,
  over: false, began: null, last: 0, seen: performance.now(), chunks: 0, gaps: 0, seqs: new Map(), winner: null, detail: "",
  standing: true, wanted: false, asked: new Map(), calls: new Map(),
});
const nameOf = label => now.answers.get(label)?.name ?? label;
const note = text => { now.story.push(text); };
const pane = agent => {
  let it = now.panes.get(agent);
  if (!it) { it = { agent, model: now.begun?.models[agent] ?? "", state: "waits", parts: [], size: 0, out: false, busy: false }; now.panes.set(agent, it); }
  return it;
};
const say = (agent, kind, text) => {
  const it = pane(agent), last = it.parts.at(-1);
  if (last && last.kind === kind && (kind === "text" || kind === "thinking")) last.text += text;
  else it.parts.push({ kind, text, drawn: 0, node: null });
  it.size += text.length;
  now.dirty.add(agent);
};
const TASKS = { draft: "drafts", review: "reads and votes", present: "presents", divide: "divides the task", work: "works on a part" };
const PHASES = { draft: 0, divide: 0, work: 0, review: 1, present: 2 };
const count = event => {
  now.chunks++;
  const key = event.agent + " " + event.turn, before = now.seqs.get(key);
  if (event.seq !== (before ?? -1) + 1) now.gaps++;
  now.seqs.set(key, event.seq);
  if (now.began === null) now.began = event.at;
  if (event.at > now.last) { now.last = event.at; now.seen = performance.now(); }
};
const set = (agent, state, busy) => { const it = pane(agent); it.state = state; if (busy !== undefined) it.busy = busy; now.dirty.add(agent); };
const ballotText = ballot => {
  switch (ballot?.type ?? ballot?.kind) {
    case "ranking": return ballot.tiers.map(tier => tier.map(nameOf).join(" = ")).join(" > ");
    case "approval": return ballot.labels.map(nameOf).join(", ");
    case "scores": return Object.entries(ballot.points).map(([label, points]) => nameOf(label) + " " + points).join(", ");
    default: return nameOf(ballot?.label ?? "");
  }
};
const apply = event => {
  if (event.seq !== undefined && event.turn !== undefined) count(event);
  switch (event.kind) {
    case "page.begun":
      now.begun = event; for (const agent of Object.keys(event.models)) pane(agent); break;
    case "page.ended": now.result = event.result; now.wanted = true; break;
    case "page.failed": case "page.unreadable": $("error").textContent = event.reason; break;
    case "page.person_asked": now.asked.set(event.agent, event); drawRequests(); break;
    case "page.approval_asked": now.calls.set(event.call, event); drawRequests(); break;
    case "page.approval_settled": now.calls.delete(event.call); drawRequests(); break;
    case "turn_started":
      pane(event.agent).task = TASKS[event.task] ?? event.task;
      say(event.agent, "mark", TASKS[event.task] ?? event.task); set(event.agent, TASKS[event.task] ?? event.task, true);
      now.phase = Math.max(now.phase, PHASES[event.task] ?? 0); break;
    case "turn_ended":
      set(event.agent, event.outcome + (event.detail ? ": " + line(event.detail, 120) : ""), false);
      // The next request may have been told before this end was.
      if (now.asked.get(event.agent)?.turn === event.turn) { now.asked.delete(event.agent); drawRequests(); } break;
    // That it is asked goes without saying; what it does is of interest.
    case "status_changed": if (event.status === "requesting") set(event.agent, pane(event.agent).task ?? ""); else set(event.agent, event.status.replaceAll("_", " ") + (event.detail ? ": " + line(event.detail, 100) : "")); break;
    case "text_delta": say(event.agent, "text", event.text); break;
    case "thinking_delta": say(event.agent, "thinking", event.text); break;
    case "tool_called": case "server_tool_called":
      if (!["vote", "answer", "new_answer", "submit_answer"].includes(event.name)) say(event.agent, "tool", "⚙ " + event.name + " " + line(JSON.stringify(event.input), 300)); break;
    case "tool_returned": case "server_tool_returned":
      if (event.is_error) say(event.agent, "tool", "✕ " + line(JSON.stringify(event.content), 300)); break;
    case "response_abandoned": say(event.agent, "mark", "asked again in " + event.retry_in_s.toFixed(1) + " s: " + event.reason); break;
    case "turn_restarted": say(event.agent, "mark", "begins again with " + event.model + ": " + event.reason); break;
    case "agent_failed": set(event.agent, event.error + ": " + line(event.message, 200), false); say(event.agent, "mark", "✕ " + event.error + ": " + event.message); break;
    case "usage_reported": now.spent.set(event.agent + " " + event.turn + " " + (now.responses?.get(event.agent) ?? 0), event); break;
    case "response_started": set(event.agent, pane(event.agent).task ?? ""); now.responses ??= new Map(); now.responses.set(event.agent, (now.responses.get(event.agent) ?? 0) + 1); break;
    case "answer_accepted": {
      const number = (now.revisions.get(event.agent) ?? 0) + 1; now.revisions.set(event.agent, number);
      const name = event.agent + "'s " + (number === 1 ? "answer" : (ORDINALS[number] ?? number + "th") + " answer");
      for (const each of now.answers.values()) if (each.agent === event.agent) each.gone = "revised";
      now.answers.set(event.label, { label: event.label, agent: event.agent, name, content: event.content, gone: "" });
      note("◆ " + name + ": " + line(event.content, 200)); now.standing = true; now.wanted = true; break;
    }
    case "answer_checked": note((event.passed >= event.of ? "✔ " : "! ") + nameOf(event.label) + " passes " + event.passed + " of " + event.of + " checks"); break;
    case "answer_refused": note("! " + event.agent + ": answer refused: " + event.reason); break;
    case "answer_restored": { const it = now.answers.get(event.label); if (it) it.gone = ""; note("↺ " + nameOf(event.label) + " stands again"); now.standing = true; break; }
    case "vote_counted":
      now.ballots.set(event.voter, event); note("✔ " + event.voter + " votes: " + ballotText(event.ballot) + (event.reason ? " — " + line(event.reason, 200) : ""));
      now.standing = true; now.wanted = true; break;
    case "vote_rejected": note("! " + event.voter + ": vote refused: " + event.reason); break;
    case "votes_voided": for (const voter of event.voters) now.ballots.delete(voter);
      note("↺ " + event.voters.join(", ") + " had not seen " + nameOf(event.label) + ": vote again"); now.standing = true; now.wanted = true; break;
    case "live_ballots": { const live = new Set(event.ballots.map(each => each.voter)); for (const voter of [...now.ballots.keys()]) if (!live.has(voter)) now.ballots.delete(voter); now.standing = true; break; }
    case "veto_ignored": $("notice").textContent = "The veto of " + nameOf(event.label) + " changed nothing: " + event.reason; break;
    case "agent_retired": { const it = pane(event.agent); it.out = true; set(event.agent, "is out: " + event.reason, false); note("✕ " + event.agent + " is out" + (it.stopped === event.reason ? "" : ": " + event.reason)); break; }
    case "cancel_turn": pane(event.agent).stopped = event.reason; note("— " + event.agent + " is stopped: " + event.reason); break;
    case "slate_frozen": now.phase = Math.max(now.phase, 1); note("The answers stand: " + event.labels.map(nameOf).join(", ")); now.wanted = true; break;
    case "team_grown": note("+ " + event.agents.join(", ") + ": " + event.reason); break;
    case "committee_decided": note("A committee has chosen " + nameOf(event.label)); break;
    case "challenge_opened": note(event.challenger + " may put one better answer against " + nameOf(event.label)); break;
    case "winner_decided": now.winner = event; now.phase = 2; note("★ " + nameOf(event.label) + " wins by " + event.rule.replaceAll("_", " ") + (event.is_early ? "; no outstanding vote could change that" : "")); now.standing = true; now.wanted = true; break;
    case "conclude": now.detail = event.detail; now.phase = 3; now.standing = true; note("The session is over: " + event.status); now.wanted = true;
      if (event.label) now.winner ??= { label: event.label }; $("answer").textContent = event.answer ?? "No answer: " + event.detail; $("final").hidden = false; break;
    case "journal_lost": $("error").textContent = event.reason + "; from there on nothing is kept"; break;
  }
};

// ---- drawing ----------------------------------------------------------------------
const drawPane = agent => {
  const it = now.panes.get(agent);
  if (!it.node) {
    it.node = make("article", "", "pane");
    const head = make("header"); it.stateNode = make("span", "", "soft");
    head.append(make("h3", agent), it.stateNode);
    if (now.begun?.is_ours && !now.over) {
      it.stop = make("button", "Stop"); it.stop.setAttribute("aria-label", "stop " + agent);
      it.stop.addEventListener("click", () => act({ do: "stop", agent })); head.append(it.stop);
    }
    it.said = make("div", "", "said"); it.said.tabIndex = 0; it.said.setAttribute("role", "region"); it.said.setAttribute("aria-label", "what " + agent + " says");
    it.node.append(head, it.said); $("panes").append(it.node);
  }
  it.stateNode.textContent = [it.model, it.state].filter(Boolean).join(" · ");
  it.node.classList.toggle("busy", it.busy); it.node.classList.toggle("out", it.out);
  if (it.stop) it.stop.hidden = now.over || it.out;
  const said = it.said, follows = said.scrollHeight - said.scrollTop - said.clientHeight < 40;
  while (it.size > SAID_MOST && it.parts.length > 1) { const gone = it.parts.shift(); it.size -= gone.text.length; gone.node?.remove(); }
  for (const part of it.parts) {
    if (part.text.length > SAID_MOST) { const cut = part.text.length - SAID_MOST; part.text = part.text.slice(cut); it.size -= cut; part.drawn = 0; if (part.node) part.node.textContent = ""; }
    if (!part.node) { part.node = make("span", "", part.kind); part.node.append(document.createTextNode("")); said.append(part.node); }
    if (part.drawn < part.text.length) { part.node.firstChild ? part.node.firstChild.appendData(part.text.slice(part.drawn)) : part.node.append(part.text.slice(part.drawn)); part.drawn = part.text.length; }
  }
  if (follows) said.scrollTop = said.scrollHeight;
};
const drawStanding = () => {
  now.standing = false;
  const open = new Set([...document.querySelectorAll("#standing details[open]")].map(each => each.dataset.label));
  const voters = new Map();
  for (const [voter, cast] of now.ballots) if (cast.label) voters.set(cast.label, [...(voters.get(cast.label) ?? []), voter]);
  $("standing").replaceChildren(...[...now.answers.values()].map(each => {
    const item = make("li"), row = make("div", "", "row"), more = make("details"), who = voters.get(each.label) ?? [];
    more.dataset.label = each.label; more.open = open.has(each.label);
    more.append(make("summary", each.name + ": " + line(each.content, 160)), make("pre", each.content));
    row.append(more); item.append(row);
    if (who.length) row.append(make("span", who.length + (who.length === 1 ? " vote: " : " votes: ") + who.join(", "), "voters"));
    if (each.gone) item.classList.add("gone");
    if (now.winner?.label === each.label) item.classList.add("won");
    if (now.begun?.is_ours && !now.over && !each.gone && now.phase < 3) {
      const veto = make("button", "Veto"); veto.setAttribute("aria-label", "veto " + each.name);
      veto.addEventListener("click", () => act({ do: "veto", label: each.label })); row.append(veto);
    }
    return item;
  }));
};
const drawRequests = () => {
  const boxes = [];
  if (now.begun?.is_ours && !now.over) {
    for (const event of now.asked.values()) boxes.push(requestBox(event));
    for (const event of now.calls.values()) boxes.push(approvalBox(event));
  }
  // What somebody is writing stays: a box is made once for each request.
  const have = new Map([...$("requests").children].map(each => [each.dataset.key, each]));
  $("requests").replaceChildren(...boxes.map(each => have.get(each.dataset.key) ?? each));
};
const requestBox = event => {
  const box = make("form", "", "request"); box.dataset.key = "asked " + event.agent + " " + event.turn + " " + event.answers.length;
  box.append(make("h2", event.agent + ": " + event.text));
  if (event.note) box.append(make("p", event.note));
  const choices = [];
  for (const [label, content, own] of event.answers) {
    const title = make("h3", label + (own ? " (yours)" : "")); const text = make("pre", content); text.tabIndex = 0;
    if (event.ballot) {
      const choice = make("select"); choice.append(new Option("no place", ""), ...event.answers.map((_, at) => new Option(String(at + 1), String(at + 1))));
      choice.setAttribute("aria-label", "place of " + label); choices.push([label, choice]); title.append(" ", choice);
    }
    box.append(title, text);
  }
  const why = make("input"); why.setAttribute("aria-label", "why"); why.placeholder = "why";
  if (event.ballot) {
    const vote = make("button", "Vote"); vote.type = "button"; vote.className = "main";
    vote.addEventListener("click", () => {
      const labels = choices.filter(([, choice]) => choice.value).sort((a, b) => a[1].value - b[1].value).map(([label]) => label);
      if (labels.length) act({ do: "vote", agent: event.agent, labels, reason: why.value }); else $("error").textContent = "give the best answer the place 1";
    });
    const row = make("div", "", "tools"); row.append(why, vote); box.append(row);
  }
  if (event.may_answer) {
    const text = make("textarea"); text.rows = 4; text.required = true; text.setAttribute("aria-label", "your answer, " + event.agent);
    const send = make("button", event.ballot ? "Put forward a better answer" : "Hand in");
    box.append(text, send);
    box.addEventListener("submit", done => { done.preventDefault(); act({ do: "answer", agent: event.agent, text: text.value }); });
  }
  return box;
};
const approvalBox = event => {
  const box = make("div", "", "request"); box.dataset.key = "call " + event.call;
  const text = make("pre", event.input); text.tabIndex = 0;
  const yes = make("button", "Let it run"), no = make("button", "Refuse");
  yes.addEventListener("click", () => act({ do: "decide", call: event.call, is_approved: true }));
  no.addEventListener("click", () => act({ do: "decide", call: event.call, is_approved: false }));
  const row = make("div", "", "tools"); row.append(yes, no);
  box.append(make("h2", event.agent + " wants to run " + event.name), text, row);
  return box;
};
const act = async what => {
  $("error").textContent = "";
  try { await post("/api/sessions/" + now.id + "/act", what); } catch (error) { $("error").textContent = error.message; }
};
const money = () => {
  let usd = 0, tokens = 0, known = true;
  for (const event of now.spent.values()) {
    const usage = event.usage;
    tokens += (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
    if (event.cost_usd === undefined || event.cost_usd === null) known = false; else usd += event.cost_usd;
  }
  return [tokens.toLocaleString("en") + " tokens", known ? dollars(usd) : dollars(null)];
};
const drawFacts = () => {
  const began = now.began, running = !now.over;
  const elapsed = began === null ? 0 : now.last - began + (running ? (performance.now() - now.seen) / 1000 : 0);
  const limit = running && now.begun?.deadline_s ? " of " + now.begun.deadline_s + " s" : " s";
  const parts = [now.result?.status ?? (running ? "running" : "not ended"), Math.max(0, elapsed).toFixed(0) + limit, ...money(),
    now.chunks.toLocaleString("en") + " chunks", "session " + now.id];
  if (now.gaps) parts.push(now.gaps + " missing");
  $("facts").textContent = parts.join(" · ");
};
let due = false;
const draw = () => {
  due = false;
  if (!now) return;
  for (const agent of now.panes.keys()) if (now.dirty.has(agent) || !now.panes.get(agent).node) drawPane(agent);
  now.dirty.clear();
  if (now.begun) { $("asked").textContent = line(now.begun.question, 300); document.title = line(now.begun.question, 60); }
  for (; now.drawn < now.story.length; now.drawn++) $("story").append(make("li", now.story[now.drawn]));
  [...$("phases").children].forEach((each, at) => { each.className = at < now.phase ? "done" : at === now.phase ? "now" : ""; });
  if (now.standing) drawStanding();
  $("steer").hidden = !now.begun?.is_ours || now.over;
  $("force").hidden = now.phase > 1;
  $("whole").hidden = !now.begun; $("whole").href = "/sessions/" + now.id + "/report";
  $("again").hidden = !now.result; $("resume").hidden = !(now.over && !now.result);
  drawFacts();
  if (now.wanted) { now.wanted = false; askPictures(); }
  document.body.dataset.chunks = now.chunks; document.body.dataset.gaps = now.gaps; document.body.dataset.over = now.over;
};
const soon = () => { if (!due) { due = true; requestAnimationFrame(draw); } };
setInterval(() => { if (!now && !document.hidden) loadSessions().catch(() => {}); }, 3000);
setInterval(() => { if (now && !now.over && !document.hidden) drawFacts(); }, 500);

let picturing = false, pictured = "", again = false;
const askPictures = async () => {
  if (picturing) { again = true; return; }
  picturing = true; const id = now.id;
  try {
    const answer = await fetch("/api/sessions/" + id + "/pictures");
    const html = answer.ok ? await answer.text() : "";
    again ||= Boolean(now?.result) && !html.startsWith("<div id=\"written\" hidden data-ended>");   // drawn before the end was kept
    if (now?.id === id && html && html !== pictured) {
      const open = [...document.querySelectorAll("#pictures details")].map(each => each.open);
      pictured = html; $("pictures").innerHTML = html;   // the report's own, escaped where it was made
      document.querySelectorAll("#pictures details").forEach((each, at) => { each.open = open[at] ?? false; });
      const written = $("written");
      if (written.firstChild) $("answer").replaceChildren(...written.childNodes);
      written.remove();
    }
  } catch { /* asked again with the next news */ }
  const wait = now?.over ? 1200 : 2000;
  setTimeout(() => { picturing = false; if (again && now?.id === id) { again = false; askPictures(); } }, wait);
};
$("pictures").addEventListener("change", event => {
  if (event.target.id !== "names") return;
  document.querySelectorAll("#pictures [data-label]").forEach(each => { const label = each.dataset.label; each.dataset.label = each.textContent; each.textContent = label; });
  $("said").textContent = event.target.checked ? "anonymous labels are shown" : "names are shown";
});

// ---- the stream -------------------------------------------------------------------
const clear = () => {
  for (const name of ["panes", "standing", "story", "requests", "pictures"]) $(name).replaceChildren();
  for (const name of ["notice", "error", "facts", "asked", "answer"]) $(name).textContent = "";
  $("final").hidden = true; pictured = "";
};
const open = () => {
  if (!now || now.over || document.hidden) return;
  const it = now, source = new EventSource("/api/sessions/" + it.id + "/events?after=" + encodeURIComponent(it.place));
  it.source = source;
  source.onopen = () => { $("link").textContent = ""; };
  source.onmessage = message => {
    if (now !== it || it.source !== source) return;
    const epoch = message.lastEventId.split("-")[0];
    if (it.epoch && it.epoch !== epoch) { const next = fresh(it.id); next.source = source; Object.assign(it, next); clear(); }
    it.epoch = epoch; it.place = message.lastEventId;
    for (const event of JSON.parse(message.data)) apply(event);
    soon();
  };
  source.addEventListener("over", () => { source.close(); it.over = true; it.wanted = true; drawRequests(); it.standing = true; for (const agent of it.panes.keys()) it.dirty.add(agent); soon(); });
  source.onerror = () => {
    if (it.source !== source) return;
    $("link").textContent = "not connected; trying again";
    if (source.readyState === EventSource.CLOSED) {
      it.source = null;
      isKept(it.id).then(kept => { if (now === it && !kept) lost(it); });
      setTimeout(() => { if (now === it && !it.source) open(); }, 1500);
    }
  };
};
const isKept = id => fetch("/api/sessions/" + id + "/pictures").then(answer => answer.status !== 404, () => true);
const lost = it => {
  it.over = true; $("session").hidden = true; $("start").hidden = false; now = null; loadSessions();
  $("link").textContent = ""; $("ask-error").textContent = "No session " + it.id + " is kept here; those that are stand below.";
};
const close = () => { now?.source?.close(); if (now) now.source = null; };
// A browser opens six connections to a server, and no more: hidden pages let theirs go.
document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else if (now && !now.source) open(); });
const route = () => {
  close(); $("link").textContent = "";
  const id = location.hash.match(/^#\/s\/([\w-]+)$/)?.[1];
  $("start").hidden = Boolean(id); $("session").hidden = !id;
  if (id) { clear(); now = fresh(id); open(); soon(); } else { now = null; document.title = "coordinator"; loadSessions(); showTeam(); }
  window.scrollTo(0, 0);
};
$("say").addEventListener("submit", async event => { event.preventDefault(); await act({ do: "say", text: $("words").value }); if (!$("error").textContent) { $("words").value = ""; $("notice").textContent = "Every agent will read it with its next turn."; } });
$("force").addEventListener("click", () => act({ do: "force_vote" }));
$("end").addEventListener("click", () => act({ do: "end" }));
$("resume").addEventListener("click", async () => {
  $("resume").disabled = true;
  try { await post("/api/sessions/" + now.id + "/resume"); route(); } catch (error) { $("error").textContent = error.message; }
  $("resume").disabled = false;
});
$("again").addEventListener("click", () => { continues = now.id; location.hash = "#/"; $("question").focus(); });
window.addEventListener("hashchange", route);
loadTeams().then(route);

// Renews the page in place, and says at once when the monitor does not answer. Without it the page renews itself whole
// and turns grey by its style sheet alone.
"use strict";

const EVERY = 15_000;
const PATIENCE = 10_000;

function opened() {
  return new Set([...document.querySelectorAll("details[open][id]")].map((each) => each.id));
}

function renew(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const main = fresh.getElementById("main");
  const old = document.getElementById("main");
  if (!main || !old) throw new Error("not one of our pages");
  const open = opened();
  // A keyboard inside keeps its place: the same link or region, counted from the top.
  const index = [...old.querySelectorAll("a, summary, [tabindex]")].indexOf(document.activeElement);
  old.replaceWith(document.adoptNode(main));
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  if (index >= 0) main.querySelectorAll("a, summary, [tabindex]")[index]?.focus({ preventScroll: true });
  document.title = fresh.title;
}

function lost() {
  document.getElementById("main")?.classList.add("lost");
  document.getElementById("outdated")?.setAttribute("role", "alert");
}

async function once() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(String(answer.status));
    renew(await answer.text());
  } catch {
    lost();
  }
}

async function forever() {
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY));
    if (!document.hidden) await once();
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) once();
});
forever();

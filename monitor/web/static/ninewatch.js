// Refreshes the page in place, when the server reports a change and otherwise periodically, and shows when the monitor
// does not respond. Without this script, the page reloads itself, and the style sheet turns it grey if that fails.
"use strict";

const POLL_INTERVAL = 15_000; // without an event stream
const REFRESH_INTERVAL = 60_000; // with one: figures and ages change all the time; the page turns grey after 75 s
const RECONNECT_DELAY = 30_000; // after a refused connection, which browsers do not repeat
const SPREAD = 1_000; // the readers of a page request it at different instants
const TIMEOUT = 10_000;

const page = () => document.getElementById("main");
let events = null;
let etag = "";
let version = page().dataset.version;
let timer = 0;
let refreshing = null;
let again = false;

const keyOf = (node) => node.id || node.dataset?.key || node.getAttribute?.("aria-labelledby") || "";
const isLost = () => page().classList.contains("lost");
const isAlike = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

function updateAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name); // readers open and close details
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
  }
}

// Change the old node into the fresh one. Elements remain, with their focus, scroll position and state, and so do forms.
function update(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE || old.nodeType === Node.COMMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeName === "FORM") return;
  updateAttributes(old, fresh);
  updateChildren(old, [...fresh.childNodes]);
}

function updateChildren(old, fresh) {
  let next = old.firstChild;
  for (const child of fresh) {
    let match = next;
    while (match && !isAlike(match, child)) match = match.nextSibling;
    if (!match) {
      old.insertBefore(document.adoptNode(child), next);
    } else {
      if (match === next) next = next.nextSibling;
      else old.insertBefore(match, next);
      update(match, child);
    }
  }
  while (next) {
    const rest = next.nextSibling;
    next.remove();
    next = rest;
  }
}

function restartGreying(main) {
  main.getAnimations({ subtree: true }).forEach((animation) => {
    animation.cancel();
    animation.play();
  });
}

function headline() {
  return [...page().querySelectorAll(".lead > *")].map((part) => part.textContent.replace(/\s+/g, " ").trim()).join(". ");
}

function showPage(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const [main, old, focused, before] = [fresh.getElementById("main"), page(), document.activeElement, headline()];
  if (!main) throw new Error("not a page of ninewatch");
  update(old, main);
  if (document.activeElement !== focused) (focused.isConnected ? focused : old).focus({ preventScroll: true });
  restartGreying(old);
  document.title = fresh.title;
  const after = headline();
  if (after !== before) document.getElementById("announcement").textContent = after;
}

function showOutdated() {
  page().classList.add("lost");
  document.getElementById("outdated").setAttribute("role", "alert");
}

async function fetchPage() {
  try {
    const response = await fetch(location.href, {
      headers: { "X-Ninewatch-Part": "main", "If-None-Match": etag },
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (response.status === 304 && !isLost()) return restartGreying(page());
    if (!response.ok) throw new Error(String(response.status));
    showPage(await response.text());
    etag = response.headers.get("ETag") ?? "";
  } catch {
    etag = "";
    showOutdated();
  }
}

// Refresh now, or again after the refresh in progress, whose answer may be older than the change.
function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  clearTimeout(timer);
  refreshing = fetchPage().finally(() => {
    refreshing = null;
    if (again) {
      again = false;
      refresh();
    } else schedule();
  });
}

function schedule() {
  clearTimeout(timer);
  const interval = events?.readyState === 1 ? REFRESH_INTERVAL : POLL_INTERVAL;
  timer = setTimeout(() => (document.hidden ? schedule() : refresh()), interval);
}

function onState(event) {
  const { version: current, products } = JSON.parse(event.data);
  if (current === version) return;
  version = current;
  const product = page().dataset.product;
  if (!product || !products || products.includes(product)) setTimeout(refresh, Math.random() * SPREAD);
}

function connect() {
  if (events || document.hidden || !("EventSource" in window)) return;
  events = new EventSource(page().dataset.events);
  events.addEventListener("state", onState);
  events.addEventListener("open", () => (isLost() ? refresh() : schedule()));
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) {
      disconnect();
      setTimeout(connect, RECONNECT_DELAY);
    }
    if (!isLost()) schedule();
  });
}

// A hidden page has no stream: browsers open only six connections to a server.
function disconnect() {
  events?.close();
  events = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return disconnect();
  refresh();
  connect();
});
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", (event) => event.persisted && connect());
schedule();
connect();

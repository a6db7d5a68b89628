// Examines the page that is open in the browser. Each function returns the defects as texts.
"use strict";

const describe = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
const rgba = (color) => color.match(/[\d.]+/g).map(Number);
const luminance = (color) => {
  const [red, green, blue] = color.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (one, other) => {
  const [dark, light] = [luminance(one), luminance(other)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};

function background(element) {
  for (let e = element; e; e = e.parentElement) {
    const [red, green, blue, alpha = 1] = rgba(getComputedStyle(e).backgroundColor);
    if (alpha > 0) return [red, green, blue];
  }
  return [255, 255, 255];
}

function indicatorDefect(element) {
  const style = getComputedStyle(element);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "no focus indicator";
  const ratio = contrast(rgba(style.outlineColor), background(element.parentElement));
  return ratio < 3 ? `focus indicator with a contrast of ${ratio.toFixed(2)}` : "";
}

function positionDefect(element) {
  const box = element.getClientRects()[0];
  if (!box || box.width < 2 || box.height < 2) return "no size";
  if (box.bottom <= 0 || box.right <= 0 || box.top >= innerHeight || box.left >= innerWidth) return "outside of the screen";
  const [x, y] = [box.left + Math.min(box.width, innerWidth) / 2, box.top + Math.min(box.height / 2, 8)];
  const top = document.elementFromPoint(Math.min(Math.max(x, 0), innerWidth - 1), Math.min(Math.max(y, 0), innerHeight - 1));
  return top && (element.contains(top) || top.contains(element)) ? "" : "covered by another element";
}

// Return the element with the keyboard focus: its number in the document and its defects; null at the end.
function tabStop() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const index = [...document.querySelectorAll("*")].indexOf(element);
  const defects = [indicatorDefect(element), positionDefect(element)].filter(Boolean);
  return { index, name: element.className, defects: defects.map((defect) => `${defect}: ${describe(element)}`) };
}

const isScrollable = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);

function scrollParent(element) {
  let parent = element.parentElement;
  while (parent && parent !== document.documentElement && !isScrollable(parent)) parent = parent.parentElement;
  return parent === document.documentElement ? null : parent;
}

const isHidden = (element) => !element.checkVisibility({ visibilityProperty: true }) || element.closest(".visually-hidden, .hidden, .skip, thead");

// Elements that make the page scroll sideways, and tables that scroll in a region without a name or focus.
function horizontalOverflow() {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("body *")].filter(
    (e) => !isHidden(e) && e.getBoundingClientRect().right > width + 1 && !scrollParent(e),
  );
  const defects = wide.map((e) => `ends at ${Math.round(e.getBoundingClientRect().right)} of ${width} px: ${describe(e)}`);
  const regions = [...document.querySelectorAll("body *")].filter(
    (e) => isScrollable(e) && e.scrollWidth > e.clientWidth + 1 && !e.matches("input, textarea, select"),
  );
  const unreachable = regions.filter((e) => e.tabIndex < 0 || !(e.ariaLabel || e.getAttribute("aria-labelledby")));
  if (document.documentElement.scrollWidth > width && !defects.length) defects.push(`page of ${document.documentElement.scrollWidth} px`);
  return [...defects, ...unreachable.map((e) => `scrolls without name or focus: ${describe(e)}`)];
}

// Elements that cut their content, and texts that end outside of their box.
function clippedContent() {
  const cut = [...document.querySelectorAll("body *")].filter((e) => {
    const style = getComputedStyle(e);
    const clips = [style.overflowX, style.overflowY].some((value) => ["hidden", "clip"].includes(value));
    const isField = e.matches("input, select, textarea, svg, svg *");
    if (!clips || isField || isHidden(e) || e.clientWidth < 2 || e.clientHeight < 2) return false;
    return e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
  });
  const buttons = [...document.querySelectorAll("button, .button, .tag")].filter(
    (e) => !isHidden(e) && (e.scrollWidth > e.clientWidth + 2 || e.scrollHeight > e.clientHeight + 2) && e.clientWidth > 0,
  );
  return [...cut, ...buttons].map((e) => `content is cut: ${describe(e)}`);
}

// On paper: controls and navigation that are printed, and regions whose content is cut because paper does not scroll.
function printDefects() {
  const controls = [...document.querySelectorAll("nav, .skip, form, button, .buttons")].filter((e) => e.checkVisibility());
  const cut = [...document.querySelectorAll("body *")].filter((e) => isScrollable(e) && e.checkVisibility() && e.scrollWidth > e.clientWidth + 1);
  return [...controls.map((e) => `printed: ${describe(e)}`), ...cut.map((e) => `cut on paper: ${describe(e)}`)];
}

// Animations and transitions that move gradually; a change in one step is not motion.
function gradualMotion() {
  const isGradual = (animation) => animation.effect.getKeyframes().some((frame) => !/^step/.test(frame.easing));
  const animations = document.getAnimations().filter(isGradual).map((a) => `animation ${a.animationName}`);
  const transitions = [...document.querySelectorAll("*")].filter((e) => {
    const style = getComputedStyle(e);
    return style.transitionDuration.split(", ").some((value) => parseFloat(value) > 0) || style.scrollBehavior === "smooth";
  });
  return [...animations, ...transitions.map((e) => `moves: ${describe(e)}`)];
}

// The text settings that WCAG 1.4.12 names. Style elements are blocked by the content security policy.
function setTextSpacing() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }");
  document.adoptedStyleSheets = [sheet];
}
Object.assign(window, { tabStop, horizontalOverflow, clippedContent, printDefects, gradualMotion, setTextSpacing });

// Small helpers. Data reaches the page through textContent and attributes only, never as HTML.

/** An element with `options` (class, text, title, data-*, aria-*, on…) and children. */
function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const TAIL = 12;

/** A name that is cut in its middle where it does not fit, for copies differ at the end: IMG_2034 (1).jpg. */
function fillName(node, name) {
  if (node.dataset.full === name) return;
  node.dataset.full = name;
  node.dir = "auto"; // or the two halves of a Hebrew or Arabic name stand in the wrong order
  const letters = [...name];
  const cut = Math.max(letters.length - TAIL, Math.ceil(letters.length / 2));
  node.replaceChildren(el("span", { class: "head", text: letters.slice(0, cut).join("") }),
    el("span", { class: "tail", text: letters.slice(cut).join("") }));
}

/**
 * A component of Streamlit's that lives as long as its place on the page: `make(root)` makes it once, `update(data,
 * deliver)` gets the data of every run, `destroy()` ends it.
 */
function hosted(make) {
  const living = new WeakMap();
  return ({ data, parentElement, setStateValue }) => {
    const root = parentElement.querySelector(".dedup");
    if (!living.has(root)) living.set(root, make(root));
    const made = living.get(root);
    made.update(data, setStateValue);
    return () => { made.destroy(); living.delete(root); };
  };
}

/** The focused element, also inside shadow roots. */
function deepActiveElement() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/** @type {CanvasRenderingContext2D | null} One pixel to paint colours on and read them back from. */
let swatch = null;

/** Relative luminance of a CSS colour as the browser resolves it (WCAG 2.2). */
function luminance(colour) {
  const context = swatch ??= el("canvas").getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#000";
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const channels = [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].map(byte => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
}

/** Black or white, whichever reads better on `colour`. */
function inkOn(colour) {
  return luminance(colour) > 0.179 ? "#000" : "#fff";
}

/** Put the palette of the current theme on `root` as --exact, --exact-ink, --near, ... */
function applyPalette(root, palette) {
  const theme = getComputedStyle(root);
  const dark = luminance(theme.getPropertyValue("--st-background-color").trim() || "#fff") < 0.25;
  root.dataset.theme = dark ? "dark" : "light";
  root.style.setProperty("--accent-ink", inkOn(theme.getPropertyValue("--st-primary-color").trim() || "#000"));
  for (const [meaning, pair] of Object.entries(palette)) {
    const colour = pair[dark ? 1 : 0];
    root.style.setProperty(`--${meaning}`, colour);
    root.style.setProperty(`--${meaning}-ink`, inkOn(colour));
  }
}

/** A number of bytes as `dedup.words.size` tells it. */
function formatBytes(bytes) {
  if (bytes === undefined || bytes === null) return "";
  const units = { GB: 1e9, MB: 1e6, kB: 1e3 };
  for (const [unit, scale] of Object.entries(units)) {
    if (bytes >= scale) return `${(bytes / scale).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}

/** "500 × 375 · JPEG · 48.0 kB", with what is known. */
function facts(side) {
  const size = side.width && side.height ? `${side.width} × ${side.height}` : "";
  return [size, side.format, formatBytes(side.bytes)].filter(Boolean).join(" · ");
}

/** Show the key of a pressed key event as our tables name it: letters in lower case. */
function keyName(event) {
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** A table of keys and their meaning in a dialog of its own. */
function keyHelp(title, rows) {
  const list = el("dl", {}, ...rows.flatMap(([keys, meaning]) => [
    el("dt", {}, ...keys.split(" ").map(key => el("kbd", { text: key }))), el("dd", { text: meaning })]));
  const dialog = el("dialog", { class: "help", "aria-label": title }, el("h2", { text: title }), list,
    el("p", { class: "quiet", text: "Esc closes" }));
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", event => {
    event.stopPropagation();
    if (event.key === "?" || event.key === "Enter") dialog.close();
  });
  return dialog;
}

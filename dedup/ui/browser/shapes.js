// Annotations over a picture: outlines and keypoints with their classes, as SVG laid over it.

const SVG = "http://www.w3.org/2000/svg";
const LABEL_SIZES = { none: 0, small: 11, large: 16 };

/** How annotations are shown; the same for every picture of the session. More than a tenth of fill makes copies that are labelled
 * in two ways look like two pictures. */
const drawing = { opacity: 0.1, label: "small", /** @type {Set<string>} */ hidden: new Set() };

function svgNode(tag, options = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(options)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

/** The annotations of a picture of `size`, to lie over it; nothing where there are none to show. */
function shapesOver(shapes, [width, height]) {
  const svg = svgNode("svg", { class: "shapes", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  for (const { category, ink, path, points, crowd } of shapes) {
    if (drawing.hidden.has(category)) continue;
    const group = svgNode("g", { "data-category": category, stroke: ink, fill: ink });
    if (path) {
      group.append(svgNode("path", { d: path, class: "halo", fill: "none" }),
        svgNode("path", { d: path, "fill-opacity": String(drawing.opacity), ...(crowd ? { "stroke-dasharray": "6 4" } : {}) }));
    }
    for (const [x, y, seen] of points) {
      group.append(svgNode("circle", { cx: String(x), cy: String(y), class: seen > 1 ? "point" : "point unseen" }));
    }
    const start = /^M(-?[\d.]+) (-?[\d.]+)/.exec(path);
    const [x, y] = start ? [Number(start[1]), Number(start[2])] : points[0];
    if (LABEL_SIZES[drawing.label]) {
      group.append(svgNode("text", { x: String(x), y: String(y), class: "word" }, category));
    }
    svg.append(group);
  }
  return svg;
}

/** Lines and words keep their size on the screen, however large the picture is shown. */
function scaleShapes(svg, scale) {
  svg.style.setProperty("--one", `${1 / Math.max(scale, 1e-6)}px`);
  svg.style.setProperty("--word", String(LABEL_SIZES[drawing.label]));
}

/** The menu of how they are shown; `changed` is called after every change, `inks` are those of the classes on the screen. */
function shapesMenu(inks, changed) {
  const choice = (name, now, options, set) => el("label", {}, name,
    el("select", { onchange: event => { set(event.target.value); changed(); } }, ...options.map(([value, text]) =>
      el("option", { value, text, selected: value === now ? "" : null }))));
  const boxes = inks.map(([category, ink]) => {
    const box = el("input", { type: "checkbox", onchange: () => {
      if (box.checked) drawing.hidden.delete(category); else drawing.hidden.add(category);
      changed();
    } });
    box.checked = !drawing.hidden.has(category);
    const dot = el("i", {});
    dot.style.background = ink;
    return el("label", {}, box, dot, category);
  });
  return [
    choice("Fill", String(drawing.opacity), [["0", "none"], ["0.1", "light"], ["0.6", "strong"]],
      value => { drawing.opacity = Number(value); }),
    choice("Words", drawing.label, [["none", "none"], ["small", "small"], ["large", "large"]],
      value => { drawing.label = value; }),
    ...boxes];
}

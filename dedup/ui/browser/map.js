// The map: every image a point. Points are drawn by WebGL (by a plain canvas where there is none), so that a hundred
// thousand move smoothly; what a person draws around goes to Python as corners in the map's own numbers.

const MAP_KEYS = [["← →", "move sideways; also ↑ and ↓"], ["+ -", "closer, further"], ["0", "the whole map"],
  ["L B M", "draw a line around, draw a box, move"], ["V", "select what is in view"], ["Esc", "select nothing"], ["?", "this list"]];
const WHOLE = 1.06;         // half of what is seen at first: the map reaches from -1 to 1
const CLOSEST = 400;        // times as close as at first: places are 16 bits, closer there is nothing between them
const NEAR = 9;             // pixels between the pointer and a point that is meant
const CELLS = 160;          // of the grid in which the nearest point is looked for
const REST = 70;            // ms that a pointer rests before a picture is asked for
const MOVED = 4;            // pixels: less is a click
const CORNERS = 200;        // of a line that is drawn, at most
const UNCHOSEN = 0x80;      // set in the byte of a point outside of the selection
const RANGE = 1.1;          // places are 16 bits between this and its negative

const VERTEX = `attribute vec2 place; attribute vec4 ink; uniform vec4 view; uniform float size; uniform float pass;
varying vec4 colour;
void main() {
  colour = ink;
  bool chosen = ink.a > 0.9;
  vec2 at = (place * ${(2 * RANGE).toFixed(3)} - ${RANGE.toFixed(3)} - view.xy) * view.zw;
  gl_Position = chosen == (pass > 0.5) ? vec4(at, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size;
}`;
const FRAGMENT = `precision mediump float; varying vec4 colour;
void main() {
  float away = length(gl_PointCoord - 0.5) * 2.0;
  float edge = 1.0 - smoothstep(0.72, 1.0, away);
  if (edge <= 0.0) discard;
  gl_FragColor = vec4(colour.rgb, colour.a * edge);
}`;

export default hosted(root => new ImageMap(root));

/** The bytes of a base64 text that zlib packed. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What the route of the points tells: how many, the row of each (32 bits), then x and y of each (16 bits each). */
function pointsOf(buffer) {
  const count = new DataView(buffer).getUint32(0, true);
  return { count, rows: new Uint32Array(buffer, 4, count), places: new Uint16Array(buffer, 4 + 4 * count, 2 * count) };
}

/** Which of a line's corners to send: evenly some of too many. */
function thinned(corners, most = CORNERS) {
  const step = Math.ceil(corners.length / most);
  return corners.filter((_, place) => place % step === 0);
}

function rgb(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Draws points by WebGL. `make` gives nothing where the browser has none. */
class PointCloud {
  static make(canvas) {
    const gl = canvas.getContext("webgl", { antialias: false, premultipliedAlpha: false });
    return gl ? new PointCloud(gl) : null;
  }

  constructor(gl) {
    this.gl = gl;
    const program = this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.buffers = { place: gl.createBuffer(), ink: gl.createBuffer() };
  }

  fill(name, array, size, type) {
    const gl = this.gl, at = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, array, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, true, 0, 0);
  }

  /** Browsers have room for few of these. */
  release() { this.gl.getExtension("WEBGL_lose_context")?.loseContext(); }

  places(places) { this.fill("place", places, 2, this.gl.UNSIGNED_SHORT); }
  inks(inks) { this.fill("ink", inks, 4, this.gl.UNSIGNED_BYTE); }

  draw(count, { x, y, scale, width, height }, size) {
    const gl = this.gl;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform4f(gl.getUniformLocation(this.program, "view"), x, y, 2 * scale / width, 2 * scale / height);
    gl.uniform1f(gl.getUniformLocation(this.program, "size"), size);
    for (const pass of [0, 1]) {  // the chosen over the rest
      gl.uniform1f(gl.getUniformLocation(this.program, "pass"), pass);
      gl.drawArrays(gl.POINTS, 0, count);
    }
  }
}

/** The same by a plain canvas. */
class PlainCloud {
  constructor(canvas) { this.canvas = canvas; this.context = canvas.getContext("2d"); }
  release() {}
  places(places) { this.held = places; }
  inks(inks) { this.inked = inks; }

  draw(count, { x, y, scale, width, height }, size) {
    const { context, canvas } = this, ratio = canvas.width / width;
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (const chosen of [false, true]) {
      for (let at = 0; at < count; at++) {
        const [red, green, blue, alpha] = this.inked.subarray(4 * at, 4 * at + 4);
        if ((alpha > 229) !== chosen) continue;
        context.fillStyle = `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
        const px = ((placeOf(this.held[2 * at]) - x) * scale + width / 2) * ratio;
        const py = ((y - placeOf(this.held[2 * at + 1])) * scale + height / 2) * ratio;
        context.fillRect(px - size / 2, py - size / 2, size, size);
      }
    }
  }
}

function placeOf(bits) {
  return (bits / 65535) * 2 * RANGE - RANGE;
}

/** Finds the point nearest to a place, by a grid of cells. */
class Finder {
  constructor(places) {
    this.places = places;
    const count = places.length / 2, counts = new Uint32Array(CELLS * CELLS + 1);
    const cell = at => (places[2 * at] * CELLS >> 16) * CELLS + (places[2 * at + 1] * CELLS >> 16);
    for (let at = 0; at < count; at++) counts[cell(at) + 1]++;
    for (let at = 0; at < CELLS * CELLS; at++) counts[at + 1] += counts[at];
    this.starts = counts;
    this.order = new Uint32Array(count);
    const next = counts.slice();
    for (let at = 0; at < count; at++) this.order[next[cell(at)]++] = at;
  }

  /** The number of the nearest point within `reach` for which `wanted` holds, -1 for none. */
  nearest(x, y, reach, wanted) {
    const span = value => Math.floor((value + RANGE) / (2 * RANGE) * CELLS);
    let found = -1, least = reach * reach;
    for (let across = Math.max(0, span(x - reach)); across <= Math.min(CELLS - 1, span(x + reach)); across++) {
      for (let up = Math.max(0, span(y - reach)); up <= Math.min(CELLS - 1, span(y + reach)); up++) {
        const cell = across * CELLS + up;
        for (let place = this.starts[cell]; place < this.starts[cell + 1]; place++) {
          const at = this.order[place];
          const away = (placeOf(this.places[2 * at]) - x) ** 2 + (placeOf(this.places[2 * at + 1]) - y) ** 2;
          if (away < least && wanted(at)) { least = away; found = at; }
        }
      }
    }
    return found;
  }
}

class ImageMap {
  constructor(root) {
    this.root = root;
    this.mode = "lasso";
    this.hovered = -1;
    /** @type {Map<number, any>} what was told of images, by row */
    this.sides = new Map();
    /** @type {Map<number, {x: number, y: number}>} */
    this.pointers = new Map();
    this.build();
  }

  // ---- data in

  async update(data, deliver) {
    this.queue = eventQueue(data.key);
    this.queue.connect(deliver, data.ack);
    this.data = data;
    applyPalette(this.root, data.palette);
    this.plane.style.height = `${data.height}px`;
    this.plane.setAttribute("aria-label", `Map of ${data.count.toLocaleString("en")} images. Press ? for its keys.`);
    this.paintLegend();
    const dark = this.root.dataset.theme === "dark";
    const wanted = JSON.stringify([data.points, data.inked, dark]);
    if (this.wanted === wanted) { this.schedule(); return; }
    this.wanted = wanted;
    try {
      if (this.address !== data.points) {
        const answer = await fetch(data.points);
        if (!answer.ok) throw new Error(await answer.text());
        this.points = pointsOf(await answer.arrayBuffer());
        this.address = data.points;
        this.finder = new Finder(this.points.places);
        this.sides.clear();
        this.cloud.places(this.points.places);
        if (!this.view) this.whole();
      }
      const bytes = await unpacked(data.inked);
      if (this.wanted !== wanted) return;  // a newer one is on its way
      this.bytes = bytes;
      this.cloud.inks(this.inks(bytes, dark));
      this.notice.hidden = true;
    } catch (error) {
      this.wanted = "";
      this.notice.hidden = false;
      setText(this.notice, `The map cannot be shown: ${error.message || error}. Reload the page to try again.`);
    }
    this.root.dataset.drawn = data.inked.length;
    this.schedule();
  }

  /** Four bytes a point: its colour, faint outside of the selection. */
  inks(bytes, dark) {
    const colours = this.data.inks.map(pair => rgb(pair[dark ? 1 : 0]));
    const faint = dark ? [120, 132, 142, 70] : [130, 142, 152, 70];
    const made = new Uint8Array(4 * bytes.length);
    for (let at = 0; at < bytes.length; at++) {
      const ink = bytes[at] & UNCHOSEN ? faint : [...colours[bytes[at]], 255];
      made.set(ink, 4 * at);
    }
    return made;
  }

  // ---- what is on the page

  build() {
    this.canvas = el("canvas", { class: "points" });
    this.over = el("canvas", { class: "over" });
    this.tip = el("figure", { class: "tip", hidden: "" });
    this.notice = el("p", { class: "notice", role: "status", hidden: "" });
    this.plane = el("div", { class: "plane", tabindex: "0", role: "application", onkeydown: event => this.onKey(event) },
      this.canvas, this.over, this.tip, this.notice);
    const mode = (name, title, text) => el("button", { type: "button", title, "data-mode": name, text, onclick: () => this.choose(name) });
    const act = (title, text, does) => el("button", { type: "button", title, text, onclick: does });
    this.modes = el("div", { class: "segmented", role: "group", "aria-label": "What dragging does" },
      mode("lasso", "Draw a line around images (L)", "Lasso"), mode("box", "Draw a box around images (B)", "Box"),
      mode("move", "Move the map (M)", "Move"));
    this.legend = el("div", { class: "legend" });
    const bar = el("div", { class: "mapbar" }, this.modes,
      el("div", { class: "segmented", role: "group", "aria-label": "Closer and further" },
        act("Further (-)", "−", () => this.zoom(1 / 1.5)), act("Closer (+)", "+", () => this.zoom(1.5)), act("The whole map (0)", "Whole", () => this.whole())),
      act("Select what is in view (V)", "Select what is in view", () => this.selectView()),
      this.none = act("Select nothing (Esc)", "Clear", () => this.send([])),
      act("Keys of the map (?)", "?", () => this.help.showModal()));
    this.help = keyHelp("Keys of the map", MAP_KEYS);
    this.root.replaceChildren(bar, this.plane, this.legend, this.help);
    this.cloud = PointCloud.make(this.canvas) ?? new PlainCloud(this.canvas);
    this.canvas.addEventListener("webglcontextlost", event => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => this.restore());
    for (const [name, does] of Object.entries({ pointerdown: this.onDown, pointermove: this.onMove, pointerup: this.onUp,
      pointercancel: this.onUp, pointerleave: this.onLeave })) {
      this.over.addEventListener(name, event => does.call(this, event));
    }
    this.over.addEventListener("wheel", event => {
      if (!this.view) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.06 : 0.002)), this.at(event));
    }, { passive: false });
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.plane);
    this.choose("lasso");
  }

  restore() {
    this.cloud = PointCloud.make(this.canvas) ?? new PlainCloud(this.canvas);
    if (!this.points || !this.bytes) return;
    this.cloud.places(this.points.places);
    this.cloud.inks(this.inks(this.bytes, this.root.dataset.theme === "dark"));
    this.schedule();
  }

  paintLegend() {
    const { legend, ramp, title } = this.data;
    const dark = this.root.dataset.theme === "dark" ? 1 : 0;
    const swatch = colour => { const dot = el("i", {}); dot.style.background = colour; return dot; };
    const told = legend.map(({ ink, label, count }) =>
      el("span", {}, swatch(this.data.inks[ink][dark]), label, el("b", { class: "number", text: count.toLocaleString("en") })));
    if (ramp) {
      const bar = el("i", { class: "ramp" });
      bar.style.background = `linear-gradient(90deg, ${ramp.inks.map(ink => this.data.inks[ink][dark]).join(", ")})`;
      told.unshift(el("span", {}, ramp.low, bar, ramp.high));
    }
    this.legend.replaceChildren(el("strong", { text: title }), ...told);
    this.none.disabled = !this.data.region.length;
  }

  choose(mode) {
    this.mode = mode;
    for (const button of this.modes.children) button.setAttribute("aria-pressed", String(button.getAttribute("data-mode") === mode));
    this.over.style.cursor = mode === "move" ? "grab" : "crosshair";
  }

  // ---- the view

  fit() {
    const ratio = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = this.plane;
    if (!width || !height) return;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    if (this.view) Object.assign(this.view, { width, height });
    else if (this.points) this.whole();
    this.schedule();
  }

  whole() {
    const { clientWidth: width, clientHeight: height } = this.plane;
    this.view = { x: 0, y: 0, scale: Math.min(width, height) / (2 * WHOLE), width, height };
    this.schedule();
  }

  zoom(times, at = undefined) {
    if (!this.view) return;
    const { view } = this, least = Math.min(view.width, view.height) / (2 * WHOLE);
    const scale = clamp(view.scale * times, least / 2, least * CLOSEST);
    const [px, py] = at ?? [view.width / 2, view.height / 2];
    const [x, y] = this.placeAt(px, py);
    view.scale = scale;
    view.x = x - (px - view.width / 2) / scale;
    view.y = y + (py - view.height / 2) / scale;
    this.schedule();
  }

  pan(across, down) {
    if (!this.view) return;
    this.view.x = clamp(this.view.x - across / this.view.scale, -1.5, 1.5);
    this.view.y = clamp(this.view.y + down / this.view.scale, -1.5, 1.5);
    this.schedule();
  }

  /** The place on the map at a place on the screen, and the other way round. */
  placeAt(px, py) {
    const { x, y, scale, width, height } = this.view;
    return [x + (px - width / 2) / scale, y - (py - height / 2) / scale];
  }

  /** @param {number[]} place on the map */
  screenAt([mx, my]) {
    const { x, y, scale, width, height } = this.view;
    return [(mx - x) * scale + width / 2, (y - my) * scale + height / 2];
  }

  at(event) {
    const box = this.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => { this.frame = undefined; this.draw(); });
  }

  draw() {
    if (!this.view || !this.bytes || !this.points) return;
    const ratio = this.canvas.width / this.view.width;
    const closer = this.view.scale * 2 * WHOLE / Math.min(this.view.width, this.view.height);
    const size = clamp(34 / this.points.count ** 0.22, 2.2, 11) * clamp(closer ** 0.35, 0.8, 4);
    this.cloud.draw(this.points.count, this.view, size * ratio);
    const context = this.over.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.view.width, this.view.height);
    const accent = getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#095a7e";
    const corners = this.drawing ? this.drawing : this.data.region;
    if (corners.length > 1) {
      context.beginPath();
      for (const corner of corners) context.lineTo(...this.screenAt(corner));
      context.closePath();
      context.strokeStyle = context.fillStyle = accent;
      context.lineWidth = 1.5;
      context.globalAlpha = 0.08;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
    if (this.hovered >= 0) {
      context.beginPath();
      context.arc(...this.screenAt(this.placeOfPoint(this.hovered)), size / 2 + 3, 0, 2 * Math.PI);
      context.strokeStyle = accent;
      context.lineWidth = 2.5;
      context.stroke();
    }
  }

  placeOfPoint(at) {
    const { places } = this.points;
    return [placeOf(places[2 * at]), placeOf(places[2 * at + 1])];
  }

  // ---- what a person does

  onDown(event) {
    if (!this.view || !this.points) return;
    this.plane.focus({ preventScroll: true });
    this.over.setPointerCapture(event.pointerId);
    const [x, y] = this.at(event);
    this.pointers.set(event.pointerId, { x, y });
    this.hover(-1);
    if (this.pointers.size === 2) { this.drawing = null; this.pinch = this.spread(); return; }
    this.start = [x, y];
    this.moved = false;
    const moves = this.mode === "move" || event.button === 1;
    this.drawing = moves ? null : [this.placeAt(x, y)];
  }

  onMove(event) {
    if (!this.view || !this.points) return;
    const [x, y] = this.at(event), held = this.pointers.get(event.pointerId);
    if (!held) { if (event.pointerType !== "touch") this.hover(this.pointAt(x, y)); return; }
    const across = x - held.x, down = y - held.y;
    Object.assign(held, { x, y });
    if (this.pinch) {
      const now = this.spread();
      this.pan(now.x - this.pinch.x, now.y - this.pinch.y);
      this.zoom(now.apart / this.pinch.apart, [now.x, now.y]);
      this.pinch = now;
      return;
    }
    this.moved ||= Math.hypot(x - this.start[0], y - this.start[1]) > MOVED;
    if (!this.drawing) this.pan(across, down);
    else if (this.mode === "box") {
      const [[left, top], [right, bottom]] = [this.placeAt(...this.start), this.placeAt(x, y)];
      this.drawing = [[left, top], [right, top], [right, bottom], [left, bottom]];
    } else this.drawing.push(this.placeAt(x, y));
    this.schedule();
  }

  onUp(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.pinch) { if (!this.pointers.size) this.pinch = null; return; }
    const { drawing } = this;
    this.drawing = null;
    if (event.type === "pointercancel") { this.schedule(); return; }
    if (!this.moved) this.open(this.pointAt(...this.at(event)));
    else if (drawing && drawing.length > 2) this.send(thinned(drawing));
    this.schedule();
  }

  onLeave() {
    if (!this.pointers.size) this.hover(-1);
  }

  /** Where two fingers are, and how far apart. */
  spread() {
    const [one, other] = [...this.pointers.values()];
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)) };
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const does = {
      ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0), ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
      "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5), 0: () => this.whole(),
      l: () => this.choose("lasso"), b: () => this.choose("box"), m: () => this.choose("move"), v: () => this.selectView(),
      Escape: () => this.data.region.length && this.send([]), "?": () => this.help.showModal(),
    }[keyName(event)];
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  }

  selectView() {
    if (!this.view) return;
    const [left, top] = this.placeAt(0, 0), [right, bottom] = this.placeAt(this.view.width, this.view.height);
    this.send([[left, top], [right, top], [right, bottom], [left, bottom]]);
  }

  /** Ask for the images within these corners, for all where there are none. */
  send(corners) {
    this.data = { ...this.data, region: corners };
    this.none.disabled = !corners.length;
    this.queue.push({ type: "action", action: "region", ids: corners.map(([x, y]) => `${x.toFixed(6)},${y.toFixed(6)}`) });
    this.schedule();
  }

  pointAt(px, py) {
    if (!this.finder) return -1;
    const [x, y] = this.placeAt(px, py), reach = NEAR / this.view.scale;
    const chosen = this.finder.nearest(x, y, reach, at => !(this.bytes[at] & UNCHOSEN));
    return chosen >= 0 ? chosen : this.finder.nearest(x, y, reach, () => true);
  }

  async open(at) {
    if (at < 0) return;
    const side = await this.told(at);
    if (side) this.queue.push({ type: "similar", ids: [side.id] });
  }

  /** Show the picture of a point, once the pointer rests on it; -1 for none. */
  hover(at) {
    if (at === this.hovered) return;
    this.hovered = at;
    this.schedule();
    this.tip.hidden = true;
    clearTimeout(this.resting);
    if (at >= 0) this.resting = setTimeout(() => this.tell(at), REST);
  }

  async told(at) {
    const row = this.points.rows[at];
    if (!this.sides.has(row)) {
      const answer = await fetch(`${this.data.pointed}/${row}`).catch(() => null);
      if (!answer?.ok) return null;
      this.sides.set(row, await answer.json());
    }
    return this.sides.get(row);
  }

  async tell(at) {
    const side = await this.told(at);
    if (!side || this.hovered !== at) return;
    const [x, y] = this.screenAt(this.placeOfPoint(at)), name = el("span", { class: "cut" });
    fillName(name, side.name);
    const ink = this.data.legend.find(each => each.ink === (this.bytes[at] & ~UNCHOSEN));
    this.tip.replaceChildren(el("img", { src: side.thumb, alt: "" }),
      el("figcaption", {}, name, el("span", { class: "quiet", text: [ink?.label, facts(side)].filter(Boolean).join(" · ") })));
    this.tip.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${clamp(x + 16 + width > this.view.width ? x - width - 16 : x + 16, 4, Math.max(4, this.view.width - width - 4))}px`;
    this.tip.style.top = `${clamp(y - height / 2, 4, Math.max(4, this.view.height - height - 4))}px`;
  }

  destroy() {
    this.sizes.disconnect();
    this.queue.disconnect();
    clearTimeout(this.resting);
    this.cloud.release();
  }
}

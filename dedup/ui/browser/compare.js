// One picture large, or two compared, in a dialog over the whole app.
//
// World coordinates are the upright pixels of the left picture. The other one is laid over it, either by the stored
// alignment (`affine`, copy pixels to left pixels) or fitted into its frame; zoom and pan move the world, so both
// pictures always show the same place.

const MODES = [["side", "Side by side", "s"], ["wipe", "Wipe", "w"], ["blink", "Blink", "b"],
  ["difference", "Difference", "d"]];
const COMPARE_KEYS = [["← →", "previous, next image"], ["+ -", "zoom (also the wheel; drag to pan)"],
  ["0", "fit to the window"], ["1", "100 %, one image pixel on one screen pixel"], ["Shift+arrows", "pan"],
  ["S W B D", "side by side, wipe, blink, difference"], ["A", "lay the copy onto the original, or leave it as it is"],
  ["G Shift+G", "stronger, weaker difference"], ["[ ]", "move the wipe"], ["Space", "blink now"],
  ["X", "swap the two"], ["L", "show or hide annotations"], ["T", "tag the one on show"], ["I", "show or hide what is known of it"], ["Esc", "close"]];
const BLINK_MS = 600;
const MAX_ZOOM = 32;
const MAX_GAIN = 32;
const DIFFERENCE_PIXELS = 8e6;
const SAME_ASPECT = 0.02;
const MID_GRAY = "rgb(128, 128, 128)";

class CompareView {
  gain = 4;
  divider = 0.5;
  /** @type {any} */ left = null;
  /** @type {any[]} */ sides = [];
  /** @type {any[]} */ actions = [];
  index = 0;
  swapped = false;
  labelled = { single: true, pair: false };
  aligned = { side: false, over: true };
  /** @type {Map<any, any>} */ pictures = new Map();
  /** @type {((side: any) => void) | null} */ onStep = null;
  /** @type {((by: number) => void) | null} */ onEnd = null;
  /** @type {((action: string, ids: string[]) => void) | null} */ onAction = null;
  /** @type {((order: string) => void) | null} */ onOrder = null;
  /** @type {((side: any) => void) | null} */ compare = null;
  /** @type {(() => void) | null} */ onClose = null;

  /** `tags` are how tags are told and edited beside one picture; see AboutPanel. */
  constructor(root, tags = {}) {
    this.tags = tags;
    this.about = new AboutPanel({ ...tags, show: side => this.follow(side), told: () => this.paintShapes() });
    this.build();
    root.append(this.dialog);
    this.dialog.addEventListener("keydown", event => this.onKey(event));
    this.dialog.addEventListener("close", () => this.onClosed());
    this.resizes = new ResizeObserver(() => this.refit());
    this.resizes.observe(this.stage);
    this.bindPointer();
  }

  get open() {
    return this.dialog.open;
  }

  /**
   * Compare `left` with `candidates[index]`. `actions` are offered as buttons and keys.
   * @param {{left: any, candidates: any[], index?: number, mode?: string, actions?: any[], onClose?: () => void,
   *   onAction?: (action: string, ids: string[]) => void, orders?: {name: string, title: string}[], order?: string,
   *   onOrder?: (order: string) => void}} pair
   */
  showPair({ left, candidates, index = 0, mode = "side", actions = [], onClose, onAction, orders = [], order, onOrder }) {
    this.start({ left, sides: candidates, index, mode, actions, onClose, onAction, onOrder });
    this.paintOrders(orders, order);
  }

  /**
   * One picture at a time out of `sides`. `compare(side)` is called for the C key, `onEnd` for a step beyond the ends.
   * @param {{sides: any[], index: number, onClose?: () => void, onStep?: (side: any) => void, onEnd?: (by: number) => void,
   *   compare?: (side: any) => void}} single
   */
  showSingle({ sides, index, onClose, onStep, onEnd, compare }) {
    this.start({ left: null, sides, index, mode: "single", actions: [], onClose, onStep, onEnd, compare });
  }

  start(state) {
    if (!this.open) this.opener = deepActiveElement();
    if (!this.open) this.about.forget();
    Object.assign(this, { onStep: null, onEnd: null, onAction: null, onOrder: null, compare: null }, state);
    this.orders.hidden = true;
    Object.assign(this, { pictures: new Map(), swapped: false, before: null, aligned: { side: false, over: true } });
    this.index = clamp(this.index, 0, Math.max(0, this.sides.length - 1));
    this.paintActions();
    if (!this.open) this.dialog.showModal();
    this.setMode(state.mode);
    this.show(this.index);
    this.stage.focus({ preventScroll: true });
  }

  /** Another image than those on show; an arrow leads back to them. */
  follow(side) {
    const { sides, index, onClose, onStep, onEnd, compare } = this;
    const back = this.before ?? { sides, index, onClose, onStep, onEnd, compare };
    this.showSingle({ sides: [side], index: 0, onClose, compare, onEnd: () => this.showSingle(back) });
    this.before = back;
  }

  close() {
    this.dialog.close();
  }

  onClosed() {
    clearInterval(this.blinker);
    for (const slot of [this.under, this.over, this.beside]) slot.replaceChildren();
    if (this.opener instanceof HTMLElement) this.opener.focus({ preventScroll: true });
    this.onClose?.();
  }

  destroy() {
    this.onClose = null;
    this.resizes.disconnect();
    if (this.open) this.close();
  }

  // ---- pictures

  get single() {
    return this.mode === "single";
  }

  get overlaid() {
    return !this.single && this.mode !== "side";
  }

  get right() {
    return this.sides[this.index];
  }

  /** First and second picture on screen. */
  get shown() {
    if (this.single) return [this.right];
    return this.swapped ? [this.right, this.left] : [this.left, this.right];
  }

  show(index) {
    if (!this.sides.length) return;
    this.index = clamp(index, 0, this.sides.length - 1);
    this.pictures = new Map();
    this.loadShown();
    this.paintCaptions();
    this.paintStrip();
    if (this.single) this.about.show(this.right);
    this.fit();
    this.onStep?.(this.right);
  }

  toggleAbout() {
    const hidden = this.dialog.classList.toggle("plain");
    this.aboutButton.setAttribute("aria-pressed", String(!hidden));
    this.refit();
  }

  step(by) {
    const next = this.index + by;
    if (next >= 0 && next < this.sides.length) this.show(next);
    else this.onEnd?.(by);
  }

  /** Put fresh image elements into the layers: the first below, the second above it and beside it. */
  loadShown() {
    const [first, second] = this.shown;
    const turn = this.turn = Symbol("turn");
    this.fill(this.under, first, turn);
    this.fill(this.over, second, turn);
    this.fill(this.beside, second, turn);
    this.paintShapes();
    this.place();
    const next = this.sides[this.index + 1];
    if (next) new Image().src = next.full;
  }

  fill(slot, side, turn) {
    slot.replaceChildren();
    if (!side) return;
    const image = el("img", { alt: side.name, draggable: "false", decoding: "async" });
    if (side.thumb) image.style.backgroundImage = `url(${JSON.stringify(side.thumb)})`;
    image.side = side;
    image.addEventListener("load", () => this.loaded(side, image, turn));
    image.addEventListener("error", () => this.failed(slot, side, turn));
    image.src = side.full;
    slot.append(image);
  }

  loaded(side, image, turn) {
    if (turn !== this.turn) return;
    const known = this.pictures.has(side.id);
    this.pictures.set(side.id, image);
    if (known) return;
    if (this.fitted) this.fit(); else this.place();
    this.paintDifference();
  }

  get labels() {
    return this.labelled[this.single ? "single" : "pair"];
  }

  /** The annotations of what is shown over its pictures, as soon as they are known. */
  async paintShapes() {
    const turn = this.turn;
    this.labelsButton.setAttribute("aria-pressed", String(this.labels));
    for (const slot of [this.under, this.over, this.beside]) slot.querySelector(".shapes")?.remove();
    /** @type {Map<string, string>} */
    const inks = new Map();
    for (const side of this.labels ? this.shown : []) {
      const told = this.single ? this.about.known.get(side.id) : side && await this.about.ask(side);
      if (turn !== this.turn || !this.labels) return;
      for (const shape of told?.shapes ?? []) inks.set(shape.category, shape.ink);
      for (const slot of told?.shapes?.length ? [this.under, this.over, this.beside] : []) {
        const image = slot.querySelector("img");
        if (image?.side === side && !slot.querySelector(".shapes")) slot.append(shapesOver(told.shapes, told.size));
      }
    }
    const named = [...inks].sort();
    this.labelsMenu.hidden = !named.length;
    if (this.labelsList.dataset.of !== named.join("\n")) {  // else whoever chooses by keyboard would lose the place
      this.labelsList.dataset.of = named.join("\n");
      this.labelsList.replaceChildren(...shapesMenu(named, () => this.paintShapes()));
    }
    this.place();
  }

  toggleLabels() {
    this.labelled[this.single ? "single" : "pair"] = !this.labels;
    this.paintShapes();
  }

  failed(slot, side, turn) {
    if (turn !== this.turn) return;
    const reason = side.error || "The file cannot be shown; it may have been moved or changed since the scan.";
    slot.replaceChildren(el("p", { class: "broken", text: reason }));
  }

  /** @returns {[number, number]} */
  size(side) {
    const picture = this.pictures.get(side.id);
    return picture ? [picture.naturalWidth, picture.naturalHeight] : [side.width || 4, side.height || 3];
  }

  /** World to screen is `view`; this is picture to world, as the six numbers of a CSS matrix. */
  matrixOf(side) {
    if (this.single || side === this.left) return [1, 0, 0, 1, 0, 0];
    if (this.right.affine && this.aligned[this.overlaid ? "over" : "side"]) {
      return sixOf(this.right.affine);
    }
    return fitting(this.size(this.left), this.size(side));
  }

  // ---- zoom and pan

  get paneSize() {
    const pane = this.paneOne.getBoundingClientRect();
    return [pane.width, pane.height];
  }

  fit() {
    const [width, height] = this.size(this.single ? this.right : this.left);
    const [paneWidth, paneHeight] = this.paneSize;
    const scale = Math.min(paneWidth / width, paneHeight / height, this.single ? 4 : 8);
    this.fitScale = scale;
    this.view = { scale, x: (paneWidth - scale * width) / 2, y: (paneHeight - scale * height) / 2 };
    this.fitted = true;
    this.place();
  }

  refit() {
    if (this.open && this.fitted && this.sides.length) this.fit();
  }

  /** Zoom to `scale`, keeping the point (x, y) of the pane where it is; without a point, the middle. */
  zoomTo(scale, x = this.paneSize[0] / 2, y = this.paneSize[1] / 2) {
    const old = this.view;
    const next = clamp(scale, Math.min(this.fitScale, 1) / 4, MAX_ZOOM);
    const ratio = next / old.scale;
    this.view = { scale: next, x: x - (x - old.x) * ratio, y: y - (y - old.y) * ratio };
    this.fitted = false;
    this.place();
  }

  pan(dx, dy) {
    this.view = { ...this.view, x: this.view.x + dx, y: this.view.y + dy };
    this.fitted = false;
    this.place();
  }

  /** Lay every picture where view and alignment want it. */
  place() {
    if (!this.view) return;
    const { scale, x, y } = this.view;
    for (const slot of [this.under, this.over, this.beside]) {
      const image = slot.querySelector("img");
      if (!image) continue;
      const [width, height] = this.size(image.side);
      const [a, b, c, d, e, f] = this.matrixOf(image.side).map(number => number * scale);
      image.style.width = `${width}px`;
      image.style.height = `${height}px`;
      image.style.transform = `matrix(${a}, ${b}, ${c}, ${d}, ${e + x}, ${f + y})`;
      image.classList.toggle("pixels", Math.hypot(a, b) >= 3);
      const shapes = slot.querySelector(".shapes");
      if (!shapes) continue;
      for (const name of ["width", "height", "transform"]) shapes.style[name] = image.style[name];
      scaleShapes(shapes, Math.hypot(a, b) * width / shapes.viewBox.baseVal.width);
    }
    this.canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale / (this.canvasScale || 1)})`;
    this.clip.style.clipPath = this.mode === "wipe" ? `inset(0 0 0 ${this.divider * 100}%)` : "";
    this.handle.style.left = `${this.divider * 100}%`;
    setText(this.zoomLabel, `${Math.round(scale * 100)} %`);
  }

  bindPointer() {
    this.stage.addEventListener("wheel", event => {
      event.preventDefault();
      const pane = event.target.closest(".pane")?.getBoundingClientRect();
      if (!pane) return;
      const factor = Math.exp(-clamp(event.deltaY, -120, 120) * (event.ctrlKey ? 0.01 : 0.002));
      this.zoomTo(this.view.scale * factor, event.clientX - pane.left, event.clientY - pane.top);
    }, { passive: false });
    this.stage.addEventListener("pointerdown", event => this.drag(event));
    this.stage.addEventListener("dblclick", event => {
      const pane = event.target.closest(".pane")?.getBoundingClientRect();
      if (!pane) return;
      if (this.fitted) this.zoomTo(Math.max(1, this.fitScale * 2), event.clientX - pane.left, event.clientY - pane.top);
      else this.fit();
    });
  }

  drag(event) {
    if (event.button !== 0) return;
    const wiping = event.target.closest(".handle");
    const bounds = this.paneOne.getBoundingClientRect();
    let [x, y] = [event.clientX, event.clientY];
    this.stage.setPointerCapture(event.pointerId);
    const move = next => {
      if (wiping) this.setDivider((next.clientX - bounds.left) / bounds.width);
      else this.pan(next.clientX - x, next.clientY - y);
      [x, y] = [next.clientX, next.clientY];
    };
    const end = () => {
      this.stage.removeEventListener("pointermove", move);
      this.stage.classList.remove("dragging");
    };
    this.stage.classList.add("dragging");
    this.stage.addEventListener("pointermove", move);
    this.stage.addEventListener("lostpointercapture", end, { once: true });
  }

  setDivider(part) {
    this.divider = clamp(part, 0, 1);
    this.place();
  }

  // ---- modes

  setMode(mode) {
    this.mode = mode;
    this.dialog.dataset.mode = mode;
    for (const button of this.modeButtons.children) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    clearInterval(this.blinker);
    if (mode === "blink") this.blinker = setInterval(() => this.blink(), BLINK_MS);
    this.setOver(true);
    this.relay();
  }

  /** After a change of mode or alignment: lay out again, in the new pane size where it was fitted. */
  relay() {
    const has = !this.single && Boolean(this.right?.affine);
    this.alignButton.disabled = !has;
    this.alignButton.setAttribute("aria-pressed", String(has && this.aligned[this.overlaid ? "over" : "side"]));
    this.alignButton.title = has ? "Lay the copy onto the original by its stored alignment (A)"
      : "No alignment is known for this pair: the copy is fitted into the frame of the original";
    if (this.fitted !== false && this.view) this.fit(); else this.place();
    this.paintDifference();
  }

  toggleAligned() {
    const place = this.overlaid ? "over" : "side";
    this.aligned[place] = !this.aligned[place];
    this.relay();
  }

  swap() {
    if (this.single) return;
    this.swapped = !this.swapped;
    this.loadShown();
    this.paintCaptions();
  }

  blink() {
    this.setOver(!this.shownOver);
  }

  setOver(visible) {
    this.shownOver = visible;
    this.clip.style.visibility = visible ? "" : "hidden";
    this.captions.dataset.front = visible ? "second" : "first";
  }

  setGain(gain) {
    this.gain = clamp(gain, 1, MAX_GAIN);
    this.gainInput.value = String(Math.log2(this.gain));
    setText(this.gainLabel, `× ${Math.round(this.gain)}`);
    this.canvas.style.filter = `brightness(${this.gain})`;
  }

  /** |left − right| where both are, at up to eight megapixels; the gain is left to the display. */
  paintDifference() {
    setText(this.differenceText, "");
    this.canvas.width = 0;
    const [left, right] = this.single ? [] : [this.left, this.right].map(side => this.pictures.get(side?.id));
    if (this.mode !== "difference" || !left || !right) return;
    this.canvasScale = drawDifference(this.canvas, { picture: left, size: this.size(this.left) },
      { picture: right, size: this.size(this.right) }, this.matrixOf(this.right), DIFFERENCE_PIXELS);
    this.setGain(this.gain);
    const mean = meanOf(this.canvas);
    setText(this.differenceText, mean === null ? "the two do not overlap"
      : mean === 0 ? "not one pixel differs" : `mean difference ${mean.toFixed(1)} of 255`);
    this.place();
  }

  // ---- keys

  onKey(event) {
    event.stopPropagation();
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.target === this.gainInput) return;
    const key = keyName(event);
    if (event.target.closest?.("button") && (key === "Enter" || key === " ")) return;  // it is that button's
    const action = this.actions.find(each => each.key === key);
    const handle = action ? () => this.act(action) : event.shiftKey ? this.shiftKeys()[key] ?? this.keys()[key]
      : this.keys()[key];
    if (!handle) return;
    event.preventDefault();
    handle();
  }

  shiftKeys() {
    const far = 80;
    return { ArrowLeft: () => this.pan(far, 0), ArrowRight: () => this.pan(-far, 0), ArrowUp: () => this.pan(0, far),
      ArrowDown: () => this.pan(0, -far), g: () => this.setGain(this.gain / 2) };
  }

  keys() {
    const keys = {
      ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), ArrowUp: () => this.step(-1),
      ArrowDown: () => this.step(1), "+": () => this.zoomTo(this.view.scale * 1.4),
      "=": () => this.zoomTo(this.view.scale * 1.4), "-": () => this.zoomTo(this.view.scale / 1.4),
      0: () => this.fit(), 1: () => this.zoomTo(1), l: () => this.toggleLabels(), Escape: () => this.close(), "?": () => this.help.showModal(),
    };
    if (this.single) {
      return { ...keys, c: () => this.compare?.(this.right), Enter: () => this.close(), i: () => this.toggleAbout(),
        t: () => this.tags.editTags?.(this.about.node.querySelector(".about-tags") ?? this.stage, this.right.id) };
    }
    return {
      ...keys, s: () => this.setMode("side"), w: () => this.setMode("wipe"), b: () => this.setMode("blink"),
      d: () => this.setMode("difference"), x: () => this.swap(),
      a: () => { if (this.right?.affine) this.toggleAligned(); },
      g: () => this.setGain(this.gain * 2), "[": () => this.setDivider(this.divider - 0.05),
      "]": () => this.setDivider(this.divider + 0.05), " ": () => { if (this.mode === "blink") this.blinkByHand(); },
    };
  }

  blinkByHand() {
    clearInterval(this.blinker);
    this.blink();
  }

  act(action) {
    this.onAction?.(action.name, [this.left.id, this.right.id]);
  }

  // ---- words

  paintCaptions() {
    const [first, second] = this.shown;
    this.captionOne.replaceChildren(...this.caption(first));
    this.captionTwo.replaceChildren(...(second ? this.caption(second) : []));
    const side = this.right;
    const distance = !this.single && typeof side.distance === "number" ? `distance ${side.distance.toFixed(3)}` : "";
    setText(this.relation, this.single ? side.description || "" : side.relation || "");
    setText(this.distance, distance);
    const place = this.sides.length > 1 ? `${this.index + 1} of ${this.sides.length}` : "";
    setText(this.position, place);
  }

  caption(side) {
    const word = side.role === "keeper" ? "keeper" : side.kind;
    const name = el("span", { class: "name cut", title: side.path });
    fillName(name, side.name);
    return [word ? el("span", { class: `chip ${word}`, text: word }) : null, name,
      el("span", { class: "quiet", text: facts(side) })].filter(Boolean);
  }

  paintStrip() {
    const needed = !this.single && this.sides.length > 1;
    this.strip.hidden = !needed;
    if (!needed) return;
    const same = this.stripOf === this.sides;
    if (!same) {
      const buttons = this.sides.map((side, index) => this.stripButton(side, index));
      this.strip.replaceChildren(...buttons);
      this.sides.forEach((side, index) => {
        if (!side.heading || side.heading === this.sides[index - 1]?.heading) return;
        buttons[index].before(el("span", { class: "divider quiet", text: side.heading }));
      });
      this.stripOf = this.sides;
    }
    const buttons = this.strip.querySelectorAll("button");
    buttons.forEach((button, index) => button.setAttribute("aria-current", String(index === this.index)));
    buttons[this.index].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  stripButton(side, index) {
    const note = side.note ?? (typeof side.distance === "number" ? side.distance.toFixed(3) : "");
    const name = el("span", { class: "cut" });
    fillName(name, side.name);
    return el("button", { type: "button", "data-id": side.id,
      title: [side.name, side.relation].filter(Boolean).join(": "), onclick: () => this.show(index) },
    side.thumb ? el("img", { src: side.thumb, alt: "", loading: "lazy" }) : null,
    name, note ? el("span", { class: "quiet", text: note }) : null);
  }

  paintActions() {
    this.actionBar.hidden = !this.actions.length;
    this.actionBar.replaceChildren(...this.actions.map(action => el("button", { type: "button",
      "data-action": action.name, title: `${action.label} (${action.key.toUpperCase()})`, onclick: () => this.act(action) },
    action.label, el("kbd", { text: action.key.toUpperCase() }))));
  }

  /** In what order the candidates come, where there is a choice. */
  paintOrders(orders, order) {
    this.orders.hidden = orders.length < 2;
    this.orders.replaceChildren(...orders.map(each =>
      el("option", { value: each.name, text: each.title, selected: each.name === order ? "" : null })));
  }

  // ---- elements

  build() {
    const button = (text, title, onclick, more = {}) => el("button", { type: "button", text, title, onclick, ...more });
    this.under = el("div", { class: "layer" });
    this.over = el("div", { class: "layer" });
    this.beside = el("div", { class: "layer" });
    this.clip = el("div", { class: "layer clip" }, this.over);
    this.canvas = el("canvas", { class: "difference" });
    this.handle = el("div", { class: "handle", title: "Drag to wipe" });
    this.paneOne = el("div", { class: "pane one" }, this.under, this.clip, this.canvas, this.handle);
    this.paneTwo = el("div", { class: "pane two" }, this.beside);
    this.stage = el("div", { class: "stage", tabindex: "0", role: "img", "aria-label": "pictures" },
      this.paneOne, this.paneTwo);

    this.modeButtons = el("div", { class: "segmented pair-only", role: "group", "aria-label": "How to compare" },
      ...MODES.map(([mode, label, key]) => button(label, `${label} (${key.toUpperCase()})`, () => this.setMode(mode),
        { "data-mode": mode })));
    this.alignButton = button("Aligned", "", () => this.toggleAligned(), { class: "pair-only" });
    this.swapButton = button("⇄ Swap", "Swap the two (X)", () => this.swap(), { class: "pair-only" });
    this.gainInput = el("input", { type: "range", min: "0", max: String(Math.log2(MAX_GAIN)), step: "any",
      "aria-label": "Strength of the difference", oninput: () => this.setGain(2 ** Number(this.gainInput.value)) });
    this.gainLabel = el("output", { class: "number" });
    this.differenceText = el("span", { class: "quiet" });
    this.zoomLabel = el("output", { class: "number zoom" });
    this.position = el("span", { class: "quiet number" });
    this.actionBar = el("div", { class: "actions" });
    this.orders = el("select", { class: "orders pair-only", "aria-label": "Order of the images",
      onchange: () => this.onOrder?.(this.orders.value) });
    this.help = keyHelp("Keys of this view", COMPARE_KEYS);
    const tools = el("div", { class: "tools" }, this.modeButtons, this.alignButton, this.swapButton,
      el("label", { class: "gain" }, "Strength", this.gainInput, this.gainLabel), this.differenceText,
      el("span", { class: "spring" }), this.actionBar, this.orders, this.position,
      el("div", { class: "segmented", role: "group", "aria-label": "Zoom" },
        button("−", "Smaller (-)", () => this.zoomTo(this.view.scale / 1.4), { "aria-label": "Smaller" }),
        this.zoomLabel,
        button("+", "Larger (+)", () => this.zoomTo(this.view.scale * 1.4), { "aria-label": "Larger" }),
        button("Fit", "Fit to the window (0)", () => this.fit()),
        button("100 %", "One image pixel on one screen pixel (1)", () => this.zoomTo(1))));
    this.labelsButton = button("Labels", "Show or hide annotations (L)", () => this.toggleLabels(), { "aria-pressed": "true" });
    this.labelsList = el("div", { class: "labels-list" });
    this.labelsMenu = el("details", { class: "labels-menu" }, el("summary", { title: "How annotations are shown", "aria-label":
      "How annotations are shown", text: "▾" }), this.labelsList);
    this.aboutButton = button("Details", "Show or hide what is known of it (I)", () => this.toggleAbout(),
      { class: "single-only", "aria-pressed": "true" });
    const bar = el("div", { class: "bar" }, tools, this.labelsButton, this.labelsMenu, this.aboutButton,
      button("?", "Keys (?)", () => this.help.showModal(), { "aria-label": "Keys" }),
      button("✕", "Close (Esc)", () => this.close(), { "aria-label": "Close", class: "close" }));
    this.captionOne = el("div", { class: "caption" });
    this.captionTwo = el("div", { class: "caption" });
    this.relation = el("span", { class: "relation" });
    this.distance = el("span", { class: "quiet number" });
    this.captions = el("div", { class: "captions", "aria-live": "polite" }, this.captionOne,
      el("div", { class: "between" }, this.relation, this.distance), this.captionTwo);
    this.strip = el("div", { class: "strip", role: "group", "aria-label": "Further images" });
    this.dialog = el("dialog", { class: "compare", "aria-label": "Compare" }, bar,
      el("div", { class: "middle" }, this.stage, this.about.node), this.captions,
      this.strip, this.help);
  }
}

/**
 * The six numbers that lay a picture of its `own` size into a frame: filled where shapes agree, else fitted.
 * @param {[number, number]} frame
 * @param {[number, number]} own
 */
function fitting([width, height], [ownWidth, ownHeight]) {
  const [wide, high] = [width / ownWidth, height / ownHeight];
  if (Math.abs(wide / high - 1) < SAME_ASPECT) return [wide, 0, 0, high, 0, 0];
  const scale = Math.min(wide, high);
  return [scale, 0, 0, scale, (width - scale * ownWidth) / 2, (height - scale * ownHeight) / 2];
}

/**
 * The mapping back of a 2x3 `affine`, or null where there is none.
 * @returns {[[number, number, number], [number, number, number]] | null}
 */
function inverse(affine) {
  if (!affine) return null;
  const [[a, c, e], [b, d, f]] = affine;
  const area = a * d - b * c;
  if (Math.abs(area) < 1e-9) return null;
  return [[d / area, -c / area, (c * f - d * e) / area], [-b / area, a / area, (b * e - a * f) / area]];
}

/** A 2x3 `affine` as the six numbers of a CSS matrix. */
function sixOf([[a, c, e], [b, d, f]]) {
  return [a, b, c, d, e, f];
}

/**
 * |left − right| where both are, on `canvas` at up to `most` pixels; the gain is left to the display. Each is a picture
 * (of any resolution) and the size in which `matrix`, the six numbers from right to left, speaks. Returns the canvas's
 * pixels to one of the left picture's.
 */
function drawDifference(canvas, left, right, matrix, most) {
  const [width, height] = left.size;
  const scale = Math.min(1, Math.sqrt(most / (width * height)));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const warped = (colour, picture) => {
    const layer = el("canvas", { width: String(canvas.width), height: String(canvas.height) });
    const context = layer.getContext("2d");
    context.setTransform(...matrix.map(number => number * scale));
    context.fillStyle = colour;
    context.fillRect(0, 0, ...right.size);
    context.imageSmoothingQuality = "high";
    if (picture) context.drawImage(picture, 0, 0, ...right.size);
    return layer;
  };
  const context = canvas.getContext("2d");
  context.fillStyle = MID_GRAY;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(left.picture, 0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "difference";
  context.drawImage(warped(MID_GRAY, right.picture), 0, 0);
  context.globalCompositeOperation = "destination-in";
  context.drawImage(warped("#fff"), 0, 0);
  return scale;
}

/** The mean of what drawDifference drew, 0..255; null where the two do not overlap. */
function meanOf(canvas) {
  const small = el("canvas", { width: "256", height: "256" });
  small.getContext("2d", { willReadFrequently: true }).drawImage(canvas, 0, 0, 256, 256);
  const [sum, count] = sumOfPixels(small);
  if (!count) return null;
  return sum === 0 && sumOfPixels(canvas)[0] === 0 ? 0 : sum / count;
}

/** Sum and number of the colour values of all opaque pixels. */
function sumOfPixels(canvas) {
  const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let [sum, count] = [0, 0];
  for (let i = 0; i < bytes.length; i += 4) {
    if (bytes[i + 3] < 255) continue;
    sum += bytes[i] + bytes[i + 1] + bytes[i + 2];
    count += 3;
  }
  return [sum, count];
}

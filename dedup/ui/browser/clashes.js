// The inbox of label clashes: two copies side by side, the boxes of both on each, and one key per decision.

const CLASH_KEYS = [["← →", "previous, next"], ["1 2", "the left, the right labels are correct"],
  ["M", "merge: each gets what only the other has"], ["D", "drop both from COCO and folders with labels"], ["L", "leave both as they are"],
  ["U", "undo"], ["G", "see these copies in Duplicates"], ["O", "show or hide the other side's boxes"], ["A", "show or hide boxes that agree"], ["?", "this list"]];

export default hosted(root => new Inbox(root));

class Inbox {
  constructor(root) {
    this.root = root;
    this.index = 0;
    this.carried = this.agreeing = true;
    this.build();
    root.addEventListener("keydown", event => this.onKey(event));
    if (document.activeElement === document.body) this.stage.focus({ preventScroll: true });
  }

  destroy() {
    this.queue.disconnect();
  }

  // ---- data in

  update(data, deliver) {
    this.queue = eventQueue(data.key);
    this.queue.connect(deliver, data.ack);
    this.data = data;
    applyPalette(this.root, data.palette);
    const [asked, id] = data.asked;
    if (asked > (this.queue.asked ?? 0)) this.current = id;
    this.queue.asked = asked;
    const found = this.items.findIndex(item => item.id === this.current);
    if (found >= 0) this.index = found;
    this.paint();
  }

  /** The clashes from Python with the choices it has not taken yet; of a list of open ones the chosen leave at once. */
  get items() {
    const waiting = new Map(this.queue.waiting("action").filter(event => !["undo", "group"].includes(event.action))
      .map(event => [event.ids.join(" "), event.action]));
    const told = this.data.items.map(item => ({ ...item, choice: waiting.get(item.id) ?? item.choice }));
    return this.data.open ? told.filter(item => !waiting.has(item.id)) : told;
  }

  /** The id of the clash on screen. It lives with the queue, so that it outlives a component that is drawn anew. */
  get current() {
    return this.queue.current;
  }

  set current(id) {
    this.queue.current = id;
  }

  /** Ids in the order they were decided, for coming back to the one whose decision is taken back. */
  get decided() {
    return this.queue.decided ??= [];
  }

  get item() {
    return this.items[this.index];
  }

  // ---- what a person does

  go(step) {
    this.show(this.index + step);
  }

  show(index) {
    this.index = clamp(index, 0, Math.max(0, this.items.length - 1));
    this.current = this.item?.id;
    this.paint();
  }

  choose(action) {
    const item = this.item;
    if (!item) return;
    this.decided.push(item.id);
    const undoing = this.queue.waiting("action").some(event => event.action === "undo"); // of what, only Python knows
    this.queue.push({ type: "action", action, ids: item.ids, was: undoing ? null : item.choice });
    this.show(this.data.open ? this.index : this.index + 1);
  }

  undo() {
    this.current = this.decided.pop() ?? this.current;
    this.queue.push({ type: "action", action: "undo", ids: [] });
  }

  /** The copies in the review of duplicates. */
  leave() {
    this.queue.push({ type: "action", action: "group", ids: this.item.ids });
  }

  onKey(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyName(event);
    const choice = this.item?.choices.find(each => each.key === key);
    const keys = { ArrowLeft: () => this.go(-1), ArrowRight: () => this.go(1), Home: () => this.show(0),
      End: () => this.show(this.items.length - 1), u: () => this.undo(), g: () => this.leave(), o: () => this.toggle("carried"),
      a: () => this.toggle("agreeing"), "?": () => this.help.showModal() };
    const handle = choice ? () => this.choose(choice.name) : keys[key];
    if (!handle) return;
    event.preventDefault();
    event.stopPropagation();
    handle();
  }

  toggle(what) {
    this[what] = !this[what];
    this.paint();
  }

  // ---- painting

  paint() {
    const items = this.items;
    this.index = clamp(this.index, 0, Math.max(0, items.length - 1));
    const item = this.item;
    this.current = item?.id;
    this.stage.hidden = !item;
    this.empty.hidden = Boolean(item);
    if (!item) return;
    setText(this.position, `${this.index + 1} of ${items.length}`);
    setText(this.sentence, item.sentence);
    setText(this.relation, item.relation);
    this.previous.disabled = this.index === 0;
    this.next.disabled = this.index === items.length - 1;
    this.carriedButton.setAttribute("aria-pressed", String(this.carried));
    this.agreeingButton.setAttribute("aria-pressed", String(this.agreeing));
    this.carriedButton.hidden = this.agreeingButton.hidden = !item.boxes.length;
    this.panes.replaceChildren(this.pane(item, "left"), this.pane(item, "right"));
    this.differences.hidden = !item.boxes.length;
    this.differences.replaceChildren(...item.differences.map((text, number) => el("li", { text, tabindex: "0",
      "data-difference": String(number), onpointerenter: () => this.highlight(number), onfocus: () => this.highlight(number),
      onpointerleave: () => this.highlight(-1), onblur: () => this.highlight(-1) })));
    this.choices.replaceChildren(...item.choices.map(choice => el("button", { type: "button", "data-choice": choice.name,
      title: choice.help, "aria-pressed": String(item.choice === choice.name), onclick: () => this.choose(choice.name) },
    el("kbd", { text: choice.key.toUpperCase() }), choice.label)), this.undoButton);
    this.paintStrip(items);
    this.preload(items[this.index + 1]);
  }

  pane(item, name) {
    const side = item[name];
    const frame = el("div", { class: "frame", style: `--ratio: ${(side.width || 1) / (side.height || 1)}` },
      el("img", { src: side.full, alt: side.name, draggable: "false" }),
      ...item.boxes.filter(box => this.wanted(box, name)).flatMap(box => [this.outline(box, name), this.box(box, name)]));
    const title = el("span", { class: "name cut", title: side.path });
    fillName(title, side.name);
    return el("figure", { class: `copy ${name}` },
      el("figcaption", {}, el("span", { class: "side", text: name }), title,
        side.split ? el("span", { class: "split", text: `split: ${side.split}` }) : null,
        el("span", { class: "quiet", text: [side.folder, facts(side)].filter(Boolean).join(" · ") })),
      item.boxes.length ? null : el("div", { class: "classes", text: side.classes.join(", ") }),
      el("div", { class: "room" }, frame));
  }

  wanted(box, pane) {
    if (!box[pane]) return false;
    return box.difference < 0 ? this.agreeing && box.side === pane : this.carried || box.side === pane;
  }

  kind(box, pane) {
    return box.difference < 0 ? "agrees" : `${box.side} ${box.side === pane ? "own" : "carried"}`;
  }

  /** The polygons of an annotation, if it has any. */
  outline(box, pane) {
    const space = "http://www.w3.org/2000/svg";
    if (!box.outlines[pane].length) return null;
    const svg = document.createElementNS(space, "svg");
    for (const [name, value] of Object.entries({ class: `outline ${this.kind(box, pane)}`, viewBox: "0 0 1 1",
      preserveAspectRatio: "none", "data-difference": String(box.difference) })) svg.setAttribute(name, value);
    for (const points of box.outlines[pane]) {
      const polygon = document.createElementNS(space, "polygon");
      polygon.setAttribute("points", points.join(" "));
      svg.append(polygon);
    }
    return svg;
  }

  box(box, pane) {
    const [x, y, width, height] = box[pane].map(part => `${(part * 100).toFixed(3)}%`);
    const own = box.side === pane;
    const kind = this.kind(box, pane);
    return el("div", { class: `box ${kind}`, style: `left:${x};top:${y};width:${width};height:${height}`,
      "data-difference": String(box.difference), title: own ? box.category : `${box.category} (as the ${box.side} says)`,
      onpointerenter: () => this.highlight(box.difference), onpointerleave: () => this.highlight(-1) },
    el("span", { text: box.category }));
  }

  /** Everything that belongs to one difference stands out; -1 ends it. */
  highlight(number) {
    this.stage.classList.toggle("highlighting", number >= 0);
    for (const node of this.stage.querySelectorAll("[data-difference]")) {
      node.classList.toggle("lit", number >= 0 && node.dataset.difference === String(number));
    }
  }

  paintStrip(items) {
    this.strip.hidden = items.length < 2;
    const ids = items.map(item => item.id).join();
    if (this.stripOf !== ids) {
      this.stripOf = ids;
      this.strip.replaceChildren(...items.map((item, index) => el("button", { type: "button", title: item.sentence,
        onclick: () => this.show(index) }, el("img", { src: item.left.thumb, alt: item.left.name, loading: "lazy" }),
      el("span", {}))));
    }
    [...this.strip.children].forEach((button, index) => {
      button.setAttribute("aria-current", String(index === this.index));
      setText(button.lastChild, items[index].choice || "open");
      button.classList.toggle("decided", Boolean(items[index].choice));
    });
    this.bringIntoStrip(this.strip.children[this.index]);
  }

  /** Scrolls the strip and nothing around it: the page stays where the pictures are. */
  bringIntoStrip(button) {
    if (!button) return;
    const [strip, box] = [this.strip.getBoundingClientRect(), button.getBoundingClientRect()];
    this.strip.scrollLeft += Math.min(0, box.left - strip.left) + Math.max(0, box.right - strip.right);
  }

  preload(item) {
    if (item) for (const side of [item.left, item.right]) new Image().src = side.full;
  }

  // ---- elements

  build() {
    const button = (text, title, onclick, more = {}) => el("button", { type: "button", text, title, onclick, ...more });
    this.previous = button("‹", "Previous (←)", () => this.go(-1), { "aria-label": "Previous", class: "step" });
    this.next = button("›", "Next (→)", () => this.go(1), { "aria-label": "Next", class: "step" });
    this.position = el("span", { class: "number position" });
    this.sentence = el("strong", { class: "sentence", "aria-live": "polite" });
    this.relation = el("span", { class: "quiet" });
    this.carriedButton = button("Other side's boxes", "Dashed: what the other copy says, carried over (O)",
      () => this.toggle("carried"));
    this.agreeingButton = button("Boxes that agree", "White: what both copies say (A)", () => this.toggle("agreeing"));
    this.help = keyHelp("Keys of this page", CLASH_KEYS);
    this.panes = el("div", { class: "panes" });
    this.differences = el("ul", { class: "differences", "aria-label": "What differs" });
    this.choices = el("div", { class: "choices", role: "group", "aria-label": "Which labels are correct" });
    this.strip = el("div", { class: "strip", role: "group", "aria-label": "Clashes" });
    this.empty = el("p", { class: "quiet", text: "All of these are decided." });
    const bar = el("div", { class: "bar" }, this.previous, this.position, this.next,
      el("div", { class: "words" }, this.sentence, this.relation), el("div", { class: "tools" }, this.carriedButton,
        this.agreeingButton, button("In Duplicates", "See these copies in Duplicates (G)", () => this.leave()),
        button("?", "Keys (?)", () => this.help.showModal(), { "aria-label": "Keys" })));
    this.undoButton = el("button", { type: "button", class: "undo", title: "Take back the last decision",
      onclick: () => this.undo() }, el("kbd", { text: "U" }), "Undo");
    this.stage = el("div", { class: "inbox", tabindex: "0", role: "group", "aria-label": "Label clash" }, bar, this.panes,
      this.choices, this.differences, this.strip);
    this.root.replaceChildren(this.stage, this.empty, this.help);
  }
}

// The small menu that adds tags to cards and takes them away: type to filter, arrows, Enter.

class TagMenu {
  /** @type {{name: string, colour?: string}[]} */ tags = [];
  total = 0;
  current = 0;
  /** @type {(tag: string) => number} */ counts = () => 0;
  /** @type {(tag: string, remove: boolean) => void} */ toggle = () => {};
  /** @type {() => void} */ onClose = () => {};

  /** `toggle(tag, remove)` is called for each choice; `counts(tag)` says how many of `total` cards carry it. */
  constructor(root) {
    this.filter = el("input", { type: "text", placeholder: "Filter tags, or name a new one",
      "aria-label": "Filter tags, or name a new one",
      role: "combobox", "aria-expanded": "true", "aria-controls": "tag-options", autocomplete: "off" });
    this.list = el("div", { id: "tag-options", role: "listbox", "aria-label": "Tags" });
    this.title = el("div", { class: "menu-title" });
    this.node = el("div", { class: "tag-menu", popover: "manual" }, this.title, this.filter, this.list);
    this.filter.addEventListener("input", () => { this.current = 0; this.paint(); });
    this.node.addEventListener("keydown", event => this.onKey(event));
    this.node.addEventListener("focusout", event => {
      if (this.open && !this.node.contains(event.relatedTarget)) this.close(false);
    });
    this.root = root;
    root.append(this.node);
  }

  get open() {
    return this.node.matches(":popover-open");
  }

  /** Below `anchor`; `within` is the dialog on show, beyond which nothing can be clicked. */
  show({ anchor, tags, total, counts, toggle, onClose, within = this.root }) {
    if (this.node.parentNode !== within) within.append(this.node);
    Object.assign(this, { tags, total, counts, toggle, onClose, current: 0 });
    setText(this.title, total === 1 ? "Tag this image" : `Tag ${total} images`);
    this.filter.value = "";
    this.paint();
    this.node.showPopover();
    this.place(anchor.getBoundingClientRect());
    this.filter.focus({ preventScroll: true });
  }

  place(anchor) {
    const box = this.node.getBoundingClientRect();
    const below = anchor.bottom + box.height < innerHeight;
    this.node.style.left = `${clamp(anchor.left, 8, innerWidth - box.width - 8)}px`;
    const top = below ? anchor.bottom + 4 : anchor.top - box.height - 4;
    this.node.style.top = `${clamp(top, 8, innerHeight - box.height - 8)}px`;
  }

  close(refocus = true) {
    if (!this.open) return;
    this.node.hidePopover();
    if (refocus) this.onClose();
  }

  /**
   * The tags that hold the typed text, and last the one that it would name anew.
   * @returns {{name: string, colour?: string, isNew?: boolean}[]}
   */
  matching() {
    const typed = this.filter.value.trim();
    const found = this.tags.filter(tag => tag.name.toLowerCase().includes(typed.toLowerCase()));
    return typed && !this.tags.some(tag => tag.name === typed) ? [...found, { name: typed, isNew: true }] : found;
  }

  paint() {
    const shown = this.matching();
    this.current = clamp(this.current, 0, Math.max(0, shown.length - 1));
    this.list.replaceChildren(...shown.map((tag, index) => this.option(tag, index)));
    if (shown.length) this.list.setAttribute("role", "listbox");
    else this.list.removeAttribute("role"); // a list has options
    if (!shown.length) this.list.append(el("div", { class: "quiet", text: "No tags yet: type a name to create one" }));
    this.list.children[this.current]?.scrollIntoView?.({ block: "nearest" });
  }

  option(tag, index) {
    const count = this.counts(tag.name);
    const state = count === 0 ? "false" : count === this.total ? "true" : "mixed";
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = tag.colour ?? "var(--line)";
    const mark = { true: "✓", mixed: "–", false: "" }[state];
    const partial = state === "mixed" ? `${count} of ${this.total}` : "";
    return el("div", { class: index === this.current ? "option current" : "option", role: "option",
      "aria-selected": String(index === this.current), "aria-checked": state, "data-tag": tag.name, title: tag.name,
      onpointerdown: event => { event.preventDefault(); this.current = index; this.choose(); } },
    el("span", { class: "mark", text: mark }), swatch, el("span", { class: "label", text: tag.isNew ? `Create “${tag.name}”` : tag.name }),
    el("span", { class: "quiet", text: partial }));
  }

  choose() {
    const tag = this.matching()[this.current];
    if (!tag) return;
    this.toggle(tag.name, this.counts(tag.name) === this.total);
    if (tag.isNew) this.close();
    else this.paint();
  }

  onKey(event) {
    event.stopPropagation();
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) { this.current += move; this.paint(); }
    else if (event.key === "Enter") { this.choose(); this.close(); }
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else return;
    event.preventDefault();
  }
}

// The grid: cards painted from Python's data plus whatever is still waiting in the event queue.

const GALLERY_KEYS = [["arrows Home End", "move"], ["Shift+arrows", "select a range"], ["Space", "select or unselect"],
  ["Ctrl+A", "select the page"], ["Esc", "select nothing"], ["Enter", "show large"], ["T", "tag"],
  ["S", "show similar images"], ["C D", "compare two, or one with its original"],
  ["PageDown PageUp", "next, previous page"], ["Shift+F10", "everything that can be done with one"], ["?", "this list"]];
const NOTICE_MS = 4000;
const PRELOAD_MS = 1200;  // the page itself comes first
const ROOM_FOR_WORDS = 240;  // width of a card from which classes are named on it; gallery.css knows it, too
const SIZES = 12;  // thumbnail size and columns on a line add up to this: fewer columns, larger thumbnails
const ICONS = {
  tag: "M2 2h5.6l6.4 6.4-5.6 5.6L2 7.6zM5 4.2a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8z",
  similar: "M2 3h7v7H2zM7 6h7v7H7v-3h2V6z",
  compare: "M1.5 3h5.7v10H1.5zM8.8 3h5.7v10H8.8zM10 4.2v7.6h3.3V4.2z",
};

export default hosted(root => new Gallery(root));

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

class Gallery {
  constructor(root) {
    this.root = root;
    this.grid = root.querySelector(".grid");
    this.row = root.querySelector(".cells");
    this.toolbar = root.querySelector(".toolbar");
    this.cells = new Map();
    this.items = [];
    this.ownSelection = [];
    this.cursor = this.anchor = 0;
    this.view = new CompareView(root, {
      tagsOf: id => this.tagsById(id),
      colours: () => this.colours,
      editTags: (anchor, id) => this.editTags(anchor, [id], () => this.view.stage.focus({ preventScroll: true })),
    });
    this.menu = new TagMenu(root);
    this.cardMenu = new CardMenu(root);
    this.grid.addEventListener("contextmenu", event => this.onMenu(event));
    this.help = keyHelp("Keys of the grid", GALLERY_KEYS);
    root.append(this.help);
    root.addEventListener("keydown", event => this.onKey(event));
    root.addEventListener("pointerdown", () => { this.grid.dataset.input = "pointer"; }, true);
    this.grid.addEventListener("click", event => this.onClick(event));
    this.grid.addEventListener("dblclick", event => this.onDoubleClick(event));
    this.toolbar.addEventListener("click", event => this.onToolbar(event));
    this.pagers = [...root.querySelectorAll(".pager")].map(nav => new Pager(nav, number => this.turnTo(number)));
    this.thumbSize = this.toolbar.querySelector(".thumb-size");
    this.zoomer = this.toolbar.querySelector(".zoomer");
    this.pageSize = this.toolbar.querySelector(".page-size");
    this.thumbSize.addEventListener("input", () => this.setColumns(SIZES - Number(this.thumbSize.value)));
    this.thumbSize.addEventListener("change", () => this.changeView("columns", SIZES - Number(this.thumbSize.value)));
    this.pageSize.addEventListener("change", () => this.changeView("size", Number(this.pageSize.value)));
    for (const control of [this.thumbSize, this.pageSize]) {
      control.addEventListener("keydown", event => event.stopPropagation());
    }
    this.bar = watchBar(() => this.setAbove());
  }

  destroy() {
    clearTimeout(this.noticeTimer);
    clearTimeout(this.preloadTimer);
    this.bar.disconnect();
    document.documentElement.style.removeProperty("--dedup-above");
    this.view.destroy();
    this.queue.disconnect();
  }

  // ---- data in

  update(data, deliver) {
    this.queue = eventQueue(data.key);
    this.queue.connect(deliver, data.ack);
    this.askAgain(data);
    const turned = this.data?.paging && data.paging && this.data.paging.number !== data.paging.number;
    this.data = data;
    const current = this.items[this.cursor]?.id;
    const anchor = this.items[this.anchor]?.id;
    this.items = data.items;
    this.byId = new Map(data.items.map(item => [item.id, item]));
    this.cursor = Math.max(0, this.items.findIndex(item => item.id === current));
    this.anchor = Math.max(0, this.items.findIndex(item => item.id === anchor));
    this.colours = new Map(data.tags.map(tag => [tag.name, tag.colour]));
    if (data.selected) this.ownSelection = data.selected;
    applyPalette(this.root, data.palette);
    this.setColumns(this.asked("columns") ?? data.columns);
    this.grid.style.maxHeight = data.height ? `${data.height}px` : "";
    this.layCells();
    this.paint();
    if (turned) this.arrive();
    this.preload();
  }

  /** A turn of the page that Python took but, interrupted, did not make. */
  askAgain({ paging }) {
    if (!this.wanted || this.asked("page") !== undefined) return;
    if (paging && paging.number !== this.wanted && this.wanted <= paging.of) {
      this.queue.push({ type: "view", action: "page", ids: [], tag: String(this.wanted) });
    }
    this.wanted = 0;
  }

  /** Another page came: it begins at its top, also in the large view that asked for it. */
  arrive() {
    const backwards = this.backwards;
    this.backwards = false;
    this.cursor = this.anchor = backwards ? this.items.length - 1 : 0;
    this.paint();
    if (this.root.getBoundingClientRect().top < this.bar.height) this.root.scrollIntoView({ block: "start" });
    if (this.view.open && this.view.single && this.items.length) this.showLarge();
  }

  /** The thumbnails of the next page, once those of this one had their time. */
  preload() {
    clearTimeout(this.preloadTimer);
    const urls = this.data.preload;
    this.preloadTimer = setTimeout(() => { for (const url of urls) new Image().src = url; }, PRELOAD_MS);
  }

  /** Nothing may hide below the bar that stays at the top of the page. */
  setAbove() {
    document.documentElement.style.setProperty("--dedup-above", `${this.bar.height}px`);
  }

  setColumns(columns) {
    this.root.style.setProperty("--columns", columns);
    // Who asks for many columns wants small cards.
    this.root.style.setProperty("--least", columns > 6 ? "60px" : "126px");
  }

  // ---- pages

  /** What of the view was asked for and not yet answered. */
  asked(part) {
    const event = this.queue.waiting("view").filter(each => each.action === part).at(-1);
    return event && Number(event.tag);
  }

  changeView(part, number) {
    this.queue.push({ type: "view", action: part, ids: [], tag: String(number) });
    this.paint();
  }

  turnTo(number) {
    const paging = this.data.paging;
    if (!paging) return false;
    const from = this.asked("page") ?? paging.number;
    const to = clamp(number, 1, paging.of);
    if (to === from) { this.paintPaging(); return false; }
    this.backwards = false;
    this.wanted = to;
    this.changeView("page", to);
    return true;
  }

  turn(by) {
    const now = this.asked("page") ?? this.data.paging?.number ?? 1;
    if (!this.turnTo(now + by)) this.notice(by > 0 ? "This is the last page" : "This is the first page");
  }

  /** Keep the cells that stay, make the new ones, drop the others: never all of them again. */
  layCells() {
    for (const [id, cell] of this.cells) {
      if (this.byId.has(id)) continue;
      cell.remove();
      this.cells.delete(id);
    }
    this.items.forEach((item, index) => {
      let cell = this.cells.get(item.id);
      if (!cell) this.cells.set(item.id, cell = makeCell(item));
      if (this.row.children[index] !== cell) this.row.insertBefore(cell, this.row.children[index] ?? null);
      fillCell(cell, item);
      this.bracket(cell, index);
    });
  }

  /** One band around neighbours of a group, open where a row ends. */
  bracket(cell, index) {
    const group = this.data.brackets ? this.items[index].group : -1;
    const before = group >= 0 && this.items[index - 1]?.group === group;
    const after = group >= 0 && this.items[index + 1]?.group === group;
    cell.classList.toggle("banded", before || after);
    cell.classList.toggle("band-first", after && !before);
    cell.classList.toggle("band-last", before && !after);
  }

  // ---- what is shown: Python's data, then the events it has not taken yet

  get selection() {
    return this.queue.waiting("select").at(-1)?.ids ?? this.ownSelection;
  }

  tagsOf(item) {
    const tags = new Set(item.tags);
    for (const event of this.queue.waiting("tag")) {
      if (!event.ids.includes(item.id)) continue;
      if (event.remove) tags.delete(event.tag); else tags.add(event.tag);
    }
    return [...tags];
  }

  paint() {
    const selection = new Set(this.selection);
    this.items.forEach((item, index) => {
      const cell = this.cells.get(item.id);
      cell.classList.toggle("current", index === this.cursor);
      cell.setAttribute("aria-selected", String(selection.has(item.id)));
      fillTags(cell, this.tagsOf(item), this.colours);
    });
    if (this.items.length) this.grid.setAttribute("aria-activedescendant", `cell-${this.items[this.cursor].id}`);
    this.paintPaging();
    const total = this.data.paging?.total ?? this.items.length;
    const onPage = this.items.filter(item => !item.company).length;
    const shown = onPage === total ? total.toLocaleString("en")
      : `${onPage} of ${total.toLocaleString("en")}`;
    const company = this.data.paging?.company ?? 0;
    const rest = company ? ` and ${company.toLocaleString("en")} of their groups` : "";
    const many = `${shown} ${total === 1 ? "image" : "images"}${rest}`;
    setText(this.toolbar.querySelector(".count"), selection.size ? `${many} · ${selection.size} selected` : many);
    this.root.classList.toggle("has-selection", selection.size > 0);
    this.view.about.paintTags();
  }

  paintPaging() {
    const paging = this.data.paging;
    const number = this.asked("page") ?? paging?.number ?? 1;
    for (const pager of this.pagers) pager.paint(number, paging?.of ?? 1);
    this.thumbSize.value = String(SIZES - (this.asked("columns") ?? this.data.columns));
    this.pageSize.hidden = this.zoomer.hidden = !paging;
    if (!paging) return;
    if (this.pageSize.options.length !== paging.sizes.length) {
      this.pageSize.replaceChildren(...paging.sizes.map(size => el("option", { value: size, text: `${size} a page` })));
    }
    this.pageSize.value = String(this.asked("size") ?? paging.size);
  }

  notice(text) {
    const node = this.toolbar.querySelector(".notice");
    setText(node, text);
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => setText(node, ""), NOTICE_MS);
  }

  // ---- what a person does

  select(ids) {
    const unique = [...new Set(ids)];
    if (this.data.selected === null) this.ownSelection = unique;
    this.queue.push({ type: "select", ids: unique });
    this.paint();
  }

  toggle(index) {
    const id = this.items[index].id;
    const selection = this.selection;
    this.anchor = this.cursor = index;
    this.select(selection.includes(id) ? selection.filter(each => each !== id) : [...selection, id]);
  }

  selectRange(to) {
    const [low, high] = [Math.min(this.anchor, to), Math.max(this.anchor, to)];
    this.cursor = to;
    this.select(this.items.slice(low, high + 1).map(item => item.id));
  }

  selectOnly(index) {
    this.anchor = this.cursor = index;
    this.select([this.items[index].id]);
  }

  selectPage() {
    this.select([...this.selection, ...this.items.filter(item => !item.company).map(item => item.id)]);
  }

  move(to, extend) {
    const index = clamp(to, 0, this.items.length - 1);
    if (extend) this.selectRange(index);
    else {
      this.anchor = this.cursor = index;
      this.paint();
    }
    this.cells.get(this.items[index].id).scrollIntoView({ block: "nearest" });
  }

  /** The ids an act on card `index` means: the whole selection where the card is part of it or none is given. */
  targets(index) {
    const selection = this.selection;
    const id = this.items[index ?? this.cursor]?.id;
    const meant = index === undefined ? selection.length > 0 : selection.includes(id);
    return meant ? selection : [id];
  }

  openTags(index) {
    if (!this.items.length) return;
    const ids = this.targets(index);
    const onPage = ids.filter(id => this.byId.has(id));
    const anchor = this.cells.get(onPage[0] ?? this.items[this.cursor].id);
    const cell = index === undefined ? this.cells.get(this.items[this.cursor].id) : anchor;
    this.editTags(cell.querySelector(".text"), ids, () => this.grid.focus({ preventScroll: true }));
  }

  /** Also of an image that is on no card, but in the large view. */
  tagsById(id) {
    return this.tagsOf(this.byId.get(id) ?? { id, tags: this.view.about.known.get(id)?.tags ?? [] });
  }

  editTags(anchor, ids, onClose) {
    const onPage = this.view.open ? ids : ids.filter(id => this.byId.has(id));
    this.menu.show({
      anchor,
      tags: this.data.tags,
      total: ids.length,
      within: this.view.open ? this.view.dialog : undefined,
      counts: tag => onPage.filter(id => this.tagsById(id).includes(tag)).length,
      toggle: (tag, remove) => {
        this.queue.push({ type: "tag", ids, tag, remove });
        this.view.about.changed(ids, tag, remove);
        this.paint();
      },
      onClose,
    });
  }

  showSimilar(index = this.cursor) {
    const item = this.items[index];
    if (!item) return;
    if (item.kind === "failed") { this.notice("This file could not be read: nothing is known to be similar"); return; }
    this.queue.push({ type: "similar", ids: [item.id] });
    this.notice(`Looking for images like ${item.name}`);
  }

  showLarge(index = this.cursor) {
    if (!this.items.length) return;
    this.view.showSingle({
      sides: this.items,
      index,
      onStep: side => {
        const place = this.items.findIndex(item => item.id === side.id);
        if (place >= 0) this.move(place, false);
      },
      onEnd: by => this.goOn(by),
      compare: side => this.compareOne(this.byId.get(side.id)),
    });
  }

  /** Beyond the pictures of the large view: what came onto this page meanwhile, else the next page. */
  goOn(by) {
    if (this.asked("page") !== undefined) return;  // a page is on its way; another press must not skip it
    const seen = new Set(this.view.sides.map(side => side.id));
    const unseen = by > 0 ? this.items.findIndex(item => !seen.has(item.id)) : -1;
    if (unseen >= 0) { this.showLarge(unseen); return; }
    this.turn(by);
    this.backwards = by < 0;
  }

  /** Two or more selected images with each other; else one card with its match. */
  compareChosen(index) {
    const chosen = this.targets(index).map(id => this.byId.get(id)).filter(Boolean);
    if (chosen.length > 1) this.compareMany(chosen);
    else this.compareOne(chosen[0] ?? this.items[this.cursor]);
  }

  compareMany(chosen) {
    const left = chosen.find(item => item.role === "keeper") ?? chosen[0];
    this.view.showPair({ left, candidates: chosen.filter(item => item !== left).map(item => relativeTo(left, item)) });
  }

  compareOne(item) {
    if (!item) return;
    const mates = this.items.filter(each => each !== item && each.group >= 0 && each.group === item.group);
    if (item.role === "keeper" && mates.length) this.compareMany([item, ...mates]);
    else if (item.match) this.view.showPair({ left: item.match, candidates: [item] });
    else if (mates.length) this.compareMany([item, ...mates]);
    else this.notice("Select two images to compare them");
  }

  // ---- input

  indexOf(event) {
    const id = event.target.closest(".cell")?.dataset.id;
    return this.items.findIndex(item => item.id === id);
  }

  onClick(event) {
    const index = this.indexOf(event);
    if (index < 0) return;
    this.grid.focus({ preventScroll: true });
    const act = event.target.closest("button")?.dataset.do;
    if (act) this.cardButton(act, index);
    else if (event.shiftKey) this.selectRange(index);
    else if (event.ctrlKey || event.metaKey || event.target.closest(".check")) this.toggle(index);
    else this.selectOnly(index);
  }

  cardButton(act, index) {
    this.cursor = index;
    this.paint();
    ({ tag: () => this.openTags(index), similar: () => this.showSimilar(index),
      compare: () => this.compareOne(this.items[index]) })[act]();
  }

  /** By the right mouse button on a card, or by the key for menus on the current one. */
  onMenu(event) {
    const hit = this.indexOf(event);
    const index = hit >= 0 ? hit : this.cursor;
    const item = this.items[index];
    if (!item) return;
    event.preventDefault();
    this.cursor = index;
    this.paint();
    const box = this.cells.get(item.id).getBoundingClientRect();
    const [x, y] = event.button === 2 ? [event.clientX, event.clientY] : [box.left + 12, box.top + 12];
    this.cardMenu.show({ x, y, entries: this.entriesOf(item, index), onClose: () => this.grid.focus({ preventScroll: true }) });
  }

  entriesOf(item, index) {
    const decide = action => () => this.queue.push({ type: "decide", action, ids: [item.id] });
    const copies = this.data.decides && item.group >= 0;
    return [
      { words: "Open large", key: "Enter", act: () => this.showLarge(index) },
      { words: "Show similar images", key: "S", act: () => this.showSimilar(index) },
      { words: "Compare", key: "C", act: () => this.compareOne(item) },
      { words: "Tag…", key: "T", act: () => this.openTags(index) },
      { words: "Copy path", act: () => this.copyPath(item) },
      ...(this.data.reveals ? [{ words: "Show in its folder", act: () => this.queue.push({ type: "reveal", ids: [item.id] }) }] : []),
      ...(copies ? [{ words: "Keep this, let its copies go", act: decide("keep") },
        { words: "Let this copy go", act: decide("drop") }] : []),
    ];
  }

  async copyPath(item) {
    const told = item.about ? await ask(item.about) : {};
    const copied = await copyText(told.copied ?? item.path, this.root);
    this.notice(copied ? "The path is on the clipboard" : "This browser does not let the app copy; the large view shows the path");
  }

  onDoubleClick(event) {
    const index = this.indexOf(event);
    if (index >= 0 && !event.target.closest("button, .check")) this.showLarge(index);
  }

  onToolbar(event) {
    const act = event.target.closest("button")?.dataset.do;
    if (!act) return;
    this.grid.focus({ preventScroll: true });
    ({ tag: () => this.openTags(), compare: () => this.compareChosen(), clear: () => this.select([]),
      page: () => this.selectPage(), help: () => this.help.showModal() })[act]();
  }

  /** Handled keys stop here, so that the page's own shortcuts stay quiet while the grid has the focus. */
  onKey(event) {
    if (event.isComposing || event.altKey || !this.items.length) return;
    const key = keyName(event);
    const command = event.ctrlKey || event.metaKey;
    const handle = command ? (key === "a" ? () => this.selectPage() : undefined) : this.keys(event.shiftKey)[key];
    if (!handle || (event.target.closest("button") && (key === "Enter" || key === " "))) return;
    event.preventDefault();
    event.stopPropagation();
    this.grid.dataset.input = "keys";
    handle();
  }

  keys(shift) {
    const columns = getComputedStyle(this.row).gridTemplateColumns.split(" ").length;
    const to = index => () => this.move(index, shift);
    return {
      ArrowRight: to(this.cursor + 1), ArrowLeft: to(this.cursor - 1), ArrowDown: to(this.cursor + columns),
      ArrowUp: to(this.cursor - columns), Home: to(0), End: to(this.items.length - 1),
      " ": () => this.toggle(this.cursor), Enter: () => this.showLarge(),
      Escape: this.selection.length ? () => this.select([]) : undefined,
      t: () => this.openTags(), s: () => this.showSimilar(), c: () => this.compareChosen(),
      d: () => this.compareChosen(), "?": () => this.help.showModal(),
      ...(this.data.paging ? { PageDown: () => this.turn(1), PageUp: () => this.turn(-1) } : {}),
    };
  }
}

/** First, previous, next and last page, and a field for any other. */
class Pager {
  constructor(nav, onTurn) {
    this.nav = nav;
    const button = (text, label, to) => el("button", { type: "button", title: label, "aria-label": label, text,
      onclick: () => onTurn(to()) });
    this.number = 1;
    this.of = 1;
    this.back = [button("«", "First page", () => 1), button("‹", "Previous page (PageUp)", () => this.number - 1)];
    this.on = [button("›", "Next page (PageDown)", () => this.number + 1), button("»", "Last page", () => this.of)];
    this.field = el("input", { type: "number", min: "1", class: "number", "aria-label": "Page" });
    this.field.addEventListener("change", () => onTurn(Math.round(Number(this.field.value)) || 1));
    this.field.addEventListener("keydown", event => event.stopPropagation());
    this.total = el("span", { class: "number" });
    nav.replaceChildren(...this.back, el("span", { class: "quiet", text: "Page" }), this.field, this.total, ...this.on);
  }

  paint(number, of) {
    Object.assign(this, { number, of });
    this.nav.hidden = of < 2;
    this.field.value = String(number);
    this.field.max = String(of);
    setText(this.total, `of ${of.toLocaleString("en")}`);
    for (const button of this.back) button.disabled = number <= 1;
    for (const button of this.on) button.disabled = number >= of;
  }
}

/** The page's bar that stays at the top; `height` is what it covers, 0 where it scrolls away. `onChange` follows it. */
function watchBar(onChange) {
  const bar = document.querySelector(".st-key-bar");
  const watched = {
    get height() {
      const wrapper = bar?.parentElement;
      return wrapper && getComputedStyle(wrapper).position === "sticky" ? wrapper.getBoundingClientRect().height : 0;
    },
    disconnect() { resizes.disconnect(); },
  };
  const resizes = new ResizeObserver(onChange);
  if (bar) resizes.observe(bar);
  return watched;
}

/** `item` as a candidate beside `left`; what is known about another pair is left out. */
function relativeTo(left, item) {
  if (item.match?.id === left.id) return item;
  if (left.match?.id === item.id) {
    return { ...item, distance: left.distance, relation: left.relation, affine: inverse(left.affine) };
  }
  return { ...item, distance: null, relation: "", affine: null };
}

// ---- one card

function makeCell(item) {
  const cardButton = (name, title) => el("button", { type: "button", tabindex: "-1", "data-do": name, title,
    "aria-label": title }, icon(name));
  const buttons = el("div", { class: "buttons" }, cardButton("tag", "Tag (T)"),
    cardButton("similar", "Show similar images (S)"), cardButton("compare", "Compare (C)"));
  const tile = el("div", { class: "tile" }, el("div", { class: "badges" }), el("div", { class: "tags" }),
    el("span", { class: "check", "aria-hidden": "true" }), buttons);
  const text = el("div", { class: "text" },
    el("div", { class: "line" }, el("span", { class: "name cut" }), el("span", { class: "value number" })),
    el("div", { class: "description" }));
  return el("div", { class: "cell", role: "gridcell", id: `cell-${item.id}`, "data-id": item.id },
    el("div", { class: "card" }, tile, text));
}

function fillCell(cell, item) {
  const signature = JSON.stringify(item);
  if (cell.signature === signature) return;
  cell.signature = signature;
  const part = name => cell.querySelector(`.${name}`);
  cell.dataset.kind = item.kind;
  cell.classList.toggle("company", Boolean(item.company));
  const spoken = [item.name, item.role === "keeper" ? "keeper" : item.kind, item.value, item.error || item.description];
  cell.setAttribute("aria-label", spoken.filter(Boolean).join(", "));
  fillName(part("name"), item.name);
  part("name").title = item.path;
  setText(part("value"), item.value ?? "");
  setText(part("description"), item.description ?? "");
  part("description").title = item.description ?? "";
  part("badges").replaceChildren(...badges(item));
  if (cell.thumb !== item.thumb) {
    cell.thumb = item.thumb;
    showThumbnail(part("tile"), item);
  }
  const tile = part("tile");
  tile.querySelector(".shapes")?.remove();
  if (item.shapes?.length) tile.append(shapesOnCard(item));
}

/** Annotations over a thumbnail. Their words, of which small cards have room for none, grow with the card from there on. */
function shapesOnCard(item) {
  const svg = shapesOver(item.shapes, [item.width, item.height]);
  scaleShapes(svg, ROOM_FOR_WORDS / Math.max(item.width, item.height * 4 / 3));  // a tile is as wide as four thirds of its height
  svg.setAttribute("preserveAspectRatio", "xMidYMid meet");  // as the thumbnail lies in its tile
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("on-card");
  return svg;
}

function badges(item) {
  const keeper = item.role === "keeper";
  const words = [keeper ? "keeper" : null, keeper && item.kind === "unique" ? null : item.kind,
    item.decided === "goes" ? "goes" : null, item.company ? "not selected" : null].filter(Boolean);
  return words.map(word => el("span", { class: `chip ${word.replace(" ", "-")}`, text: word, title: BADGE_TITLES[word] }));
}

const BADGE_TITLES = {
  keeper: "The one of its group that should stay", exact: "Exact duplicate", near: "Near duplicate",
  goes: "Decided to go: the removal plan takes it out",
  "not selected": "Shown for its group; the selection leaves it out",
  similar: "Similar, but not a duplicate", unique: "No duplicate in this dataset", failed: "Could not be read",
};

function showThumbnail(tile, item) {
  tile.querySelector("img, .broken")?.remove();
  if (item.kind === "failed" || !item.thumb) {
    tile.prepend(brokenTile(item.error || "Could not be read"));
    return;
  }
  const image = el("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  image.addEventListener("error", async () => {
    const broken = brokenTile("Cannot be shown");
    image.replaceWith(broken);
    const answer = await fetch(item.thumb).catch(() => null);
    const reason = answer && !answer.ok && answer.headers.get("content-type")?.startsWith("text/plain")
      ? (await answer.text()).slice(0, 200) : "";
    if (reason) setText(broken.lastChild, reason);
  });
  image.src = item.thumb;
  tile.prepend(image);
}

function brokenTile(reason) {
  return el("div", { class: "broken", title: reason }, el("span", { class: "sign", text: "⚠" }),
    el("span", { text: reason }));
}

function fillTags(cell, tags, colours) {
  const node = cell.querySelector(".tags");
  const signature = JSON.stringify(tags.map(tag => [tag, colours.get(tag)]));
  if (node.signature === signature) return;
  node.signature = signature;
  node.title = tags.join(", ");
  node.replaceChildren(...tags.map(tag => {
    const chip = el("span", { class: "tag", text: tag });
    chip.style.setProperty("--tag", colours.get(tag) ?? "var(--failed)");
    return chip;
  }));
}

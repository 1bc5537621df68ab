// The review: one strip per group, painted from Python's data plus whatever is still waiting in the event queue.

const REVIEW_KEYS = [["↓ J S", "next group (skip this one)"], ["↑", "previous group"], ["← → 1…9", "choose a copy"],
  ["Enter A", "accept: the keeper stays, the others go"], ["K", "keep the chosen copy, the others go"],
  ["R Delete", "remove the chosen copy"], ["N", "not a duplicate: keep both"],
  ["O", "open again: forget what was decided here"], ["U Shift+U", "undo, redo"], ["C", "compare at full resolution"], ["L", "look at the clash of labels"],
  ["PageDown PageUp", "next, previous page of groups"], ["?", "this list"]];
const PAIR_ACTIONS = [{ name: "accept", label: "Accept", key: "Enter" }, { name: "keep", label: "Keep the copy", key: "k" },
  { name: "drop", label: "Remove the copy", key: "r" }, { name: "apart", label: "Not a duplicate", key: "n" },
  { name: "undo", label: "Undo", key: "u" }, { name: "down", label: "Next group", key: "j" }];
const FATE_WORDS = { keeper: "stays", drop: "goes", keep: "stays too", apart: "not a duplicate" };
const DECIDING = new Set(["accept", "keep", "drop", "apart", "reopen"]);
const NOTICE_MS = 4000;
const SHARP_COPIES = 4;  // so many copies of the current group are shown from their files, not from thumbnails
const SHARPEN_MS = 150;
const DIFFERENCE_GAIN = 4;
const TILE_PIXELS = 300_000;  // of the difference beside the copies: what a card has room for

export default hosted(root => new Review(root));

/** What a strip shows once `event` is applied; `Python` decides, this only foresees it. */
function foresee(strip, { action, ids: [id] }) {
  const members = strip.members.map(member => ({ ...member }));
  const focus = members.find(member => member.id === id);
  const open = members.filter(member => member.fate === "open" && member.id !== strip.keeper);
  let keeper = strip.keeper;
  const leave = member => { member.fate = member.protected ? "keep" : "drop"; };
  const stay = member => { keeper = member.id; member.fate = "keeper"; };
  if (action === "accept") open.forEach(leave);
  if (action === "keep") {
    const others = members.filter(member => member !== focus);
    others.filter(member => member.fate !== "apart").forEach(leave);
    if (id !== keeper) others.filter(member => member.fate === "apart").forEach(member => { member.fate = "open"; });
    stay(focus);
  }
  if (action === "drop" && focus.id === keeper) {
    const rest = members.filter(member => member !== focus && member.fate !== "apart");
    const heir = rest.find(member => member.id === strip.heir && member.fate !== "drop")
      ?? rest.find(member => member.fate !== "drop") ?? rest[0];
    if (heir) stay(heir);
  }
  if (action === "drop" && focus.id !== keeper) leave(focus);
  if (action === "apart") {
    const others = members.filter(member => member.id !== strip.keeper);
    const twins = others.filter(member => member.content === focus.content);  // what is told apart is told of contents
    const meant = id !== strip.keeper ? twins : open.length ? open : others;
    for (const member of meant) member.fate = member.kind === "exact" ? "keep" : "apart";
  }
  if (action === "reopen") for (const member of members) member.fate = member.id === keeper ? "keeper" : "open";
  const left = members.some(member => member.fate === "open" && member.id !== keeper);
  const clash = ["keep", "drop"].includes(action) ? "" : strip.clash;
  return { ...strip, members, keeper, clash, open: left, decided: action !== "reopen" };
}

class Review {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".strips");
    this.deck = root.querySelector(".deck");
    this.nodes = new Map();
    this.strips = [];
    this.trail = [];  // the strips as they were before each act, for undo
    this.undone = new Map();  // number of an undo to the strip that it brings back
    this.cursor = this.focus = 0;
    this.view = new CompareView(root);
    this.help = keyHelp("Keys of the review", REVIEW_KEYS);
    root.append(this.help);
    root.addEventListener("keydown", event => this.onKey(event));
    this.deck.addEventListener("click", event => this.onButton(event));
    this.list.addEventListener("click", event => this.onClick(event));
    this.list.addEventListener("dblclick", event => { if (this.locate(event)) this.compare(); });
    this.list.addEventListener("pointermove", event => this.wipe(event));
    this.list.addEventListener("pointerout", event => { if (!event.relatedTarget?.closest?.(".tile")) this.unwipe(); });
  }

  destroy() {
    clearTimeout(this.noticeTimer);
    clearTimeout(this.preloadTimer);
    clearTimeout(this.sharpenTimer);
    this.view.destroy();
    this.queue.disconnect();
  }

  // ---- data in

  update(data, deliver) {
    this.queue = eventQueue(data.key);
    this.queue.connect(deliver, data.ack);
    const first = this.data === undefined;
    const turned = !first && data.sheet.number !== this.data.sheet.number;
    const current = this.strips[this.cursor] && idOf(this.strips[this.cursor]);
    this.data = data;
    this.askAgain();
    const news = first ? [] : data.told.filter(told => told.number > this.told);
    this.told = data.told.at(-1)?.number ?? 0;
    applyPalette(this.root, data.palette);
    this.strips = this.foreseen();
    const refused = this.refusedOf(news);
    const found = this.strips.findIndex(strip => idOf(strip) === current);
    if (refused >= 0) this.startAt(refused);
    else if (found >= 0) this.cursor = found;
    else this.startAt(this.backwards ? this.strips.length - 1 : this.firstOpen());
    this.backwards = false;
    this.lay();
    this.paint();
    if (news.length) this.notice(news.at(-1).words);
    if (first && deepActiveElement() === document.body) this.list.focus({ preventScroll: true });
    if (turned || news.length || (found < 0 && this.cursor > 0)) this.reveal();
    if ((turned || refused >= 0) && this.view.open) this.compare();
    this.preload();
  }

  /** The place of the group whose decision Python refused first, by any image of it; -1 when it refused none. */
  refusedOf(news) {
    const refused = news.map(told => this.trail.findIndex(strip => has(strip, told.refused))).filter(place => place >= 0);
    if (!refused.length) return -1;
    const meant = this.trail[refused[0]].members.map(member => member.id);
    this.trail = this.trail.filter((strip, place) => !refused.includes(place));
    return this.strips.findIndex(strip => has(strip, meant));
  }

  /** A turn of the page that Python took but, interrupted, did not make. */
  askAgain() {
    if (!this.wanted || this.queue.waiting("action").some(event => event.action === "turn")) return;
    const missing = this.wanted !== this.data.sheet.number && this.wanted <= this.data.sheet.of;
    if (missing) this.queue.push({ type: "action", action: "turn", ids: [], tag: String(this.wanted) });
    this.wanted = 0;
  }

  startAt(index) {
    this.cursor = clamp(index, 0, Math.max(0, this.strips.length - 1));
    this.focus = this.suggestedFocus();
  }

  firstOpen() {
    return Math.max(0, this.strips.findIndex(strip => strip.open));
  }

  /** Python's strips with every act and undo applied that it has not taken yet. */
  foreseen() {
    const strips = [...this.data.strips];
    for (const event of this.queue.waiting("action")) {
      const before = this.undone.get(event.seq);
      const id = before ? idOf(before) : event.ids[0];
      const index = strips.findIndex(strip => strip.members.some(member => member.id === id));
      if (index < 0) continue;
      if (before) strips[index] = before;
      else if (DECIDING.has(event.action)) strips[index] = foresee(strips[index], event);
    }
    return strips;
  }

  refresh() {
    this.strips = this.foreseen();
    this.lay();
    this.paint();
  }

  /** Keep the nodes that stay, make new ones, drop the others. */
  lay() {
    const wanted = new Set(this.strips.map(idOf));
    for (const [id, node] of this.nodes) {
      if (wanted.has(id)) continue;
      node.remove();
      this.nodes.delete(id);
    }
    this.strips.forEach((strip, index) => {
      const id = idOf(strip);
      let node = this.nodes.get(id);
      if (!node) this.nodes.set(id, node = el("div", { class: "strip-row", role: "listitem", "data-id": id }));
      if (this.list.children[index] !== node) this.list.insertBefore(node, this.list.children[index] ?? null);
      fillStrip(node, strip, this.data.tags);
    });
  }

  paint() {
    this.strips.forEach((strip, index) => {
      const node = this.nodes.get(idOf(strip));
      node.classList.toggle("current", index === this.cursor);
      node.querySelectorAll(".copy").forEach((copy, place) =>
        copy.classList.toggle("focus", index === this.cursor && place === this.focus));
    });
    this.paintDifferences();
    const { before, total } = this.data.sheet;
    setText(this.deck.querySelector(".place"), `Group ${(before + this.cursor + 1).toLocaleString("en")} of ${total.toLocaleString("en")}`);
    this.deck.querySelector("[data-do=accept]").disabled = !this.acceptable(this.current);
  }

  // ---- differences, seen without opening anything

  /** Beside each group what its chosen copy differs in from the one that stays; the current group from its files. */
  paintDifferences() {
    this.strips.forEach((strip, index) => {
      const node = this.nodes.get(idOf(strip));
      const current = index === this.cursor;
      if (current) this.sharpenSoon(node, strip);
      const copy = strip.members[current ? this.focus : 1];
      const keeper = strip.members.find(member => member.id === strip.keeper);
      const shown = copy?.id === strip.keeper ? strip.members.find(member => member.id !== strip.keeper) : copy;
      if (keeper && shown) paintDifference(node, keeper, shown, () => this.paintDifferences());
    });
  }

  /** The current group from its files, for cards are larger than thumbnails; not of those that are only passed by. */
  sharpenSoon(node, strip) {
    clearTimeout(this.sharpenTimer);
    this.sharpenTimer = setTimeout(() => sharpen(node, strip, () => this.paintDifferences()), SHARPEN_MS);
  }

  /** Left of the mouse the one that stays, laid onto the copy; right of it the copy. */
  wipe(event) {
    const tile = event.target.closest(".copy .tile");
    const strip = this.strips.find(each => idOf(each) === event.target.closest(".strip-row")?.dataset.id);
    const copy = strip?.members.find(member => member.id === tile?.closest(".copy").dataset.id);
    const keeper = strip?.members.find(member => member.id === strip.keeper);
    if (!copy || !keeper || copy === keeper || event.target.closest(".acts")) { this.unwipe(); return; }
    if (this.wiped?.parentNode !== tile) {
      this.unwipe();
      this.wiped = wipeOf(tile, keeper, copy);
      tile.append(this.wiped);
    }
    const box = tile.getBoundingClientRect();
    this.wiped.style.setProperty("--at", `${clamp(100 * (event.clientX - box.left) / box.width, 0, 100)}%`);
  }

  unwipe() {
    this.wiped?.remove();
    this.wiped = null;
  }

  // ---- where the person is

  get current() {
    return this.strips[this.cursor];
  }

  get chosen() {
    return this.current?.members[this.focus];
  }

  acceptable(strip) {
    return Boolean(strip) && strip.open && !strip.clash;
  }

  /** The first copy that is open, for it is what the next key is about. */
  suggestedFocus() {
    const strip = this.current;
    const open = strip?.members.findIndex(member => member.fate === "open" && member.id !== strip.keeper) ?? -1;
    return open >= 0 ? open : Math.min(1, (strip?.members.length ?? 1) - 1);
  }

  go(index) {
    if (index < 0 || index >= this.strips.length) return this.turn(index < 0 ? "previous" : "next");
    this.startAt(index);
    this.paint();
    this.reveal();
    this.preload();
    if (this.view.open) this.compare();
    return true;
  }

  turn(action) {
    const { number, of } = this.data.sheet;
    const possible = action === "next" ? number < of : number > 1;
    if (possible) {
      this.backwards = action === "previous";
      this.wanted = number + (action === "next" ? 1 : -1);
      this.queue.push({ type: "action", action: "turn", ids: [], tag: String(this.wanted) });
    } else this.notice(action === "next" ? "This was the last group" : "This is the first group");
    return possible;
  }

  /** After a decision: the next open copy of this group, else the next open group. */
  advance() {
    if (this.current.open) {
      this.focus = this.suggestedFocus();
      this.paint();
      if (this.view.open) this.compare();
      return;
    }
    const next = this.strips.findIndex((strip, index) => index > this.cursor && strip.open);
    if (next >= 0) { this.go(next); return; }
    this.paint();
    const more = this.data.sheet.number < this.data.sheet.of && this.turn("next");
    if (!more) {
      this.view.open && this.view.close();
      const passed = this.strips.findIndex(strip => strip.open);
      this.notice(passed >= 0 ? "End of the list; skipped groups are still open" : "Every group of this list is decided");
    }
  }

  reveal() {
    const node = this.nodes.get(idOf(this.current));
    node?.scrollIntoView({ block: "nearest", inline: "nearest" });
    node?.querySelectorAll(".copy")[this.focus]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** The full pictures of the next group, so that it is there when its turn comes. */
  preload() {
    clearTimeout(this.preloadTimer);
    const next = this.strips.find((strip, index) => index > this.cursor && strip.open);
    const urls = next ? next.members.slice(0, 4).map(member => member.full) : this.data.preload;
    this.preloadTimer = setTimeout(() => { for (const url of urls) new Image().src = url; }, 200);
  }

  notice(text) {
    const node = this.deck.querySelector(".notice");
    setText(node, text);
    node.title = text;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => setText(node, ""), NOTICE_MS);
  }

  // ---- what a person does

  act(action, member = this.chosen, inSight = this.inSight()) {
    const strip = this.current;
    if (!strip || !member) return;
    if (!inSight) {
      this.reveal();
      this.notice("This group was out of sight: look at it, then decide");
      return;
    }
    const refusal = this.refusal(action, strip, member);
    if (refusal) { this.notice(refusal); return; }
    const ids = action === "accept" ? [strip.keeper] : action === "reopen" ? strip.members.map(each => each.id) : [member.id];
    this.trail.push(strip);
    this.queue.push({ type: "action", action, ids });
    this.refresh();
    if (action === "reopen") this.focus = this.suggestedFocus();
    if (action === "reopen") this.paint(); else this.advance();
  }

  /** Whether the chosen copy is to be seen: a key decides nothing that a person scrolled away from. */
  inSight() {
    const copy = this.nodes.get(idOf(this.current))?.querySelectorAll(".copy")[this.focus];
    const { top = 0, bottom = 0 } = copy?.getBoundingClientRect() ?? {};
    const middle = (top + bottom) / 2;
    return this.view.open || (middle > this.deck.getBoundingClientRect().bottom && middle < window.innerHeight);
  }

  /** Why an act makes no sense here, "" when it does. */
  refusal(action, strip, member) {
    if (action === "reopen") return "";
    if (action === "accept" && strip.clash) return "The labels clash: choose the copy to keep yourself (K)";
    if (action === "accept" && !strip.open) return "This group is decided";
    if (member.fate === "apart") return "This copy was told apart; O opens the group again";
    if (action === "drop" && member.protected) return "Its folder is protected: it always stays";
    return "";
  }

  undo() {
    this.queue.push({ type: "action", action: "undo", ids: [] });
    const before = this.trail.pop();
    if (before) this.undone.set(this.queue.seq, before);
    const index = this.strips.findIndex(strip => idOf(strip) === idOf(before));
    this.refresh();
    if (index >= 0) this.go(index);
  }

  /** Where labels clash, they are looked at on the page that is about them. */
  lookAtLabels() {
    if (this.current?.clash) {
      this.queue.push({ type: "action", action: "clash", ids: this.current.members.map(member => member.id) });
    } else this.notice("The labels of this group do not clash");
  }

  /** The keeper beside its copies; the chosen one first on show. */
  compare() {
    const strip = this.current;
    if (!strip) return;
    const left = strip.members.find(member => member.id === strip.keeper) ?? strip.members[0];
    const others = strip.members.filter(member => member !== left);
    this.view.showPair({
      left, candidates: others, index: Math.max(0, others.indexOf(this.chosen)), mode: this.view.open ? this.view.mode : "side",
      actions: PAIR_ACTIONS.filter(action => action.name !== "accept" || this.acceptable(strip)),
      onClose: () => this.list.focus({ preventScroll: true }),
      onAction: (name, ids) => {
        const member = strip.members.find(each => each.id === ids[1]);
        this.focus = strip.members.indexOf(member);
        this.paint();
        if (name === "undo") this.undo();
        else if (name === "down") this.go(this.cursor + 1);
        else this.act(name, this.chosen);
      },
    });
  }

  // ---- input

  /** The strip and copy of an event become the current ones. */
  locate(event) {
    const index = this.strips.findIndex(strip => idOf(strip) === event.target.closest(".strip-row")?.dataset.id);
    if (index < 0) return false;
    const copy = event.target.closest(".copy");
    if (index !== this.cursor) this.startAt(index);
    if (copy) this.focus = [...copy.parentElement.querySelectorAll(".copy")].indexOf(copy);
    this.paint();
    return true;
  }

  onClick(event) {
    this.list.focus({ preventScroll: true });
    if (!this.locate(event)) return;
    const button = event.target.closest("button")?.dataset.do;
    if (DECIDING.has(button)) this.act(button, this.chosen, true);
    else if (button) this.commands()[button]();
  }

  onButton(event) {
    const button = event.target.closest("button")?.dataset.do;
    if (!button) return;
    this.list.focus({ preventScroll: true });
    this.commands()[button]();
  }

  commands() {
    const act = name => () => this.act(name);
    return { up: () => this.go(this.cursor - 1), down: () => this.go(this.cursor + 1), accept: act("accept"), keep: act("keep"),
      drop: act("drop"), apart: act("apart"), reopen: act("reopen"), compare: () => this.compare(), clash: () => this.lookAtLabels(), undo: () => this.undo(),
      redo: () => this.queue.push({ type: "action", action: "redo", ids: [] }), help: () => this.help.showModal() };
  }

  /** Handled keys stop here, so that the page's own shortcuts stay quiet while the review has the focus. */
  onKey(event) {
    if (event.isComposing || event.altKey || !this.strips.length) return;
    const key = keyName(event);
    const command = event.ctrlKey || event.metaKey;
    const handle = command ? (key === "z" ? (event.shiftKey ? this.commands().redo : this.commands().undo) : undefined)
      : event.shiftKey && key === "u" ? this.commands().redo : this.keys()[key];
    if (!handle || (event.target.closest("button") && (key === "Enter" || key === " "))) return;
    event.preventDefault();
    event.stopPropagation();
    handle();
  }

  keys() {
    const { up, down, accept, keep, drop, apart, reopen, compare, clash, undo, help } = this.commands();
    const choose = place => () => {
      this.focus = clamp(place, 0, this.current.members.length - 1);
      this.paint();
      this.reveal();
    };
    const digits = Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map(digit => [String(digit), choose(digit - 1)]));
    return { ...digits, ArrowDown: down, j: down, s: down, ArrowUp: up, ArrowRight: choose(this.focus + 1),
      ArrowLeft: choose(this.focus - 1), Enter: accept, a: accept, k: keep, r: drop, Delete: drop, n: apart, o: reopen,
      u: undo, c: compare, l: clash, PageDown: () => this.turn("next"), PageUp: () => this.turn("previous"), "?": help };
  }
}

/** A strip is known by the image that was first when it was listed. */
function idOf(strip) {
  return strip?.members[0].id;
}

/** Whether any of the images that `ids` name is in a strip. */
function has(strip, ids) {
  return strip.members.some(member => ids.includes(member.id));
}

// ---- one strip

function fillStrip(node, strip, colours) {
  const signature = JSON.stringify([strip, colours]);
  if (node.signature === signature) return;
  node.signature = signature;
  node.classList.toggle("decided", !strip.open);
  node.classList.toggle("clashing", Boolean(strip.clash));
  const differs = strip.members.some(member => member.id !== strip.keeper && member.kind !== "exact");
  node.replaceChildren(head(strip), el("div", { class: "copies" },
    ...strip.members.map((member, place) => copyCard(strip, member, place, colours)), differs ? differenceCard() : null,
    strip.hidden ? el("div", { class: "more quiet", text: `and ${strip.hidden.toLocaleString("en")} more like these` }) : null));
}

function head(strip) {
  const count = strip.members.length + strip.hidden;
  const keeper = strip.members.find(member => member.id === strip.keeper);
  const button = (name, text, title) => el("button", { type: "button", tabindex: "-1", "data-do": name, text, title });
  const why = strip.clash ? el("span", { class: "why clash" }, el("b", { text: "Labels clash: " }), `${strip.clash}. Choose the copy to keep yourself.`)
    : el("span", { class: "why" }, keeper ? el("b", { text: `${keeper.name} ` }) : null, `stays: ${strip.reason || "no copy of it goes"}`);
  return el("header", {}, el("span", { class: "number many", text: `${count.toLocaleString("en-US")} ${count === 1 ? "image" : "images"}` }),
    el("span", { class: "number quiet", text: `saves ${formatBytes(strip.saved)}` }), why, el("span", { class: "spring" }),
    el("span", { class: "buttons" },
      strip.open ? null : el("span", { class: "done", text: "✓ decided" }),
      strip.open && !strip.clash ? button("accept", "Accept", "The keeper stays, the others go (Enter)") : null,
      strip.open ? null : button("reopen", "Open again", "Forget what was decided here (O)"),
      strip.clash ? button("clash", "Look at the labels", "Open Label clashes (L)") : null,
      button("compare", "Compare", "Compare at full resolution (C)")));
}

function copyCard(strip, member, place, colours) {
  const stays = member.id === strip.keeper;
  const fate = stays ? "keeper" : member.fate;
  const undecided = fate === "open" || (stays && (strip.open || strip.clash));
  const badge = stays && strip.clash ? null : stays ? "keeper" : member.kind;
  const image = el("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false", src: member.thumb });
  image.addEventListener("error", () => image.replaceWith(el("div", { class: "broken quiet", text: "Cannot be shown" })));
  const act = (name, text) => el("button", { type: "button", tabindex: "-1", "data-do": name, text });
  const distance = !stays && typeof member.distance === "number" ? `distance ${member.distance.toFixed(3)}` : "";
  return el("article", { class: "copy", "data-id": member.id, "data-fate": undecided ? "" : fate },
    el("div", { class: "tile" }, image, el("div", { class: "badges" },
      badge ? el("span", { class: `chip ${badge}`, text: badge }) : null,
      member.protected ? el("span", { class: "chip locked", text: "protected" }) : null),
      undecided ? null : el("span", { class: `fate ${fate}`, text: FATE_WORDS[fate] }),
      el("span", { class: "digit", text: place < 9 ? String(place + 1) : "" }),
      el("div", { class: "acts" }, act("keep", "Keep"), act("drop", "Remove"), stays ? null : act("apart", "Not a duplicate"))),
    el("div", { class: "text" }, nameOf(member),
      folderOf(member) ? el("div", { class: "quiet path", text: folderOf(member), title: member.path }) : null,
      el("div", { class: "relation", text: stays ? "" : member.relation }),
      el("div", { class: "quiet number facts" }, el("span", { text: facts(member) }), distance ? el("span", { text: distance }) : null),
      el("div", { class: "labels" }, ...member.classes.map(name => el("span", { class: "label", text: name, title: "class" })),
        member.split ? el("span", { class: "label split", text: `split: ${member.split}` }) : null,
        ...member.tags.map(name => {
          const tag = el("span", { class: "label tag", text: name, title: "tag" });
          tag.style.setProperty("--tag", colours[name] ?? "var(--failed)");
          return tag;
        }))));
}

function nameOf(member) {
  const name = el("div", { class: "name cut", title: member.path });
  fillName(name, member.name);
  return name;
}

function differenceCard() {
  return el("figure", { class: "difference" }, el("div", { class: "tile" }, el("canvas")),
    el("figcaption", { class: "text" }, el("b", { class: "what" }), el("span", { class: "quiet number told" })));
}

/** Paint `copy` minus `keeper` into a group's card; `again` paints what is chosen then, when a picture has come. */
function paintDifference(node, keeper, copy, again) {
  const card = node.querySelector(".difference");
  if (!card) return;
  const pictures = [keeper, copy].map(member => pictureOf(node, member));
  const pending = pictures.find(each => each && !each.complete);
  if (pending || pictures.some(each => !each?.naturalWidth)) {
    clearDifference(card, pending ? "" : "cannot be shown");
    pending?.addEventListener("load", again, { once: true });
    return;
  }
  const [left, right] = pictures;
  const signature = [left.src, right.src].join(" ");
  if (card.signature === signature) return;
  card.signature = signature;
  const canvas = card.querySelector("canvas");
  const matrix = copy.affine ? sixOf(copy.affine) : fitting(sizeOf(keeper), sizeOf(copy));
  drawDifference(canvas, { picture: left, size: sizeOf(keeper) }, { picture: right, size: sizeOf(copy) }, matrix, TILE_PIXELS);
  canvas.style.filter = `brightness(${DIFFERENCE_GAIN})`;
  const mean = meanOf(canvas);
  const same = copy.content === keeper.content;
  card.classList.toggle("same", same);
  setText(card.querySelector(".what"), same ? "Nothing differs" : `What differs, × ${DIFFERENCE_GAIN}`);
  setText(card.querySelector(".told"), same ? `${copy.name} has the very pixels of the one that stays`
    : mean === null ? "the two do not overlap"
      : `${copy.name}: mean ${mean < 0.05 ? "below 0.1" : mean.toFixed(1)} of 255, at this size`);
}

function clearDifference(card, words) {
  card.signature = "";
  card.classList.remove("same");
  card.querySelector("canvas").width = 0;
  setText(card.querySelector(".what"), "What differs");
  setText(card.querySelector(".told"), words);
}

function pictureOf(node, member) {
  return [...node.querySelectorAll(".copy")].find(copy => copy.dataset.id === member.id)?.querySelector(".tile > img");
}

/** @returns {[number, number]} */
function sizeOf(member) {
  return [member.width || 4, member.height || 3];
}

/** Show the copies of a group from their files; `again` paints the difference anew. */
function sharpen(node, strip, again) {
  for (const member of strip.members.slice(0, SHARP_COPIES)) {
    const image = pictureOf(node, member);
    if (!image || image.dataset.sharp) continue;
    image.dataset.sharp = "1";
    const full = new Image();
    full.addEventListener("load", () => {
      image.addEventListener("load", again, { once: true });
      image.src = full.src;
    });
    full.src = member.full;
  }
}

/** The keeper laid onto the tile of a copy, cut at --at. */
function wipeOf(tile, keeper, copy) {
  const { width, height } = tile.getBoundingClientRect();
  const [own, across] = [sizeOf(copy), sizeOf(keeper)];
  const scale = Math.min(width / own[0], height / own[1]);
  const [x, y] = [(width - scale * own[0]) / 2, (height - scale * own[1]) / 2];
  const back = copy.affine ? inverse(copy.affine) : null;
  const [a, b, c, d, e, f] = (back ? sixOf(back) : fitting(own, across)).map(number => number * scale);
  const image = el("img", { src: keeper.full, alt: "", draggable: "false" });
  image.style.cssText = `width: ${across[0]}px; height: ${across[1]}px; transform: matrix(${a}, ${b}, ${c}, ${d}, ${e + x}, ${f + y})`;
  return el("div", { class: "wipe" }, image, el("span", { class: "edge" }));
}

function folderOf(member) {
  return member.path.slice(0, -member.name.length).replace(/\/$/, "");
}

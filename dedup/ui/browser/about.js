// The panel beside the large view: everything that is known of one image, asked for when it is shown.

const COPIED_MS = 1500;
const REST_MS = 120;  // whoever holds an arrow key asks for nothing

class AboutPanel {
  /**
   * `show(side)` opens another image; `editTags(anchor, id)` opens the menu of tags, `tagsOf(id)` and `colours` tell them.
   * `told()` is called when what was asked for has come.
   * @param {{show: (side: any) => void, told?: () => void, editTags?: (anchor: Element, id: string) => void,
   *   tagsOf?: (id: string) => string[], colours?: () => Map<string, string>}} host
   */
  constructor(host) {
    this.host = host;
    /** @type {Map<string, any>} what was told, until the view closes */
    this.known = new Map();
    this.node = el("aside", { class: "about", "aria-label": "About this image", tabindex: "0" });
    this.node.addEventListener("keydown", event => {
      if (["ArrowUp", "ArrowDown", " ", "PageUp", "PageDown"].includes(event.key)) event.stopPropagation();
    });
  }

  forget() {
    this.known.clear();
  }

  /** Show what is known of `side`, and ask for the rest. */
  async show(side) {
    this.side = side;
    if (!side.about) { this.node.hidden = true; return; }
    this.node.hidden = false;
    if (!this.known.has(side.id)) {
      this.node.replaceChildren(...this.heading(side), el("p", { class: "quiet", text: "…" }));
      this.asking?.abort();
      const asking = this.asking = new AbortController();
      await new Promise(resolve => { setTimeout(resolve, REST_MS); });
      if (asking.signal.aborted) return;
      const told = await ask(side.about, asking.signal);
      if (asking.signal.aborted) return;
      this.known.set(side.id, told);
    }
    if (this.side?.id !== side.id) return;
    this.paint(this.known.get(side.id));
    this.host.told?.();
  }

  /** What is known of an image beside the one that is shown here. */
  async ask(side) {
    if (!this.known.has(side.id) && side.about) this.known.set(side.id, await ask(side.about));
    return this.known.get(side.id);
  }

  /** What was told is told no more where a tag came or went. */
  changed(ids, tag, remove) {
    for (const told of ids.map(id => this.known.get(id)).filter(each => each?.tags)) {
      told.tags = told.tags.filter(each => each !== tag);
      if (!remove) told.tags.push(tag);
    }
  }

  /** The tags are those of now. */
  paintTags() {
    const node = this.node.querySelector(".about-tags");
    if (!node || !this.side || !this.host.tagsOf) return;
    const colours = this.host.colours?.();
    node.replaceChildren(...this.host.tagsOf(this.side.id).map(tag => {
      const chip = el("span", { class: "tag", text: tag });
      chip.style.setProperty("--tag", colours?.get(tag) ?? "var(--failed)");
      return chip;
    }), el("button", { type: "button", text: "Edit tags", title: "Edit tags (T)",
      onclick: () => this.host.editTags?.(node, this.side.id) }));
  }

  heading(side) {
    return [el("h2", { text: side.name }), this.host.tagsOf ? el("div", { class: "about-tags" }) : null].filter(Boolean);
  }

  paint(told) {
    if (told.error) {
      this.node.replaceChildren(...this.heading(this.side), el("p", { class: "quiet", text: told.error }));
      this.paintTags();
      return;
    }
    this.node.replaceChildren(...this.heading(this.side),
      el("div", { class: "about-path" }, el("code", { text: told.path }), copyButton(told.copied)),
      list(told.facts),
      ...this.links("Its group", told.group), ...this.links("Related, no duplicates", told.related),
      ...annotations(told), el("h3", { text: "Metrics" }),
      el("p", { class: "quiet", text: "The mark shows where this image lies among all of the dataset." }),
      ...told.metrics.map(measure), el("h3", { text: "Hashes" }), ...told.hashes.filter(([, hash]) => hash).map(hashRow));
    this.paintTags();
  }

  links(title, linked) {
    if (!linked.length) return [];
    return [el("h3", { text: title }), ...linked.map(({ side, words, fate }) => el("button", { type: "button", class: "link",
      onclick: () => this.host.show(side) }, el("img", { src: side.thumb, alt: "", loading: "lazy" }),
    el("span", {}, el("b", { text: side.name, title: side.path }), el("br"), words,
      fate ? el("span", { class: `chip ${fate === "stays" ? "keeper" : ""}`, text: fate }) : null)))];
  }
}

async function ask(address, signal = undefined) {
  try {
    const answer = await fetch(address, { signal });
    return answer.ok ? await answer.json() : { error: await answer.text() };
  } catch {
    return { error: "The app does not answer." };
  }
}

function list(pairs) {
  return el("dl", {}, ...pairs.flatMap(([word, what]) => [el("dt", { text: word }), el("dd", { text: what })]));
}

function copyButton(text) {
  const button = el("button", { type: "button", text: "Copy", title: "Copy this to the clipboard" });
  button.addEventListener("click", async () => {
    setText(button, await copyText(text, button.closest("dialog")) ? "Copied" : "Cannot copy");
    setTimeout(() => setText(button, "Copy"), COPIED_MS);
  });
  return button;
}

/** To the clipboard, also where a page without TLS on another host has none: by a field within `place`, for nothing outside
 * of an open dialog can be selected. Returns whether it was copied. */
async function copyText(text, place) {
  if (navigator.clipboard && await navigator.clipboard.writeText(text).then(() => true, () => false)) return true;
  const before = deepActiveElement();
  const area = el("textarea", { "aria-hidden": "true" });
  area.value = text;
  place.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return copied;
}

function hashRow([word, hash]) {
  return el("div", { class: "about-path" }, el("span", { class: "quiet", text: word }), el("code", { text: hash, title: hash }),
    copyButton(hash));
}

/** One metric: its value, and where it lies in the distribution over the dataset. */
function measure({ title, help, value, below, place, bars }) {
  const share = `${Math.round(100 * below)} % of the images have less`;
  const chart = el("span", { class: "spark", role: "img", "aria-label": share, title: share },
    ...bars.map(height => {
      const bar = el("i");
      bar.style.height = `${Math.max(height ? 8 : 0, 100 * height)}%`;
      return bar;
    }));
  const mark = el("b");
  mark.style.left = `${100 * clamp(place, 0, 1)}%`;
  if (value !== "unknown") chart.append(mark);
  return el("div", { class: "measure", title: help }, el("span", { text: title }), el("span", { class: "number", text: value }),
    chart);
}

function annotations(told) {
  if (!told.annotations.length) return [];
  const more = told.more_annotations ? el("p", { class: "quiet", text: `and ${told.more_annotations} more` }) : null;
  const percent = part => `${Math.round(100 * part)}`;
  return [el("h3", { text: "Annotations" }), el("ul", {}, ...told.annotations.map(({ category, box }) => el("li", {},
    category, box ? el("span", { class: "quiet number",
      text: ` ${percent(box[2])} × ${percent(box[3])} % at ${percent(box[0])}, ${percent(box[1])}` }) : null))), more].filter(Boolean);
}

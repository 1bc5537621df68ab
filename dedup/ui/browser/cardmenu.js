// What can be done with one card, by the right mouse button or the key for menus.

class CardMenu {
  constructor(root) {
    // Not "auto": that closes when the very button that opened it is let go.
    this.node = el("div", { class: "card-menu", popover: "manual", role: "menu", "aria-label": "What to do with this image" });
    this.node.addEventListener("keydown", event => this.onKey(event));
    this.elsewhere = event => { if (!event.composedPath().includes(this.node)) this.hide(); };
    root.append(this.node);
  }

  /**
   * At (x, y) of the window: `entries` of words, key and what to do.
   * @param {{x: number, y: number, entries: {words: string, key?: string, act: () => void}[], onClose?: () => void}} where
   */
  show({ x, y, entries, onClose }) {
    this.node.replaceChildren(...entries.map(({ words, key, act }) => el("button", { type: "button", role: "menuitem",
      tabindex: "-1", onclick: () => this.close(act) }, el("span", { text: words }),
    key ? el("kbd", { text: key }) : null)));
    this.onClose = onClose;
    this.node.showPopover();
    addEventListener("pointerdown", this.elsewhere, true);
    const { width, height } = this.node.getBoundingClientRect();
    this.node.style.left = `${clamp(x, 8, innerWidth - width - 8)}px`;
    this.node.style.top = `${clamp(y, 8, innerHeight - height - 8)}px`;
    this.entry(0).focus();
  }

  /** Whoever clicks elsewhere wants to be there. */
  hide() {
    removeEventListener("pointerdown", this.elsewhere, true);
    if (this.node.isConnected) this.node.hidePopover();  // the page may have drawn another grid meanwhile
  }

  /** By an entry or by Escape: the grid has the focus again before anything else takes it. */
  close(act = () => {}) {
    this.hide();
    this.onClose?.();
    act();
  }

  entry(index) {
    const entries = this.node.querySelectorAll("button");
    return entries[(index + entries.length) % entries.length];
  }

  onKey(event) {
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); this.close(); return; }
    const entries = [...this.node.querySelectorAll("button")];
    const at = entries.indexOf(deepActiveElement());
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.entry(to).focus();
  }
}

// What Streamlit's own frame lacks for keyboards and screen readers: a way past the navigation, a list that is one,
// and colours that can be read.
(() => {
  /** @returns {any} */
  const grid = () => [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"], [data-testid="stBidiComponentRegular"]')]
    .map(host => (host.shadowRoot ?? host).querySelector?.(".grid, .strips")
      ?? [...host.querySelectorAll("*")].map(node => node.shadowRoot?.querySelector(".grid, .strips")).find(Boolean)).find(Boolean);
  const skip = Object.assign(document.createElement("button"), { type: "button", id: "dedup-skip", textContent: "Skip to the images" });
  skip.style.cssText = "position:fixed;left:8px;top:-60px;z-index:1000002;padding:10px 16px;border:0;border-radius:6px;background:#095a7e;" +
    "color:#fff;font:600 1rem system-ui,sans-serif";
  skip.addEventListener("focus", () => { skip.style.top = "8px"; });
  skip.addEventListener("blur", () => { skip.style.top = "-60px"; });
  skip.addEventListener("click", () => {
    const target = grid() ?? /** @type {HTMLElement | null} */ (document.querySelector(".stMain a, .stMain button, .stMain input"));
    target?.focus();
    target?.scrollIntoView({ block: "nearest" });
  });

  // Whoever opens the form of a new tag, or of a view to save, wants to type its name.
  const focusName = changes => {
    for (const change of changes) {
      for (const node of change.addedNodes) {
        const field = node instanceof Element && node.querySelector(".st-key-new-tag-name input, .st-key-name-of-the-view input");
        if (field instanceof HTMLElement) field.focus();
      }
    }
  };

  // Its navigation is a list whose items are not its children: with the roles away it is read as the links it is.
  const mend = () => {
    for (const node of document.querySelectorAll('[data-testid="stSidebarNavItems"]:not([role]), [data-testid="stSidebarNavItems"] li:not([role])')) {
      node.setAttribute("role", "presentation");
    }
  };
  // What opens over the page lies outside of the frame that knows the theme, where colours would be those of the light one.
  let followed = null;
  const followTheme = () => {
    const app = document.querySelector(".stApp");
    if (!app || app === followed) return;
    followed = app;
    const take = () => { document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme; };
    new MutationObserver(take).observe(app, { attributes: true, attributeFilter: ["class"] });
    take();
  };
  const start = () => {
    const shortcuts = Object.assign(document.createElement("nav"), { ariaLabel: "Shortcuts" });
    shortcuts.append(skip);
    document.body.prepend(shortcuts);
    new MutationObserver(changes => { mend(); followTheme(); focusName(changes); }).observe(document.body, { childList: true, subtree: true });
    mend();
    followTheme();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

// Says why the app stays empty: it asks for what the app's WebSocket asks for, and shows the sentence of a refusal.
(() => {
  const SECONDS = 12; // a slow first start is done by then
  const connected = () => document.querySelector('[data-test-connection-state="CONNECTED"]') !== null;
  const drawn = () => document.querySelector('[data-testid="stSidebarNavItems"]') !== null; // it was let in before
  const say = text => {
    const paragraph = Object.assign(document.createElement("p"), { textContent: text });
    paragraph.id = "dedup-door";
    paragraph.setAttribute("role", "alert");
    paragraph.style.cssText =
      "position:fixed;inset:0 0 auto 0;z-index:1000001;margin:0;padding:1rem 1.25rem;overflow-wrap:anywhere;" +
      "font:1rem/1.5 system-ui,sans-serif;background:#7a271a;color:#fff";
    document.getElementById("dedup-door")?.remove();
    const empty = document.getElementById("root");
    if (empty && !connected()) empty.hidden = true; // nothing will ever fill the frame that Streamlit shows meanwhile
    document.body.append(paragraph);
    const watch = setInterval(() => { // a server that was away for a while is back
      if (!connected()) return;
      clearInterval(watch);
      if (empty) empty.hidden = false;
      paragraph.remove();
    }, 1000);
  };
  const plain = answer => (answer.headers.get("Content-Type") ?? "").startsWith("text/plain");

  const ask = async () => {
    const answer = await fetch("./door", { method: "POST" }).catch(() => null);
    if (answer && [401, 403].includes(answer.status) && plain(answer)) say(await answer.text());
  };
  const askForSockets = () => {
    if (connected() || drawn()) return;
    const address = new URL("./door", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.addEventListener("error", () => {
      if (connected() || document.getElementById("dedup-door")) return;
      say(
        "The app cannot be reached by a WebSocket. Where a proxy stands between, let it pass them on " +
          "(nginx: proxy_http_version 1.1, and the headers Upgrade and Connection); else see whether the app still runs.",
      );
    });
  };
  const start = () => { ask(); setTimeout(askForSockets, SECONDS * 1000); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

// The compare view as a component of its own: opens when mounted and when the left image changes.

const hosts = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".dedup");
  if (!hosts.has(root)) hosts.set(root, { view: new CompareView(root) });
  const host = hosts.get(root);
  host.queue = eventQueue(data.key);
  host.queue.connect(setStateValue, data.ack);
  applyPalette(root, data.palette);
  const subject = JSON.stringify([data.left.id, data.order, data.candidates.map(side => side.id)]);
  if (host.subject !== subject && data.candidates.length) {
    host.subject = subject;
    host.view.showPair({
      ...data,
      mode: host.view.open ? host.view.mode : data.mode,  // whoever reviews one pair after the other keeps the mode
      onClose: () => host.queue.push({ type: "close", ids: [data.left.id] }),
      onAction: (action, ids) => host.queue.push({ type: "action", action, ids }),
      onOrder: action => host.queue.push({ type: "order", action }),
    });
  }
  for (const url of data.preload) new Image().src = url;
  return () => { host.view.destroy(); host.queue.disconnect(); hosts.delete(root); };
}

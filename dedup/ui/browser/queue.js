// The event queue: numbered, kept until Python confirms, one per browser tab and component key.

const RESEND_MS = 8000;
const GATHER_MS = 60;

/** The queue of `key`. It lives on the window, so that leaving a page and coming back neither drops nor repeats. */
function eventQueue(key) {
  const queues = window.__dedupQueues ??= new Map();
  if (!queues.has(key)) queues.set(key, new EventQueue());
  return queues.get(key);
}

class EventQueue {
  constructor() {
    this.session = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    this.seq = 0;
    this.sent = 0;
    this.pending = [];
    this.deliver = null;
  }

  /** Python's answer: forget what it has taken. Undelivered events of an earlier mount go out again. */
  connect(deliver, ack) {
    const fresh = this.deliver === null;
    this.deliver = deliver;
    if (ack.session === this.session) this.pending = this.pending.filter(event => event.seq > ack.seq);
    if (fresh && this.pending.length) this.send();
  }

  /** The component leaves the page: what was not sent yet goes now; what is not confirmed goes again on return. */
  disconnect() {
    if (this.seq > this.sent) this.send();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.deliver = null;
  }

  /** A selection replaces an earlier one that is still waiting; every other event stays. */
  push(event) {
    const last = this.pending.at(-1);
    if (event.type === "select" && last?.type === "select" && last.seq > this.sent) this.pending.pop();
    this.pending.push({ seq: ++this.seq, ...event });
    if (this.timer === undefined || this.resending) this.soon();
  }

  /** The first of a burst leaves at once, the rest is gathered. */
  soon() {
    const wait = Math.max(0, (this.lastSend ?? 0) + GATHER_MS - performance.now());
    clearTimeout(this.timer);
    this.resending = false;
    this.timer = setTimeout(() => this.send(), wait);
  }

  send() {
    clearTimeout(this.timer);
    this.lastSend = performance.now();
    this.sent = this.seq;
    this.deliver?.("events", { session: this.session, pending: this.pending.map(event => ({ ...event })) });
    this.resending = true;
    this.timer = setTimeout(() => { if (this.pending.length) this.send(); }, RESEND_MS);
  }

  /** Events of one type that Python has not taken yet, oldest first. */
  waiting(type) {
    return this.pending.filter(event => event.type === type);
  }
}

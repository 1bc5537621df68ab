// The queue of events: each arrives once, in order, whatever happens to the page meanwhile.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { load } from "./load.js";

let now, EventQueue, eventQueue, window;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  now = 1000;
  window = {};
  const performance = { now: () => now };
  ({ EventQueue, eventQueue } = load(["queue.js"], ["EventQueue", "eventQueue"], { window, performance }));
});

/** A Python that takes what it is sent, and answers when asked to. */
function python(queue) {
  const taken = [];
  let last = { session: "", seq: 0 };
  const deliver = (name, { session, pending }) => {
    assert.equal(name, "events");
    for (const event of pending) if (session !== last.session || event.seq > last.seq) {
      taken.push(event);
      last = { session, seq: event.seq };
    }
  };
  queue.connect(deliver, { session: "", seq: 0 });
  return { taken, deliver, answer: () => queue.connect(deliver, last), get last() { return last; } };
}

function pass(ms) {
  now += ms;
  mock.timers.tick(ms);
}

test("one queue for a key, another for another", () => {
  assert.equal(eventQueue("a"), eventQueue("a"));
  assert.notEqual(eventQueue("a"), eventQueue("b"));
  assert.equal(window.__dedupQueues.size, 2);
});

test("the first of a burst leaves at once, the rest is gathered, in order", () => {
  const queue = new EventQueue();
  const sent = [];
  queue.connect((name, what) => sent.push(what.pending.length), { session: "", seq: 0 });
  queue.push({ type: "action", action: "keep" });
  pass(0);
  for (let number = 0; number < 5; number++) queue.push({ type: "action", action: "drop" });
  assert.deepEqual(sent, [1]);
  pass(60);
  assert.deepEqual(sent, [1, 6]);
});

test("what Python has taken is forgotten, and nothing is taken twice", () => {
  const queue = new EventQueue();
  const server = python(queue);
  for (let number = 0; number < 20; number++) {
    queue.push({ type: "action", action: String(number) });
    pass(number % 3 ? 10 : 70);
    if (number % 4 === 0) server.answer();
  }
  pass(100);
  server.answer();
  assert.deepEqual(server.taken.map(event => event.action), [...Array(20).keys()].map(String));
  assert.deepEqual(queue.pending, []);
});

test("what is not confirmed is sent again", () => {
  const queue = new EventQueue();
  const sent = [];
  queue.connect((name, what) => sent.push(what.pending.map(event => event.seq)), { session: "", seq: 0 });
  queue.push({ type: "action" });
  pass(0);
  pass(8000);
  assert.deepEqual(sent, [[1], [1]]);
  queue.connect(() => assert.fail("nothing is left to send"), { session: queue.session, seq: 1 });
  pass(8000);
});

test("leaving a page sends what waits, and coming back sends it again until it is taken", () => {
  const queue = new EventQueue();
  const server = python(queue);
  queue.push({ type: "action", action: "keep" });
  queue.disconnect();
  assert.equal(server.taken.length, 1);
  queue.push({ type: "action", action: "drop" });
  pass(9000);
  assert.equal(server.taken.length, 1);
  queue.connect(server.deliver, server.last);
  assert.deepEqual(server.taken.map(event => event.action), ["keep", "drop"]);
});

test("an answer meant for another tab confirms nothing", () => {
  const queue = new EventQueue();
  queue.connect(() => {}, { session: "", seq: 0 });
  queue.push({ type: "action" });
  pass(0);
  queue.connect(() => {}, { session: "another", seq: 99 });
  assert.equal(queue.pending.length, 1);
});

test("a selection replaces one that still waits, and no other event", () => {
  const queue = new EventQueue();
  queue.connect(() => {}, { session: "", seq: 0 });
  queue.push({ type: "select", ids: ["a"] });
  queue.push({ type: "select", ids: ["a", "b"] });
  queue.push({ type: "action" });
  queue.push({ type: "select", ids: [] });
  assert.deepEqual(queue.waiting("select").map(event => event.ids), [["a", "b"], []]);
  assert.equal(queue.waiting("action").length, 1);
  pass(0);
  queue.push({ type: "select", ids: ["c"] });
  assert.equal(queue.waiting("select").length, 3);
});

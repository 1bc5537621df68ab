// The keys of the review, and what it shows of an act before Python has answered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.js";

const { Review, foresee, keyName, REVIEW_KEYS } = load(["dom.js", "review.js"],
  ["Review", "foresee", "keyName", "REVIEW_KEYS"], { CompareView: class {} });

const COMMANDS = ["up", "down", "accept", "keep", "drop", "apart", "reopen", "compare", "clash", "undo", "redo", "help"];

/** A review without a page: three copies, commands that note their names. */
function review() {
  const called = [];
  const made = Object.create(Review.prototype);
  Object.assign(made, {
    strips: [{ members: [{ id: "a" }, { id: "b" }, { id: "c" }] }], cursor: 0, focus: 1,
    paint() {}, reveal() {}, turn: where => called.push(where),
    commands: () => Object.fromEntries(COMMANDS.map(name => [name, () => called.push(name)])),
  });
  return { made, called };
}

function press(made, key, options = {}) {
  let prevented = false;
  made.onKey({ key, target: { closest: () => null }, stopPropagation() {}, preventDefault() { prevented = true; }, ...options });
  return prevented;
}

test("every key that the help names does something, and every key that does is named", () => {
  const { made } = review();
  const named = REVIEW_KEYS.flatMap(([keys]) => keys.split(" ")).filter(key => key !== "Shift+U");
  const shown = { "↓": "ArrowDown", "↑": "ArrowUp", "←": "ArrowLeft", "→": "ArrowRight" };
  const keys = new Set(named.flatMap(key => key === "1…9" ? [..."123456789"] : [shown[key] ?? keyName({ key })]));
  assert.deepEqual([...keys].sort(), Object.keys(made.keys()).sort());
});

test("keys reach their commands", () => {
  const { made, called } = review();
  for (const key of ["Enter", "k", "K", "r", "Delete", "n", "o", "u", "c", "l", "j", "s", "ArrowUp", "?"]) {
    assert.ok(press(made, key), key);
  }
  assert.deepEqual(called, ["accept", "keep", "keep", "drop", "drop", "apart", "reopen", "undo", "compare", "clash", "down",
    "down", "up", "help"]);
});

test("undo and redo by either keyboard habit", () => {
  const { made, called } = review();
  press(made, "z", { ctrlKey: true });
  press(made, "Z", { metaKey: true, shiftKey: true });
  press(made, "U", { shiftKey: true });
  assert.deepEqual(called, ["undo", "redo", "redo"]);
});

test("keys that mean something else are left alone", () => {
  const { made, called } = review();
  const button = { closest: () => ({}) };
  for (const [key, options] of [["k", { isComposing: true }], ["k", { altKey: true }], ["c", { ctrlKey: true }],
    ["Enter", { target: button }], ["x", {}]]) assert.ok(!press(made, key, options), key);
  made.strips = [];
  assert.ok(!press(made, "k"));
  assert.deepEqual(called, []);
});

test("a choice stays within the strip", () => {
  const { made } = review();
  press(made, "9");
  assert.equal(made.focus, 2);
  press(made, "ArrowRight");
  assert.equal(made.focus, 2);
  for (let times = 0; times < 4; times++) press(made, "ArrowLeft");
  assert.equal(made.focus, 0);
});

const strip = () => ({ keeper: "a", heir: "b", open: true, clash: "labels", members: [
  { id: "a", content: "1", kind: "near", fate: "keeper" }, { id: "b", content: "1", kind: "exact", fate: "open" },
  { id: "c", content: "3", kind: "near", fate: "open", protected: true }] });
const fates = seen => Object.fromEntries(seen.members.map(member => [member.id, member.fate]));
const act = (action, id, before = strip()) => foresee(before, { action, ids: [id] });

test("accepting lets the others go, but what is protected", () => {
  const seen = act("accept", "a");
  assert.deepEqual(fates(seen), { a: "keeper", b: "drop", c: "keep" });
  assert.equal(seen.open, false);
});

test("removing the keeper makes its heir the keeper", () => {
  assert.equal(act("drop", "a").keeper, "b");
});

test("exact copies are never 'not a duplicate': both stay", () => {
  assert.deepEqual(fates(act("apart", "a")), { a: "keeper", b: "keep", c: "apart" });
});

test("nothing is changed in place, and opening again forgets all", () => {
  const before = strip();
  act("accept", "a", before);
  assert.deepEqual(before, strip());
  assert.deepEqual(fates(act("reopen", "a", act("accept", "a"))), { a: "keeper", b: "open", c: "open" });
});

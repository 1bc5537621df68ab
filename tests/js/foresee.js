// Reads [{strip, action, id}, ...] from standard input and writes what the review foresees of each act on a copy; null
// where it refuses it.

import { readFileSync } from "node:fs";
import { load } from "./load.js";

const { Review, foresee } = load(["dom.js", "review.js"], ["Review", "foresee"], { CompareView: class {} });
const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map(({ strip, action, id }) => {
  const refused = Review.prototype.refusal(action, strip, strip.members.find(member => member.id === id));
  return refused ? null : foresee(strip, { action, ids: [id] });
})));

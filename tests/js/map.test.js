// What the map makes of bytes, places and lines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { load } from "./load.js";

const { pointsOf, unpacked, thinned, rgb, placeOf, Finder } = load(["dom.js", "map.js"],
  ["pointsOf", "unpacked", "thinned", "rgb", "placeOf", "Finder"], { Blob, DecompressionStream, Response, atob });

test("the points are what the route tells", () => {
  const buffer = new ArrayBuffer(4 + 2 * 4 + 4 * 2), view = new DataView(buffer);
  [2, 7, 9].forEach((value, place) => view.setUint32(4 * place, value, true));
  [0, 65535, 1, 2].forEach((value, place) => view.setUint16(12 + 2 * place, value, true));
  const { count, rows, places } = pointsOf(buffer);
  assert.deepEqual([count, [...rows], [...places]], [2, [7, 9], [0, 65535, 1, 2]]);
  assert.deepEqual([placeOf(0), placeOf(65535)].map(value => value.toFixed(3)), ["-1.100", "1.100"]);
});

test("bytes come as they were packed", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, place) => place % 251);
  assert.deepEqual(await unpacked(deflateSync(bytes).toString("base64")), bytes);
});

test("a long line keeps its shape with few corners", () => {
  const line = Array.from({ length: 999 }, (_, place) => [place, -place]);
  const kept = thinned(line, 200);
  assert.ok(kept.length <= 200 && kept.length > 150);
  assert.equal(kept[0], line[0]);
  assert.deepEqual(thinned([[1, 2]]), [[1, 2]]);
});

test("colours are three numbers", () => assert.deepEqual(rgb("#0a80ff"), [10, 128, 255]));

test("the nearest point is that of a slow search", () => {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const places = Uint16Array.from({ length: 800 }, () => Math.floor(random() * 65536));
  const finder = new Finder(places);
  for (let trial = 0; trial < 200; trial++) {
    const x = random() * 2.2 - 1.1, y = random() * 2.2 - 1.1, reach = random() * 0.3;
    let best = -1, least = reach * reach;
    for (let at = 0; at < 400; at++) {
      const away = (placeOf(places[2 * at]) - x) ** 2 + (placeOf(places[2 * at + 1]) - y) ** 2;
      if (at % 3 && away < least) { least = away; best = at; }
    }
    assert.equal(finder.nearest(x, y, reach, at => at % 3 > 0), best);
  }
});

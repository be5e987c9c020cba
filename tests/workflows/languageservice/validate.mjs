// Prints `file:line: message` for each fault in the workflows that are named; exit code 1 when there is one.
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { dirname, join } from "node:path";

register("./hooks.mjs", import.meta.url);
const { validate } = await import("@actions/languageservice");
const { TextDocument } = await import("vscode-languageserver-textdocument");

let found = 0;
for (const path of process.argv.slice(2)) {
  const root = join(dirname(path), "..", "..");
  const fileProvider = {
    getFileContent: async (reference) => ({
      name: reference.path,
      content: readFileSync(join(root, reference.path), "utf8"),
    }),
  };
  const text = TextDocument.create(`file://${path}`, "github-actions-workflow", 1, readFileSync(path, "utf8"));
  for (const fault of await validate(text, { fileProvider })) {
    console.log(`${path}:${fault.range.start.line + 1}: ${fault.message}`);
    found += 1;
  }
}
process.exitCode = found ? 1 : 0;

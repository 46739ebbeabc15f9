#!/usr/bin/env node
// An exported HAR against the schema of HAR 1.2 (har-schema, by ajv). Run as `har.mjs FILE ENTRIES`, with node_modules beside it
// (scripts/get-sdks). That the schema can say no is tried as well.

import { readFileSync } from "node:fs";
import Ajv from "ajv";
import schemas from "har-schema";

const [file, entries] = process.argv.slice(2);
const ajv = new Ajv({ allErrors: true, schemaId: "auto" });
ajv.addMetaSchema(createDraft());
for (const schema of Object.values(schemas)) ajv.addSchema(schema);
const validate = ajv.getSchema("har.json#") ?? ajv.compile(schemas.har);

// The schema names draft 6, which ajv has beside it.
function createDraft() {
  return JSON.parse(readFileSync(new URL("./node_modules/ajv/lib/refs/json-schema-draft-06.json", import.meta.url)));
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

const har = JSON.parse(readFileSync(file, "utf8"));
if (!validate(har)) fail(JSON.stringify(validate.errors, null, 1));
if (har.log.entries.length !== Number(entries)) fail(`${har.log.entries.length} entries`);
for (const entry of har.log.entries) {
  const { send, wait, receive } = entry.timings;
  if (Math.abs(send + wait + receive - entry.time) > 0.001) fail(`${entry.time} ms are not what its parts add up to`);
  new URL(entry.request.url);
}

har.log.entries[0].request.url = "not an address";
if (validate(har)) fail("a wrong address fits the schema");

#!/usr/bin/env node
// openai-node as a strict reader: its accumulator throws at an event it does not know, at a missing item, at a delta without
// its part. Run as `strict.mjs BASE UPSTREAM [CASE…]`, with node_modules beside it or above it (scripts/get-sdks).

import OpenAI from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const [base, upstream, ...wanted] = process.argv.slice(2);
const model = "demo:latest";
const client = new OpenAI({ baseURL: base, apiKey: "none", maxRetries: 0, timeout: 90_000 });
const SILENCE = 11;

const toDo = (prompt, orders) => `${prompt}\n#do ${JSON.stringify(orders)}`;
const weather = zodResponsesFunction({ name: "get_weather", parameters: z.object({ location: z.string() }) });
const person = z.object({ name: z.string(), age: z.number() });

function same(got, wanted) {
  if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(`${JSON.stringify(got)} is not ${JSON.stringify(wanted)}`);
}

// The final response as accumulated, which must be what the server said itself at the end.
async function streamed(request) {
  const stream = client.responses.stream({ model, ...request });
  let last;
  let snapshot = "";
  stream.on("response.output_text.delta", (event) => (snapshot = event.snapshot));
  for await (const event of stream) last = event;
  const final = await stream.finalResponse();
  same(final.output.map((item) => [item.type, item.id]), last.response.output.map((item) => [item.type, item.id]));
  return { final, last, snapshot };
}

const cases = {
  async text_is_created() {
    const answer = await client.responses.create({ model, input: toDo("node created", { text: ["One, ", "two."] }) });
    same(answer.output_text, "One, two.");
  },

  async text_is_accumulated() {
    const { final, last, snapshot } = await streamed({ input: toDo("node streamed", { think: ["Hm."], text: ["One, ", "two."] }), reasoning: { effort: "low" } });
    same([final.output_text, snapshot, last.type], ["One, two.", "One, two.", "response.completed"]);
    same(final.output[0].summary[0].text, "Hm.");
  },

  async calls_are_parsed() {
    const calls = ["Oslo", "Rome"].map((location) => ({ name: "get_weather", arguments: { location } }));
    const { final } = await streamed({ input: toDo("node calls", { text: ["So."], calls }), tools: [weather] });
    const found = final.output.filter((item) => item.type === "function_call");
    same(found.map((call) => call.parsed_arguments), [{ location: "Oslo" }, { location: "Rome" }]);
    same(new Set(found.map((call) => call.call_id)).size, 2);
  },

  async custom_calls_are_accumulated() {
    const calls = [{ name: "apply_patch", arguments: { input: "*** Begin Patch" } }];
    const { final } = await streamed({ input: toDo("node custom", { calls }), tools: [{ type: "custom", name: "apply_patch" }] });
    same([final.output.at(-1).type, final.output.at(-1).input], ["custom_tool_call", "*** Begin Patch"]);
  },

  async a_loop_of_calls_is_closed() {
    const input = [{ role: "user", content: toDo("node loop", { calls: [{ name: "get_weather", arguments: { location: "Oslo" } }] }) }];
    const { final } = await streamed({ input, tools: [weather] });
    const result = { type: "function_call_output", call_id: final.output.at(-1).call_id, output: "frogs" };
    const { final: whole } = await streamed({ input: [...input, ...final.output, result], tools: [weather] });
    same(whole.output_text, "tool said: frogs");
    const { final: continued } = await streamed({ previous_response_id: final.id, input: [result], tools: [weather] });
    same(continued.output_text, "tool said: frogs");
  },

  async formats_are_parsed() {
    const request = { model, input: toDo("node format", { text: ['{"name":"Ada",', '"age":36}'] }), text: { format: zodTextFormat(person, "person") } };
    same((await client.responses.parse(request)).output_parsed, { name: "Ada", age: 36 });
    same((await streamed(request)).final.output_parsed, { name: "Ada", age: 36 });
  },

  async failures_are_told() {
    const { final, last } = await streamed({ input: toDo("node broken", { text: ["One, "], error: "the disk is gone" }) });
    same([last.type, final.status], ["response.failed", "failed"]);
    if (!final.error.message.includes("the disk is gone")) throw new Error(final.error.message);
  },

  async stored_answers_are_had_again_and_deleted() {
    const answer = await client.responses.create({ model, input: "node stores" });
    same((await client.responses.retrieve(answer.id)).output_text, answer.output_text);
    await client.responses.delete(answer.id);
    const error = await client.responses.retrieve(answer.id).catch((error) => error);
    same([error.constructor.name, error.status], ["NotFoundError", 404]);
  },

  async silence_is_not_dead() {
    const calls = ["Oslo", "Rome"].map((location) => ({ name: "get_weather", arguments: { location } }));
    const input = toDo("node silence", { think: ["Hm."], text: ["One, ", "two."], calls, sleep: SILENCE });
    const { final } = await streamed({ input, tools: [weather], reasoning: { effort: "low" } });
    same(final.output.map((item) => item.type), ["reasoning", "message", "function_call", "function_call"]);
  },

  async models_pass_through() {
    same((await (await fetch(`${upstream}/v1/models`)).json()).data[0].id, (await client.models.list()).data[0].id);
  },
};

const outcomes = await Promise.all(
  Object.entries(cases).filter(([name]) => !wanted.length || wanted.includes(name)).map(async ([name, run]) => {
    try {
      await run();
      console.log(`ok    ${name}`);
      return true;
    } catch (error) {
      console.log(`FAIL  ${name}: ${error.constructor.name}: ${String(error.message).slice(0, 900)}`);
      return false;
    }
  }),
);
process.exit(outcomes.every(Boolean) ? 0 : 1);

import { createInterface } from "node:readline";

console.error("talk on stderr");
console.log("not JSON");
console.log(JSON.stringify({ said: "hello", args: process.argv.slice(2), env: process.env.ECHO_TEST }));
createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.exit !== undefined) process.exit(message.exit);
  console.log(JSON.stringify({ echo: message }));
});

// Loaded before a program by --import: its library has scripts of another version, as far as Redis can tell. They do the
// same, and their text, and so their SHA, is another.
import { register } from "node:module";

const hooks = `export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!url.endsWith("/scripts.generated.js")) return loaded;
  const source = String(loaded.source).replaceAll('Lua = "', 'Lua = "-- Another version.\\\\n');
  return { ...loaded, source };
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);

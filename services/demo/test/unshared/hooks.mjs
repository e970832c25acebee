/** Gives whoever imports the client the broken one. */
export async function resolve(specifier, context, next) {
  if (specifier !== "@sluice/client" || !context.parentURL?.includes("/demo/dist/"))
    return next(specifier, context);
  return { url: new URL("client.mjs", import.meta.url).href, shortCircuit: true };
}

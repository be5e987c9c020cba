// The language service imports JSON as older bundlers allowed, without saying that it is JSON; Node wants to be told.
export async function load(url, context, next) {
  const json = url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context;
  return next(url, json);
}

/** The library as `npm run build` made it: what is measured is what users run. */
export async function importDist(): Promise<typeof import('../../src/index.js')> {
  return await import(new URL('../../dist/index.js', import.meta.url).href);
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export function readPage(path: string): Promise<string> {
  return readFile(join(REPOSITORY, path), 'utf8');
}

/** All pages of the documentation, by their paths from the repository's root. */
export async function listPages(): Promise<string[]> {
  const docs = await readdir(join(REPOSITORY, 'docs'));
  const pages = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  return ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md', ...pages];
}

/** The text below a heading, up to the next heading of the same level or a higher one. */
export function sectionOf(page: string, heading: string): string {
  const [, marks = '', text = ''] = /^(#+) (.*)$/.exec(heading) ?? [];
  const start = page.indexOf(`\n${marks} ${text}\n`);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const body = page.slice(start + heading.length + 2);
  const end = body.search(new RegExp(`^#{1,${marks.length}} `, 'm'));
  return end < 0 ? body : body.slice(0, end);
}

/** The contents of the fenced code blocks of a language. */
export function codeBlocksOf(page: string, language: string): string[] {
  const fences = new RegExp(`^\`\`\`${language}\\n(.*?)\\n\`\`\`$`, 'gms');
  return [...page.matchAll(fences)].map(([, block = '']) => block);
}

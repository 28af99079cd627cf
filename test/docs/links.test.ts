import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { listPages, REPOSITORY, readPage } from './markdown.js';

/** The anchor that GitHub gives a heading. */
function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

async function hasAnchor(page: string, anchor: string): Promise<boolean> {
  const headings = (await readPage(page)).matchAll(/^#+ (.*)$/gm);
  return [...headings].some(([, heading = '']) => toAnchor(heading) === anchor);
}

describe('every relative link resolves, with its anchor, in', async () => {
  for (const page of await listPages()) {
    test(page, async () => {
      const links = [...(await readPage(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
      for (const link of links.filter((link) => !/^https?:/.test(link))) {
        const [path = '', anchor] = link.split('#', 2);
        const target = path === '' ? page : join(dirname(page), path);
        await access(join(REPOSITORY, target));
        if (anchor !== undefined) assert.ok(await hasAnchor(target, anchor), link);
      }
    });
  }
});

test('every path that CONTRIBUTING.md names exists', async () => {
  const page = await readPage('CONTRIBUTING.md');
  const paths = [...page.matchAll(/`((?:src|test|scripts|docs)\/[\w./-]+)`/g)].map(([, path = '']) => path);
  assert.ok(paths.length > 0);
  for (const path of paths) await access(join(REPOSITORY, path));
});

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { commands } from '../support/cli-program.js';
import { REPOSITORY, readPage, sectionOf } from './markdown.js';

const page = await readPage('docs/runbook.md');

describe('docs/runbook.md', () => {
  test('names commands and options of the CLI that exist', () => {
    const named = [...page.matchAll(/(?:bctrl-temporal|dist\/starter\.js) ([a-z-]+)([^`\n|]*)/g)];
    assert.ok(named.length > 20);
    for (const [text, name = '', rest = ''] of named) {
      const command = commands.find((each) => each.name() === name);
      assert.ok(command, text);
      const options = command.options.map(({ long }) => long);
      for (const [option] of rest.matchAll(/--[a-z-]+/g)) assert.ok(options.includes(option), text);
    }
  });

  test('names variables that are read', async () => {
    const sources = (await readdir(join(REPOSITORY, 'src'))).filter((name) => name.endsWith('.ts'));
    const texts = await Promise.all(sources.map((name) => readPage(`src/${name}`)));
    const known = new Set(texts.join('').match(/\b(BCTRL|TEMPORAL)_[A-Z_]+\b/g));
    // Read by the SDK.
    for (const name of ['NAMESPACE', 'API_KEY', 'TLS_CLIENT_CERT_PATH', 'TLS_CLIENT_KEY_PATH']) {
      known.add(`TEMPORAL_${name}`);
    }
    for (const [name] of page.matchAll(/\b(BCTRL|TEMPORAL)_[A-Z_]+\b/g)) {
      assert.ok(name.endsWith('_') || known.has(name), name);
    }
  });

  test('names objects of examples/kubernetes', async () => {
    const manifests = await readPage('examples/kubernetes/worker.yaml');
    const [, name] = /kind: Deployment\nmetadata:\n {2}name: (.*)/.exec(manifests) ?? [];
    const named = [...page.matchAll(/deployment\/([a-z-]+)|--selector app=([a-z-]+)/g)];
    assert.ok(named.length > 5);
    for (const [text, deployment, app] of named) assert.equal(deployment ?? app, name, text);
    const [, container] = /- name: (.*)\n.*\n? *image:/.exec(manifests) ?? [];
    assert.ok(page.includes(`${container}=registry.example/bctrl-temporal:`));
    for (const [file] of page.matchAll(/examples\/kubernetes\/[\w.]+/g)) await readPage(file);
  });

  test('has a section for each situation', () => {
    for (const [, heading = ''] of page.matchAll(/\| \[([^\]]*)\]\(#/g)) sectionOf(page, `## ${heading}`);
  });
});

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

interface Instruction {
  name: string;
  /** Split at white space. */
  words: string[];
  /** The array of the exec form. */
  exec: string[];
}

/** A stage of the Dockerfile as a folder. */
export interface Image {
  /** The folder that is `/` in the image. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  /** The image that the first stage of this one is built from. */
  base: string;
  user: string;
  exposed: string[];
  cmd: string[];
  healthcheck: string[];
}

const instructions: Instruction[] = (await readFile(join(REPOSITORY, 'docker/Dockerfile'), 'utf8'))
  .replaceAll(/^\s*#.*\n/gm, '')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => {
    const [name = '', ...words] = line.trim().split(/\s+/);
    return { name, words, exec: JSON.parse(/\[".*\]$/.exec(line)?.[0] ?? '[]') };
  });

/** The variables and the command that the last stage sets. */
export const imageDefaults = {
  env: Object.fromEntries(
    instructions.filter(({ name }) => name === 'ENV').flatMap(({ words }) => words.map(toVariable)),
  ) as Record<string, string>,
  cmd: instructions.findLast(({ name }) => name === 'CMD')?.exec ?? [],
};

/**
 * Executes docker/Dockerfile without containers. Each stage becomes a folder below the empty folder `into`; commands run with
 * the tools of this machine; owners and users are not applied. Instructions that our Dockerfile does not use are rejected.
 */
export async function buildImage(into: string): Promise<Image> {
  const context = join(into, 'context');
  await copyContext(context);
  const stages = new Map<string, Image>();
  let image = await createStage('scratch', undefined, into);
  for (const { name, words, exec } of instructions) {
    const args = words.slice(words.findIndex((word) => !word.startsWith('--')));
    const flags = words.slice(0, -args.length);
    if (name === 'FROM') {
      const [base = '', , stage = 'final'] = args;
      image = await createStage(base, stages.get(base), join(into, stage));
      stages.set(stage, image);
    } else if (name === 'WORKDIR') {
      image.workdir = resolve(image.workdir, args[0] ?? '');
      await mkdir(join(image.root, image.workdir), { recursive: true });
    } else if (name === 'ENV') Object.assign(image.env, Object.fromEntries(args.map(toVariable)));
    else if (name === 'COPY') {
      const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length);
      await copy(args, from === undefined ? context : join(into, from), image);
    } else if (name === 'RUN') await runInside(args.join(' '), image);
    else if (name === 'USER') image.user = args[0] ?? '';
    else if (name === 'EXPOSE') image.exposed.push(...args);
    else if (name === 'HEALTHCHECK') image.healthcheck = exec;
    else if (name === 'CMD') image.cmd = exec;
    else throw new Error(`The test does not know the instruction ${name}`);
  }
  return image;
}

/** Docker's build context: .dockerignore ignores everything but the paths that it names after `!`. */
async function copyContext(context: string): Promise<void> {
  const lines = (await readFile(join(REPOSITORY, '.dockerignore'), 'utf8')).split('\n');
  const [first, ...rules] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*' || !rules.every((rule) => /^![\w./-]+$/.test(rule))) {
    throw new Error('The test does not know this .dockerignore');
  }
  for (const rule of rules) {
    await cp(join(REPOSITORY, rule.slice(1)), join(context, rule.slice(1)), { recursive: true });
  }
}

async function createStage(base: string, stage: Image | undefined, root: string): Promise<Image> {
  await mkdir(root, { recursive: true });
  if (!stage)
    return { root, workdir: '/', env: {}, base, user: 'root', exposed: [], cmd: [], healthcheck: [] };
  await copyTree(stage.root, root);
  return { ...stage, env: { ...stage.env }, exposed: [...stage.exposed], root };
}

async function copy(args: readonly string[], from: string, image: Image): Promise<void> {
  const target = args.at(-1) ?? '';
  const to = join(image.root, resolve(image.workdir, target));
  for (const source of args.slice(0, -1)) {
    const path = join(from, source);
    if ((await stat(path)).isDirectory()) await copyTree(path, to);
    else await cp(path, target.endsWith('/') ? join(to, basename(source)) : to);
  }
}

/** Copies the contents of a folder by hard links, as nothing changes a file of a stage later on. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await run('cp', ['-Rl', `${from}/.`, to]);
}

async function runInside(command: string, { root, workdir, env }: Image): Promise<void> {
  const { NODE_TEST_CONTEXT: _, ...outside } = process.env;
  await run('sh', ['-c', command], { cwd: join(root, workdir), env: { ...outside, ...env } });
}

function toVariable(assignment: string): [name: string, value: string] {
  const [name = '', ...value] = assignment.split('=');
  return [name, value.join('=')];
}

import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BundleOptions, bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { rollUpTypes } from './roll-up-types.js';

/*
 * Builds dist/: the public entries as ES modules and as CommonJS, their types, the executables, and the workflows as the
 * worker runs them. Dependencies and peers stay imports. Everything else is bundled, so that a user of the library does not
 * install what only the executables need.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const require = createRequire(import.meta.url);
const { dependencies, peerDependencies } = require('../package.json');
const { version: sdkVersion } = require('@temporalio/worker/package.json');

const sandboxEntries = ['workflow'];
const nodeEntries = ['index', 'client', 'testing'];
const entries = [...sandboxEntries, ...nodeEntries];
const executables = ['starter', 'worker', 'gateway'];
/** Temporal's SDK gets its path, which is the same in src/, and requires it, also in Jest and below Node 22. */
const failureConverter = 'encryption/failure-converter';

/** Zod keeps its configuration and its registry of schemas in the global object, where a second zod finds them. */
const privateZod: Plugin = {
  name: 'private-zod',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]core[\\/](core|registries)\.js$/ }, async ({ path }) => {
      const code = await readFile(path, 'utf8');
      return { contents: `const ownGlobals = {};\n${code.replaceAll('globalThis', 'ownGlobals')}` };
    });
  },
};

await rm(dist, { recursive: true, force: true });
const bundled = await bundle();
await writeFile(join(dist, 'THIRD-PARTY-NOTICES.txt'), await toNotices(bundled));
await mkdir(join(root, 'api'), { recursive: true });
await writeTypes();
await writeFile(join(dist, failureConverter, '../package.json'), JSON.stringify({ type: 'commonjs' }));
await bundleWorkflows('workflow-bundle.js');
await bundleWorkflows('encrypted-workflow-bundle.js', {
  failureConverterPath: join(dist, `${failureConverter}.js`),
});

/** Returns the packages whose code is in the bundles. */
async function bundle(): Promise<Set<string>> {
  const common = {
    absWorkingDir: root,
    outdir: 'dist',
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    external: Object.keys({ ...dependencies, ...peerDependencies }),
    metafile: true,
    define: { BUNDLED_SDK_VERSION: JSON.stringify(sdkVersion) },
  } as const satisfies BuildOptions;
  const esm = { ...common, format: 'esm', splitting: true } as const;
  const cjs = { ...common, format: 'cjs', outExtension: { '.js': '.cjs' } } as const;
  // All workflows of a worker share the modules of these entries, which a zod of their own keeps apart from the one that a
  // user's workflows may configure.
  const ownZod = common.external.filter((name) => name !== 'zod');
  const sandbox = { external: ownZod, plugins: [privateZod] };
  const results = await Promise.all([
    build({
      ...esm,
      ...sandbox,
      entryPoints: {
        ...toEntryPoints(sandboxEntries),
        'workflows/index': 'src/workflows/index.ts',
        'workflows/interceptors': 'src/workflows/interceptors.ts',
      },
    }),
    build({ ...esm, entryPoints: toEntryPoints(nodeEntries) }),
    build({
      ...esm,
      entryPoints: toEntryPoints(executables),
      // Node opens all imported modules at once, and zod has more than some limits of open files allow.
      external: ownZod,
      // Bundled CommonJS requires Node's modules.
      banner: {
        js: "import { createRequire as toRequire } from 'node:module';\nconst require = toRequire(import.meta.url);",
      },
    }),
    build({ ...cjs, ...sandbox, entryPoints: toEntryPoints(sandboxEntries) }),
    build({ ...cjs, outExtension: {}, entryPoints: toEntryPoints([failureConverter]) }),
    build({
      ...cjs,
      entryPoints: toEntryPoints(nodeEntries),
      banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
      define: { ...common.define, 'import.meta.url': 'importMetaUrl' },
    }),
  ]);
  return new Set(results.flatMap(({ metafile }) => toPackages(metafile)));
}

function toEntryPoints(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]));
}

function toPackages({ inputs }: Metafile): string[] {
  return Object.keys(inputs).flatMap((path) => {
    return /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[0] ?? [];
  });
}

/** The licenses of the bundled packages, which ask to go with every copy. */
async function toNotices(packages: ReadonlySet<string>): Promise<string> {
  const notices = await Promise.all(
    [...packages].sort().map(async (folder) => {
      const { name, version, license } = require(join(root, folder, 'package.json'));
      const file = (await readdir(join(root, folder))).find((file) => /^licen[cs]e/i.test(file));
      const text = file === undefined ? '' : await readFile(join(root, folder, file), 'utf8');
      return `${name} ${version} (${license})\n\n${text.trim()}\n`;
    }),
  );
  return notices.join(`\n${'-'.repeat(80)}\n\n`);
}

/** One file of types for each entry. CommonJS has its own copy, which TypeScript reads as CommonJS. */
async function writeTypes(): Promise<void> {
  execFileSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  for (const entry of entries) {
    await rollUpTypes(root, entry);
    await cp(join(dist, `${entry}.d.ts`), join(dist, `${entry}.d.cts`));
  }
  await rm(join(dist, 'types'), { recursive: true });
}

/** Bundles the workflows, so that a worker starts without a bundler. */
async function bundleWorkflows(file: string, options: Partial<BundleOptions> = {}): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(dist, 'workflows/index.js'),
    workflowInterceptorModules: [join(dist, 'workflows/interceptors.js')],
    preloadModules: [join(dist, 'workflow.js')],
    logger: new DefaultLogger('WARN'),
    ...options,
  });
  await writeFile(join(dist, file), code);
}

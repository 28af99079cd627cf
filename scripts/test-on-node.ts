import { spawnSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { type ExecutableSpec, findOnPath, resolveExecutable } from './executables/resolve-executable.js';
import { runTool } from './executables/run-tool.js';

/* Runs the fast tests on the major versions of Node that are given as arguments. */

const versions = process.argv.slice(2);
if (versions.length === 0) throw new Error('usage: test-on-node.ts <major version>...');

for (const version of versions) {
  const node = await resolveExecutable(toSpec(version));
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  console.log(`\nThe fast tests on Node ${stdout}`);
  const { status } = spawnSync(node, ['--import', 'tsx', 'scripts/test.ts', '--fast'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** The npm packages `node-<platform>-<arch>` contain the executable itself, so no install script has to run. */
function toSpec(version: string): ExecutableSpec {
  const packageName = `node-${process.platform}-${process.arch}`;
  return {
    name: `Node ${version}`,
    variable: `BCTRL_TEST_NODE_${version}`,
    command: 'node',
    onPath: [],
    sources: [
      {
        doing: 'Downloading',
        tool: 'npm',
        folder: `node-${version}`,
        make: async (folder, { env, signal }) => {
          const npm = await findOnPath('npm', env);
          if (!npm) throw new Error('npm is not installed');
          const args = [
            'install',
            '--prefix',
            folder,
            '--no-save',
            '--no-audit',
            '--no-fund',
            `${packageName}@${version}`,
          ];
          await runTool(npm, args, { env, signal, cwd: folder });
          // The link is relative, as the folder is moved to its place.
          await symlink(`node_modules/${packageName}/bin/node`, `${folder}/node`);
        },
      },
    ],
  };
}

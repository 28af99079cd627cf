import { chmod, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sdk from '@temporalio/testing/package.json' with { type: 'json' };
import {
  type ExecutableSpec,
  findOnPath,
  isExecutable,
  type ResolveIo,
  resolveExecutable,
  type Source,
} from './executables/resolve-executable.js';
import { runDownload, runTool } from './executables/run-tool.js';

/** Later tags of the Temporal CLI need a module that has no release. */
export const CLI_VERSION = '1.5.1';
/**
 * Newer than what this version of the CLI asks for. With that, a request that is cancelled while SQLite works on it can leave
 * the database in a state in which every later request fails with "interrupted (9)".
 */
const SQLITE_VERSION = '1.62.0';
export const TEST_SERVER_VERSION = '1.32.1';
/** The version of slf4j-api that the test server depends on. */
const SLF4J_VERSION = '1.7.36';
const MAVEN_DEPENDENCY_PLUGIN_VERSION = '3.8.1';

/** The SDK asks this host for the address of a server's archive. */
const DOWNLOAD_ORIGIN = 'https://temporal.download';

const CLI_PACKAGE = 'github.com/temporalio/cli/cmd/temporal';

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>bctrl</groupId>
  <artifactId>temporal-test-server-launcher</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>${TEST_SERVER_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>${SLF4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

// The SDK waits five seconds for the server. A JVM that compiles little and shares classes is up in time on a busy machine.
const LAUNCHER = `#!/bin/sh
exec "\${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "\${0%/*}/lib/*" io.temporal.testserver.TestServer "$@"
`;

const DEV_SERVER: ExecutableSpec = {
  name: 'Temporal dev server',
  variable: 'BCTRL_TEMPORAL_DEV_SERVER',
  command: 'temporal',
  onPath: ['temporal'],
  sources: [
    download('dev-server', `temporal-cli-sdk-${sdk.version}`, 'temporal'),
    {
      doing: 'Building',
      tool: 'Go',
      takes: 'about 5 minutes',
      folder: `temporal-cli-${CLI_VERSION}-sqlite-${SQLITE_VERSION}`,
      make: buildDevServer,
    },
  ],
};

const TEST_SERVER: ExecutableSpec = {
  name: 'Temporal test server',
  variable: 'BCTRL_TEMPORAL_TEST_SERVER',
  command: 'temporal-test-server',
  onPath: [],
  sources: [
    download('time-skipping', `temporal-test-server-sdk-${sdk.version}`, 'temporal-test-server'),
    {
      doing: 'Building',
      tool: 'Maven',
      takes: 'about 10 seconds',
      folder: `temporal-test-server-${TEST_SERVER_VERSION}`,
      make: buildTestServer,
    },
  ],
};

/** Returns the absolute path of the `temporal` CLI, which has a server with a UI; downloads or builds it when there is none. */
export function resolveDevServer(io?: Partial<ResolveIo>): Promise<string> {
  return resolveExecutable(DEV_SERVER, io);
}

/** Returns the absolute path of the time-skipping test server; downloads or builds it when there is none. */
export function resolveTestServer(io?: Partial<ResolveIo>): Promise<string> {
  return resolveExecutable(TEST_SERVER, io);
}

function download(kind: 'dev-server' | 'time-skipping', folder: string, command: string): Source {
  const script = fileURLToPath(new URL('executables/download-server.ts', import.meta.url));
  return {
    doing: 'Downloading',
    tool: 'the Temporal SDK',
    folder,
    make: async (dir, { env, signal }) => {
      const args = ['--import', 'tsx', script, kind, dir];
      await runDownload(DOWNLOAD_ORIGIN, process.execPath, args, { env, signal });
      const [downloaded = ''] = await readdir(dir);
      await rename(join(dir, downloaded), join(dir, command));
    },
  };
}

async function buildDevServer(folder: string, { env, signal }: ResolveIo): Promise<void> {
  const go = await findOnPath('go', env);
  if (!go) throw new Error('Go is not installed (https://go.dev/dl)');
  // An interrupted build leaves its work folder behind, so that is here too.
  const options = { env: { ...env, GOTMPDIR: folder }, signal, cwd: folder };
  const modules = [`${CLI_PACKAGE}@v${CLI_VERSION}`, `modernc.org/sqlite@v${SQLITE_VERSION}`];
  await runTool(go, ['mod', 'init', 'bctrl/temporal-dev-server'], options);
  await runTool(go, ['get', ...modules], options);
  await runTool(go, ['build', '-o', 'temporal', CLI_PACKAGE], options);
  await Promise.all(['go.mod', 'go.sum'].map((name) => rm(join(folder, name))));
}

async function buildTestServer(folder: string, { env, signal }: ResolveIo): Promise<void> {
  const maven = await findOnPath('mvn', env);
  if (!maven) throw new Error('Maven is not installed (https://maven.apache.org/install.html)');
  // Maven looks for Java in JAVA_HOME first.
  const home = env['JAVA_HOME'];
  const hasJava = home ? await isExecutable(join(home, 'bin/java')) : await findOnPath('java', env);
  if (!hasJava) throw new Error('Java 11 or newer is not installed (https://adoptium.net)');

  const pom = join(folder, 'pom.xml');
  await writeFile(pom, POM);
  const goal = `org.apache.maven.plugins:maven-dependency-plugin:${MAVEN_DEPENDENCY_PLUGIN_VERSION}:copy-dependencies`;
  const options = ['-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'lib')}`];
  const args = ['--quiet', '--batch-mode', `--file=${pom}`, goal, ...options];
  await runTool(maven, args, { env, signal, cwd: folder });
  await rm(pom);
  const launcher = join(folder, 'temporal-test-server');
  await writeFile(launcher, LAUNCHER);
  await chmod(launcher, 0o755);
}

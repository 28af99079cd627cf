import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findJava, findOnPath, runTool } from './build-tool.js';
import type { ServerIo } from './server-io.js';
import { MAVEN_DEPENDENCY_PLUGIN_VERSION, SLF4J_VERSION, TEST_SERVER_VERSION } from './versions.js';

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

// The SDK gives the server five seconds to answer: a JVM that compiles little and shares classes is up in time on a busy machine.
const LAUNCHER = `#!/bin/sh
exec "\${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "\${0%/*}/lib/*" io.temporal.testserver.TestServer "$@"
`;

/** Puts `temporal-test-server`, a launcher for the time-skipping test server, and its jars into `folder`. */
export async function buildTestServer(folder: string, io: ServerIo): Promise<void> {
  const maven = await findOnPath('mvn', io.env);
  if (!maven) throw new Error('Maven is not installed (https://maven.apache.org/install.html)');
  if (!(await findJava(io.env))) throw new Error('Java 11 or newer is not installed (https://adoptium.net)');

  const pom = join(folder, 'pom.xml');
  await writeFile(pom, POM);
  await runTool(
    maven,
    [
      '--quiet',
      '--batch-mode',
      `--file=${pom}`,
      `org.apache.maven.plugins:maven-dependency-plugin:${MAVEN_DEPENDENCY_PLUGIN_VERSION}:copy-dependencies`,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(folder, 'lib')}`,
    ],
    { env: io.env, signal: io.signal, cwd: folder },
  );
  await rm(pom);

  const launcher = join(folder, 'temporal-test-server');
  await writeFile(launcher, LAUNCHER);
  await chmod(launcher, 0o755);
}

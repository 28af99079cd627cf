import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

/**
 * Writes all types of a public entry into one file, `dist/<entry>.d.ts`, and its API report, `api/<entry>.api.md`, so that a
 * change of the public API shows in review.
 */
export async function rollUpTypes(root: string, entry: string): Promise<void> {
  const reportTempFolder = await mkdtemp(join(tmpdir(), 'api-'));
  try {
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(root, `dist/types/${entry}.d.ts`),
        compiler: { tsconfigFilePath: join(root, 'tsconfig.json') },
        dtsRollup: { enabled: true, untrimmedFilePath: join(root, `dist/${entry}.d.ts`) },
        apiReport: {
          enabled: true,
          // Types that are not exported, such as bases of interfaces, are part of the interface too.
          includeForgottenExports: true,
          reportFolder: join(root, 'api'),
          reportTempFolder,
          reportFileName: `${entry}.api.md`,
        },
        docModel: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          extractorMessageReporting: {
            default: { logLevel: ExtractorLogLevel.Warning },
            'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, 'package.json'),
    });
    const { errorCount } = Extractor.invoke(config, {
      // Writes the report instead of comparing it: the checks look for a change with git.
      localBuild: true,
      messageCallback: (message) => {
        if (message.logLevel === ExtractorLogLevel.Error)
          process.stderr.write(`${message.formatMessageWithLocation(root)}\n`);
        message.handled = true;
      },
    });
    if (errorCount > 0) throw new Error(`${errorCount} problems in the types of ${entry}`);
  } finally {
    await rm(reportTempFolder, { recursive: true });
  }
}

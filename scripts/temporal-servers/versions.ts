import sdk from '@temporalio/testing/package.json' with { type: 'json' };

/** The SDK downloads the servers that its own version was released with. */
export const SDK_VERSION: string = sdk.version;

/** Later tags of the Temporal CLI carry a local `replace`, which `go install` refuses. */
export const CLI_VERSION = '1.5.1';

export const TEST_SERVER_VERSION = '1.32.1';

/** The slf4j-api that the test server above depends on. */
export const SLF4J_VERSION = '1.7.36';

export const MAVEN_DEPENDENCY_PLUGIN_VERSION = '3.8.1';

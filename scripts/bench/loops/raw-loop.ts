import { Agent, request } from 'undici';
import { filePath } from '../file-path.js';
import { runLoop } from './run-loop.js';

/* The limit: the request that a pipeline sends for a file, with nothing around it that could be left out. */
await runLoop(({ gatewayUrl, apiKey, runtimeId }) => {
  const dispatcher = new Agent();
  const url = `${gatewayUrl}/v1/runtimes/${runtimeId}/files/collect`;
  const headers = {
    authorization: `Bearer ${apiKey}`,
    accept: 'application/json',
    'content-type': 'application/json',
  };
  return async (number) => {
    const runtimePath = filePath(number);
    const body = JSON.stringify({
      runtimePath,
      metadata: { temporalCollectionKey: `${runtimeId}/${runtimeId}/${number}` },
    });
    const response = await request(url, { dispatcher, method: 'POST', headers, body });
    const file = (await response.body.json()) as { path: string };
    if (response.statusCode !== 200) throw new Error(`The gateway returned ${response.statusCode}`);
    return file;
  };
});

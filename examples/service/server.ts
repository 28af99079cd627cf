import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { ApplicationFailure, Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { readProgress, start, waitForReport } from './pipelines.js';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });

type Reply = [status: number, body: unknown];

/**
 * - `POST /pipelines` with `{ "runtimeId": "…", "invocationId": "…" }` starts a pipeline
 * - `GET /pipelines/<workflowId>` shows its progress
 * - `GET /pipelines/<workflowId>/report` waits for its report
 */
async function handle(request: IncomingMessage): Promise<Reply> {
  const { method, url = '' } = request;
  if (method === 'POST' && url === '/pipelines') {
    const started = await start(client, JSON.parse(await text(request)));
    return [started.isNew ? 201 : 200, started];
  }
  const [, id, report] = /^\/pipelines\/([^/]+)(\/report)?$/.exec(url) ?? [];
  if (method !== 'GET' || id === undefined) return [404, { message: `there is no ${method} ${url}` }];
  const workflowId = decodeURIComponent(id);
  return [200, await (report ? waitForReport : readProgress)(client, workflowId)];
}

function toReply(error: unknown): Reply {
  if (error instanceof SyntaxError || error instanceof URIError) return [400, { message: error.message }];
  if (error instanceof ApplicationFailure && error.type === 'invalid_input')
    return [400, { message: error.message }];
  if (error instanceof WorkflowNotFoundError) return [404, { message: 'there is no such pipeline' }];
  console.error(error);
  return [500, { message: 'internal error' }];
}

const { PORT: port = '3000' } = process.env;
const server = createServer(async (request, response) => {
  const [status, body] = await handle(request).catch(toReply);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
server.listen(Number(port), () => console.log('listening on', server.address()));
process.once('SIGTERM', () => server.close(() => connection.close()));

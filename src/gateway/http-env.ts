import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';

export interface HttpEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** The connection is gone, so there is no answer to count. */
    dropped: boolean;
  };
}

export type HttpContext = Context<HttpEnv>;

/** Replaces an answer that a handler may have made already, with nothing left of that one but its request id. */
export function replaceResponse(c: HttpContext, answer: Response): void {
  c.res = undefined;
  answer.headers.set('x-request-id', c.var.requestId);
  c.res = answer;
}

/** To be called when the connection has been closed by hand: nobody answers any more. */
export function markResponseSent(c: HttpContext): void {
  c.set('dropped', true);
  c.res = undefined;
  c.res = RESPONSE_ALREADY_SENT;
}

import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

/** Path of the one operation that the document describes. */
export const COLLECT_PATH = '/v1/runtimes/{runtimeId}/files/collect';

interface Content {
  readonly content: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
}

const document = parse(readFileSync(new URL('openapi.yaml', import.meta.url), 'utf8'));

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
// The document's own words around the schemas; within the schemas, unknown words are errors.
ajv.addVocabulary(['openapi', 'info', 'paths', 'servers', 'components']);
ajv.addSchema(document, 'contract');

export const { schemas } = document.components;

/** Answers of the collect call by status, and its body. */
export const {
  responses,
  requestBody,
}: { responses: Record<string, Content & { description: string }>; requestBody: Content } =
  document.paths[COLLECT_PATH].post;

export function toJudge({ content }: Content): ValidateFunction {
  return ajv.compile({ $ref: `contract${content['application/json']?.schema.$ref}` });
}

/** Judges by a schema of the document; `strict` refuses fields that it does not name. */
export function createSchemaValidator(name: string, { strict = false } = {}): ValidateFunction {
  const $ref = `contract#/components/schemas/${name}`;
  return ajv.compile(strict ? { type: 'object', $ref, unevaluatedProperties: false } : { $ref });
}

/** What a judge has just found wrong. */
export function describeErrors(judge: ValidateFunction): string {
  return ajv.errorsText(judge.errors);
}

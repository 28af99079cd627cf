import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

/** Path of the only operation in the contract. */
export const COLLECT_PATH = '/v1/runtimes/{runtimeId}/files/collect';

interface Content {
  readonly content: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
}

const document = parse(readFileSync(new URL('openapi.yaml', import.meta.url), 'utf8'));

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
// Keywords of OpenAPI around the schemas. Within the schemas, unknown keywords are errors.
ajv.addVocabulary(['openapi', 'info', 'paths', 'servers', 'components']);
ajv.addSchema(document, 'contract');

export const { schemas } = document.components;

/** Responses of the collect call by status, and its request body. */
export const {
  responses,
  requestBody,
}: { responses: Record<string, Content & { description: string }>; requestBody: Content } =
  document.paths[COLLECT_PATH].post;

export function createValidator({ content }: Content): ValidateFunction {
  return ajv.compile({ $ref: `contract${content['application/json']?.schema.$ref}` });
}

/** Validates by a schema of the contract; `strict` refuses undocumented fields. */
export function createSchemaValidator(name: string, { strict = false } = {}): ValidateFunction {
  const $ref = `contract#/components/schemas/${name}`;
  return ajv.compile(strict ? { type: 'object', $ref, unevaluatedProperties: false } : { $ref });
}

/** The errors of the validator's last call. */
export function describeErrors(validator: ValidateFunction): string {
  return ajv.errorsText(validator.errors);
}

import { parser } from '@prometheus-io/lezer-promql';
import { findMetric } from './metrics.js';

/** What Prometheus adds when it scrapes. */
const SCRAPE_LABELS = ['job', 'instance'];

/** What is wrong with a PromQL expression: its syntax, or what it asks for and nobody has. */
export function checkPromql(expression: string): string[] {
  const problems: string[] = [];
  const grouping = new Set<string>();
  const available = new Set<string>(SCRAPE_LABELS);
  let labels: Record<string, readonly string[] | 'any'> = {};
  let label = '';
  let inRange = false;
  parser.parse(expression).iterate({
    enter(node) {
      const { name, from, to } = node;
      const text = expression.slice(from, to);
      const parent = node.node.parent?.name;
      if (node.type.isError) problems.push(`syntax, at ${JSON.stringify(expression.slice(from))}`);
      if (name === 'MatrixSelector') inRange = true;
      if (name === 'Identifier' && parent === 'VectorSelector') {
        const metric = findMetric(text);
        if (!metric) problems.push(`there is no metric ${text}`);
        else if ((metric.type === 'counter') !== inRange) {
          problems.push(`${text} is a ${metric.type}${inRange ? '' : ' and needs its rate'}`);
        }
        labels = metric?.labels ?? {};
        for (const known of Object.keys(labels)) available.add(known);
      }
      if (name === 'LabelName' && parent === 'GroupingLabels') grouping.add(text);
      if (name === 'LabelName' && parent === 'UnquotedLabelMatcher') {
        label = text;
        if (!(text in labels || SCRAPE_LABELS.includes(text))) problems.push(`no label ${text}`);
      }
      if (name === 'StringLiteral' && parent === 'UnquotedLabelMatcher') {
        const values = labels[label] ?? 'any';
        const asked = text.slice(1, -1).split('|');
        const unknown = values === 'any' ? [] : asked.filter((value) => !values.includes(value));
        problems.push(...unknown.map((value) => `${label} is never ${value}`));
      }
    },
    leave({ name }) {
      if (name === 'MatrixSelector') inRange = false;
    },
  });
  for (const name of grouping) if (!available.has(name)) problems.push(`no label ${name}`);
  return problems;
}

/** The labels that the result of an aggregation has. */
export function groupingLabels(expression: string): string[] {
  return [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
}

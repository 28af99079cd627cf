import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { durationToMs } from '../../src/shared/duration.js';
import { type ComposeProject, getEnvironment, getService, loadCompose, needsGo } from './compose.js';
import { REPOSITORY } from './dockerfile.js';
import { checkPromql, groupingLabels } from './promql.js';

const FOLDER = join(REPOSITORY, 'docker/observability');
const read = (path: string) => readFile(join(FOLDER, path), 'utf8');

const prometheus = parse(await read('prometheus/prometheus.yml'));
const rules = parse(await read('prometheus/alerts.yml'));
const datasources = parse(await read('grafana/provisioning/datasources/prometheus.yml'));
const providers = parse(await read('grafana/provisioning/dashboards/bctrl-temporal.yml'));
const dashboard = JSON.parse(await read('grafana/dashboards/bctrl-temporal.json'));

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

interface Panel {
  id: number;
  title: string;
  type: string;
  datasource: unknown;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { refId: string; datasource: unknown; expr: string; legendFormat?: string }[];
}

describe('the alert', () => {
  assert.deepEqual([Object.keys(rules), rules.groups.length], [['groups'], 1]);
  const alerts: Rule[] = rules.groups[0].rules;
  for (const { alert, expr, for: pending, labels, annotations, ...rest } of alerts) {
    test(`${alert} queries metrics that exist, and says what to do`, () => {
      assert.deepEqual([checkPromql(expr), rest], [[], {}]);
      assert.ok(durationToMs(pending as never) > 0);
      assert.ok(['critical', 'warning'].includes(labels['severity'] ?? ''));
      assert.deepEqual(Object.keys(annotations), ['summary', 'description']);
      const used = [
        ...Object.values(annotations)
          .join()
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, name]) => name);
      for (const name of used) assert.ok(groupingLabels(expr).includes(name ?? ''), name);
    });
  }

  test('names are unique', () => {
    assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length);
  });
});

describe('the panel', () => {
  const panels: Panel[] = dashboard.panels;
  const datasource = { type: datasources.datasources[0].type, uid: datasources.datasources[0].uid };
  for (const panel of panels) {
    test(`“${panel.title}” queries metrics that exist`, () => {
      assert.deepEqual(panel.datasource, datasource);
      assert.ok(panel.targets.length > 0);
      for (const target of panel.targets) {
        const expr = target.expr.replaceAll('$__rate_interval', '5m');
        assert.deepEqual([checkPromql(expr), target.datasource], [[], datasource], target.expr);
        const used = [...(target.legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name);
        assert.deepEqual(
          used.toSorted(),
          groupingLabels(expr)
            .filter((name) => name !== 'le')
            .toSorted(),
        );
      }
    });
  }

  test('has its own place and number', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length);
    assert.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
  });
});

describe('with the profile observability', needsGo, () => {
  let project: ComposeProject;
  before(async () => {
    project = await loadCompose('docker-compose.yml');
  });

  test('Prometheus scrapes the workers where they serve their metrics', () => {
    const [scrape, ...others] = prometheus.scrape_configs;
    const [{ names, port }] = scrape.dns_sd_configs;
    const [, served] =
      getEnvironment(getService(project, names[0]))['BCTRL_METRICS_ADDRESS']?.split(':') ?? [];
    assert.deepEqual([names, String(port), others], [['worker'], served, []]);
    const jobs = JSON.stringify([rules, dashboard]).matchAll(/job=\\*"(.*?)\\*"/g);
    for (const [, job] of jobs) assert.equal(job, scrape.job_name);
  });

  test('Prometheus has the version whose grammar parses the queries here', async () => {
    const manifest = 'node_modules/@prometheus-io/lezer-promql/package.json';
    const { version } = JSON.parse(await readFile(join(REPOSITORY, manifest), 'utf8'));
    const [, minor] = version.split('.');
    assert.match(minor, /^3\d\d$/);
    const image = `prom/prometheus:v3.${Number(minor) - 300}.`;
    assert.ok(getService(project, 'prometheus').image.startsWith(image), image);
  });

  test('Prometheus finds its files', async () => {
    const mounted = getService(project, 'prometheus').volumes?.find(
      ({ target }) => target === '/etc/prometheus',
    );
    assert.equal(mounted?.source, join(FOLDER, 'prometheus'));
    const files = await readdir(join(FOLDER, 'prometheus'));
    assert.deepEqual(files.toSorted(), ['prometheus.yml', ...prometheus.rule_files].toSorted());
  });

  test('Grafana finds Prometheus, its provisioning and its dashboard', () => {
    const { volumes = [], environment = {} } = getService(project, 'grafana');
    const mounts = volumes.map(({ source, target }) => [relative(FOLDER, source), target]);
    assert.deepEqual(mounts, [
      ['grafana/provisioning/datasources', '/etc/grafana/provisioning/datasources'],
      ['grafana/provisioning/dashboards', '/etc/grafana/provisioning/dashboards'],
      ['grafana/dashboards', providers.providers[0].options.path],
    ]);
    const home = join(providers.providers[0].options.path, `${dashboard.uid}.json`);
    assert.equal(environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'], home);
    const { hostname, port } = new URL(datasources.datasources[0].url);
    assert.equal(getService(project, hostname).ports?.[0]?.target, Number(port));
  });
});

test('checkPromql finds each kind of mistake', () => {
  const wrong: [expression: string, problem: RegExp][] = [
    ['sum(rate(bctrl_collects_total[5m])', /syntax/],
    ['sum(rate(bctrl_collect_total[5m]))', /no metric bctrl_collect_total/],
    ['rate(bctrl_collect_duration_seconds[5m])', /no metric bctrl_collect_duration_seconds/],
    ['rate(bctrl_collects_total{outcom="failed"}[5m])', /no label outcom/],
    ['rate(bctrl_collects_total{outcome=~"failed|lost"}[5m])', /outcome is never lost/],
    ['sum by (operation) (rate(bctrl_collects_total[5m]))', /no label operation/],
    ['sum(bctrl_collects_total)', /is a counter and needs its rate/],
    ['rate(bctrl_held_pipelines[5m])', /is a gauge/],
  ];
  for (const [expression, problem] of wrong)
    assert.match(checkPromql(expression).join(), problem, expression);
  const right = 'histogram_quantile(0.9, sum by (le) (rate(bctrl_collect_duration_seconds_bucket[5m])))';
  assert.deepEqual(checkPromql(right), []);
});

// Rules and dashboards reach the cluster as they are in the repository.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chart, ci, majors, ofKind, objectsOf, read, render, renderText, run, withDirectory, yaml } from './chart.mjs';

const files = ['rpoguard', 'slo', 'neighbours'];
const dashboards = ['failover', 'fleet', 'shard'];

for (const major of majors) {
  test(`the text of the rules is that of rules/, letter for letter, with Helm ${major}`, () => {
    const text = renderText(major, chart, '-f', ci('monitoring'));
    for (const file of files) {
      const indented = read(`rules/${file}.rules.yml`).replace(/^/gm, '  ').trimEnd();
      assert.ok(text.includes(`\nspec:\n${indented}\n`), file);
    }
  });
}

test('each file is one object with the same groups', () => {
  const rules = ofKind(render('monitoring'), 'PrometheusRule');
  assert.deepEqual(rules.map((rule) => rule.metadata.name).sort(), files.map((file) => `rel-rpoguard-${file}`).sort());
  for (const file of files) {
    const rule = rules.find((one) => one.metadata.name.endsWith(`-${file}`));
    assert.deepEqual(rule.spec, yaml.parse(read(`rules/${file}.rules.yml`)));
    assert.equal(rule.metadata.labels.release, 'kube-prometheus-stack');
  }
});

test('promtool takes the rendered rules', () => {
  for (const name of ['monitoring', 'podmonitor']) {
    withDirectory((directory) => {
      const paths = ofKind(render(name), 'PrometheusRule').map((rule) => {
        const path = join(directory, `${rule.metadata.name}.yml`);
        writeFileSync(path, yaml.stringify(rule.spec));
        return path;
      });
      const done = run('promtool', 'check', 'rules', '--lint=all', '--lint-fatal', ...paths);
      assert.equal(done.status, 0, done.stdout + done.stderr);
    });
  }
});

test('with runbookBaseUrl every runbook is found there, and nothing else differs', () => {
  const [rule] = ofKind(render('podmonitor'), 'PrometheusRule');
  const base = 'https://wiki.example.com/rpoguard/';
  const text = read('rules/rpoguard.rules.yml');
  assert.deepEqual(rule.spec, yaml.parse(text.replaceAll('"rules/runbooks/', `"${base}`)));
  const urls = rule.spec.groups.flatMap((group) => group.rules).filter((one) => one.alert).map((one) => one.annotations.runbook_url);
  assert.ok(urls.length > 10);
  for (const url of urls) assert.ok(url.startsWith(base), url);
});

test('the job that the rules ask for is the job of the monitors', () => {
  const job = /up\{[^}]*job="([^"]+)"/.exec(read('rules/rpoguard.rules.yml'))[1];
  const endpoints = [ofKind(render('monitoring'), 'ServiceMonitor')[0].spec.endpoints[0],
    ofKind(render('podmonitor'), 'PodMonitor')[0].spec.podMetricsEndpoints[0]];
  for (const endpoint of endpoints) assert.deepEqual(endpoint.relabelings[0], { targetLabel: 'job', replacement: job });
});

test('the dashboards are those of dashboards/, letter for letter', () => {
  const maps = ofKind(render('monitoring'), 'ConfigMap').filter((map) => map.metadata.labels.grafana_dashboard === '1');
  assert.equal(maps.length, dashboards.length);
  for (const name of dashboards) {
    const map = maps.find((one) => one.metadata.name === `rel-rpoguard-${name}`);
    assert.equal(map.data[`rpoguard-${name}.json`].trimEnd(), read(`dashboards/${name}.json`).trimEnd());
    assert.ok(JSON.stringify(map).length < 1024 * 1024, 'more than a ConfigMap may hold');
  }
});

test('with runbookBaseUrl the dashboards link there', () => {
  const maps = objectsOf(renderText('4', chart, '-f', ci('podmonitor'))).filter((one) => one.metadata.namespace === 'grafana');
  assert.equal(maps.length, dashboards.length);
  for (const map of maps) {
    const [text] = Object.values(map.data);
    assert.ok(text.includes('"query": "https://wiki.example.com/rpoguard"') && !text.includes('runbooks.example.com'));
    JSON.parse(text);
  }
});

// What the values may be: schema, refusals with a reason, and the README that lists them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, majors, read, sameAsFile, yaml } from './chart.mjs';

const schema = JSON.parse(read('helm/rpoguard/values.schema.json'));
const values = yaml.parseDocument(read('helm/rpoguard/values.yaml'));
const config = 'shards: []\n';

function refused(change, pattern, ...args) {
  for (const major of majors) {
    const done = judge(major, { config, ...change }, ...args);
    assert.notEqual(done.status, 0, `Helm ${major} takes ${JSON.stringify(change)}`);
    assert.match(done.stderr, pattern);
  }
}

test('what the other tests change is taken as it is', () => {
  for (const major of majors) {
    const done = judge(major, { config, global: { any: 1 }, enabled: true });
    assert.equal(done.status, 0, done.stderr);
  }
});

for (const [key, bad] of Object.entries({
  mode: 'daemonset', replicaCount: 0, image: { tga: 'x' }, imagePullSecrets: ['name'], nameOverride: 'Upper Case',
  commonLabels: { a: 1 }, config: { shards: [] }, existingConfigMap: 'a b', existingSecrets: [{ name: 'pg' }],
  persistence: { size: 'big' }, sidecar: { leaseDirectory: 'run' }, serviceAccount: { automount: true },
  webConfig: { ops: 'web.yml' }, extraArgs: 'a',
  service: { opsPort: 70000 }, extraEnv: { A: 'b' }, resources: 'small', startupProbe: 'tcp', livenessProbe: [],
  readinessProbe: '', terminationGracePeriodSeconds: 1, podAnnotations: { a: true }, podLabels: { 'app.kubernetes.io/name': 'x' }, podSecurityContext: [],
  tolerations: {}, affinity: [], podDisruptionBudget: { maxUnavailable: 0 }, networkPolicy: { opsFrom: {} },
  serviceMonitor: { interval: '5 seconds' }, podMonitor: { enabled: 'yes' }, prometheusRule: { alerts: true },
  runbookBaseUrl: 'wiki', grafanaDashboards: { folder: 'x' }, tests: true, extraObjects: {}, replicas: 1,
})) {
  test(`the schema refuses ${key}: ${JSON.stringify(bad)}`, () => {
    refused({ [key]: bad }, new RegExp(`values don't meet the specifications[\\s\\S]*(${key}|${Object.keys(bad)[0]})`));  // of a property's name Helm 4 tells only that
  });
}

test('contradictions are refused with what to do', () => {
  refused({ config: '' }, /set config \(--set-file config=rpoguard.yml\) or existingConfigMap/);
  refused({ existingConfigMap: 'a' }, /exclude each other/);
  refused({ serviceMonitor: { enabled: true }, podMonitor: { enabled: true } }, /scrape everything twice/);
  refused({ replicaCount: 2 }, /one volume serves one replica/);
  refused({ mode: 'fleet', persistence: { existingClaim: 'a' } }, /in a fleet each replica has its own/);
  refused({ mode: 'sidecar', networkPolicy: { enabled: true } }, /would bind your whole Pod/);
  refused({ mode: 'sidecar', serviceMonitor: { enabled: true } }, /scraped by podMonitor/);
  refused({ mode: 'sidecar', podMonitor: { enabled: true } }, /needs sidecar.podLabels/);
  refused({ config: 'a: [' }, /config is not YAML/);
  refused({ config: 'listen: {ops: "0.0.0.0:80"}' }, /listen.ops in config must keep port 10187/);
  refused({ config: 'listen: {gate: "0.0.0.0:80"}' }, /listen.gate in config must keep port 10188/);
  refused({ webConfig: { ops: '/run/web.yml' } }, /set listen.health in config to 0.0.0.0:10189/);
  refused({ podMonitor: { enabled: true, basicAuth: { username: {} } } }, /belong to webConfig.ops/);
  refused({ config: 'state_dir: /tmp' }, /leave state_dir out of config/);
});

test('clusters that are too old are refused', () => {
  refused({}, /kubeVersion/, '--kube-version', '1.24.0');
  refused({ mode: 'fleet' }, /needs Kubernetes 1.28/, '--kube-version', '1.27.9');
  refused({ mode: 'sidecar' }, /needs Kubernetes 1.29/, '--kube-version', '1.28.9');
  assert.equal(judge('4', { config, mode: 'fleet' }, '--kube-version', '1.28.0').status, 0);
  assert.equal(judge('4', { config, mode: 'sidecar' }, '--kube-version', '1.29.0').status, 0);
});

const resolved = (part) => (part?.$ref ? schema.definitions[part.$ref.split('/').pop()] : part);

/** [path, comment, default] of every value; maps that the schema leaves open are one value. */
function list(map, part, prefix) {
  return map.items.flatMap((pair) => {
    const key = String(pair.key.value ?? pair.key);
    const path = prefix + key;
    const below = resolved(part.properties?.[key]);
    assert.ok(below, `${path} is not in the schema`);
    if (below.properties) return list(pair.value, below, `${path}.`);
    const comment = pair.key.commentBefore ?? (pair === map.items[0] ? map.commentBefore : undefined);
    assert.match(comment ?? '', /(^|\n) -- /, `${path} has no comment that begins with --`);
    return [[path, comment.trim().replace(/^[\s\S]*-- /, '').replaceAll('|', '\\|'), JSON.stringify(pair.value.toJSON())]];
  });
}

function pathsOf(part, prefix) {
  return Object.entries(part.properties).flatMap(([key, below]) =>
    resolved(below).properties ? pathsOf(resolved(below), `${prefix}${key}.`) : [prefix + key]);
}

const listed = list(values.contents, schema, '');

test('values.yaml and the schema know the same keys', () => {
  const ofParents = ['global', 'enabled'];
  assert.deepEqual(listed.map(([path]) => path).sort(), pathsOf(schema, '').filter((path) => !ofParents.includes(path)).sort());
});

test('the README lists every value as values.yaml has it', () => {
  const rows = listed.map(([path, comment, value]) => `| \`${path}\` | ${comment} | \`${value}\` |\n`).join('');
  const path = 'helm/rpoguard/README.md';
  const head = '| Value | Means | Default |\n|---|---|---|\n';
  const [before, after] = read(path).split(/\| Value \| Means[\s\S]*?\n(?=\n|$)/);
  sameAsFile(assert, path, before + head + rows + after);
});

// What the objects mean together: who is probed how, who finds whom, and what a security review asks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chart, ci, ciFiles, helm, nameOf, objectsOf, ofKind, only, parent, podOf, read, render, renderText, renderTextOf } from './chart.mjs';

const everything = [...ciFiles.map(nameOf).map((name) => [name, render(name)]), ['parent', objectsOf(renderText('4', parent))]];
const matches = (selector, labels) => Object.entries(selector).every(([key, value]) => labels[key] === value);
const workloadOf = (objects) => objects.find((object) => ['Deployment', 'StatefulSet'].includes(object.kind));
const guardOf = (pod) => [...(pod.initContainers ?? []), ...pod.containers].find((one) => one.name === 'rpoguard');
const sidecarOf = () => podOf(workloadOf(objectsOf(renderText('4', parent))));

test('no object is a Secret, and none grants a right', () => {
  const allowed = ['ConfigMap', 'Deployment', 'NetworkPolicy', 'PersistentVolumeClaim', 'Pod', 'PodDisruptionBudget',
    'PodMonitor', 'PrometheusRule', 'Service', 'ServiceAccount', 'ServiceMonitor', 'StatefulSet'];
  for (const [name, objects] of everything) {
    for (const object of objects) assert.ok(allowed.includes(object.kind), `${name}: ${object.kind}`);
  }
});

test('no token is mounted, and every container of ours is hardened', () => {
  for (const [name, objects] of everything) {
    for (const account of ofKind(objects, 'ServiceAccount')) assert.equal(account.automountServiceAccountToken, false);
    for (const pod of objects.map(podOf).filter(Boolean)) {
      assert.equal(pod.automountServiceAccountToken, false, name);
      const ours = [...(pod.initContainers ?? []), ...pod.containers].filter((one) => /rpoguard/.test(one.image));
      assert.ok(ours.length > 0, name);
      for (const { securityContext } of ours) {
        assert.deepEqual(securityContext, {
          runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] },
        });
      }
    }
  }
});

test('Secrets are mounted as they are, readable by the group, and named in no argument or variable', () => {
  const pod = podOf(only(render('tls'), 'Deployment'));
  const mounts = guardOf(pod).volumeMounts.filter((mount) => mount.name.startsWith('rpoguard-secret-'));
  assert.deepEqual(mounts.map((mount) => mount.mountPath), ['/run/secrets/pg', '/run/secrets/pg-tls', '/run/secrets/control']);
  for (const mount of mounts) {
    assert.equal(mount.readOnly, true);
    assert.equal(mount.subPath, undefined, 'a subPath never changes');
    const { secret } = pod.volumes.find((volume) => volume.name === mount.name);
    assert.equal(`/run/secrets/${secret.secretName}`, mount.mountPath);
    assert.equal(secret.defaultMode, 0o440);
  }
  assert.equal(guardOf(pod).env, undefined);
});

test('a mount always has its volume', () => {
  for (const [name, objects] of everything) {
    const workload = workloadOf(objects);
    if (!workload) continue;
    const claims = (workload.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name);
    const volumes = [...podOf(workload).volumes.map((volume) => volume.name), ...claims];
    assert.deepEqual(volumes, [...new Set(volumes)], name);
    for (const mount of guardOf(podOf(workload)).volumeMounts) assert.ok(volumes.includes(mount.name), `${name}: ${mount.name}`);
  }
});

test('startup and liveness ask rpoguard alone, readiness asks for a fresh view', () => {
  for (const name of ['default', 'fleet', 'two-watchers']) {
    const guard = guardOf(podOf(workloadOf(render(name))));
    assert.equal(guard.startupProbe.httpGet.path, '/livez');
    assert.equal(guard.livenessProbe.httpGet.path, '/livez');
    assert.equal(guard.readinessProbe.httpGet.path, '/readyz');
    for (const probe of [guard.startupProbe, guard.livenessProbe, guard.readinessProbe]) {
      assert.ok(guard.ports.some((port) => port.name === probe.httpGet.port && port.containerPort === 10187));
    }
  }
});

test('with TLS and users the probes go where neither is asked for, and Prometheus and helm test bring both', () => {
  const objects = render('web-config');
  const pod = podOf(workloadOf(objects));
  const guard = guardOf(pod);
  for (const probe of [guard.startupProbe, guard.livenessProbe, guard.readinessProbe]) {
    assert.ok(guard.ports.some((port) => port.name === probe.httpGet.port && port.containerPort === 10189));
  }
  for (const port of ['ops', 'gate']) {
    const prefix = port === 'ops' ? '--web.config.file=' : '--gate.web.config.file=';
    const file = guard.args.find((arg) => arg.startsWith(prefix)).slice(prefix.length);
    assert.ok(guard.volumeMounts.some((mount) => file.startsWith(`${mount.mountPath}/`)), file);
  }
  const [endpoint] = only(objects, 'ServiceMonitor').spec.endpoints;
  assert.equal(endpoint.scheme, 'https');
  assert.equal(endpoint.basicAuth.password.name, 'scrape');
  assert.equal(endpoint.tlsConfig.serverName, 'rpoguard');
  const test = ofKind(objects, 'Pod')[0].spec;
  const [status] = test.containers;
  assert.ok(status.args.some((arg) => arg.startsWith('--url=https://')));
  const mounted = status.volumeMounts.map((mount) => mount.name);
  assert.deepEqual(mounted, test.volumes.map((volume) => volume.name));
  assert.ok(status.volumeMounts.some((mount) => mount.mountPath === '/run/secrets/web'));
});

test('a sidecar is native, starts without PostgreSQL, and its verdict never counts for the Pod', () => {
  const pod = sidecarOf();
  const [guard] = pod.initContainers;
  assert.equal(guard.restartPolicy, 'Always');
  assert.equal(guard.startupProbe.httpGet.path, '/livez');
  assert.equal(guard.livenessProbe.httpGet.path, '/livez');
  assert.equal(guard.readinessProbe, undefined);
  assert.equal(pod.readinessGates, undefined);
});

test('a sidecar shares the lease page in memory, and only reads for others', () => {
  const pod = sidecarOf();
  assert.equal(pod.volumes.find((volume) => volume.name === 'rpoguard-lease').emptyDir.medium, 'Memory');
  assert.ok(pod.initContainers[0].volumeMounts.some((mount) => mount.mountPath === '/run/rpoguard' && !mount.readOnly));
});

test('Services and monitors find the Pods, and the Pod of helm test is none of them', () => {
  for (const [name, objects] of everything) {
    const service = ofKind(objects, 'Service')[0];
    const workload = workloadOf(objects);
    if (!workload) continue;
    const labels = workload.spec.template.metadata.labels;
    assert.ok(matches(workload.spec.selector.matchLabels, labels), name);
    assert.ok(matches(service.spec.selector, labels), name);
    for (const test of ofKind(objects, 'Pod')) assert.ok(!matches(service.spec.selector, test.metadata.labels), name);
    for (const kind of ['PodDisruptionBudget', 'NetworkPolicy']) {
      for (const one of ofKind(objects, kind)) {
        const selector = (one.spec.selector ?? one.spec.podSelector).matchLabels;
        assert.ok(matches(selector, labels), `${name}: ${kind}`);
      }
    }
    for (const monitor of ofKind(objects, 'ServiceMonitor')) {
      assert.ok(matches(monitor.spec.selector.matchLabels, service.metadata.labels), name);
      assert.ok(service.spec.ports.some((port) => port.name === monitor.spec.endpoints[0].port), name);
      assert.deepEqual(monitor.spec.namespaceSelector.matchNames, ['guards']);
    }
    for (const monitor of ofKind(objects, 'PodMonitor')) {
      assert.ok(matches(monitor.spec.selector.matchLabels, labels), name);
      const [endpoint] = monitor.spec.podMetricsEndpoints;
      assert.ok(guardOf(podOf(workload)).ports.some((port) => port.name === endpoint.port), name);
    }
  }
});

test('a selector holds nothing that an upgrade changes', () => {
  for (const [name, objects] of everything.filter(([name]) => name !== 'parent')) {
    const workload = workloadOf(objects);
    if (!workload) continue;
    assert.deepEqual(Object.keys(workload.spec.selector.matchLabels).sort(),
      ['app.kubernetes.io/component', 'app.kubernetes.io/instance', 'app.kubernetes.io/name'], name);
  }
});

test('a fleet counts its parts as it counts its replicas, and every Pod knows its own', () => {
  const fleet = only(render('fleet'), 'StatefulSet');
  const guard = guardOf(podOf(fleet));
  assert.equal(fleet.spec.replicas, 3);
  assert.ok(guard.args.includes('--part=$(RPOGUARD_POD_INDEX)/3'));
  assert.equal(guard.env[0].name, 'RPOGUARD_POD_INDEX');
  assert.equal(guard.env[0].valueFrom.fieldRef.fieldPath, "metadata.labels['apps.kubernetes.io/pod-index']");
  const service = only(render('fleet'), 'Service');
  assert.equal(service.spec.clusterIP, 'None');
  assert.equal(fleet.spec.serviceName, service.metadata.name);
  const tested = only(render('fleet'), 'Pod').spec.containers.map((one) => one.args[1]);
  assert.deepEqual(tested, [0, 1, 2].map((n) => `--url=http://rel-rpoguard-${n}.rel-rpoguard:10187`));
});

test('who watches everything has no part', () => {
  for (const name of ['default', 'two-watchers']) {
    assert.deepEqual(guardOf(podOf(only(render(name), 'Deployment'))).args, ['serve', '--config.file=/etc/rpoguard/rpoguard.yml']);
  }
});

test('one volume is never in two Pods', () => {
  assert.equal(only(render('default'), 'Deployment').spec.strategy.type, 'Recreate');
  assert.equal(only(render('two-watchers'), 'Deployment').spec.strategy.type, 'RollingUpdate');
});

test('a changed configuration starts the Pods anew', () => {
  const checksum = (name) => workloadOf(render(name)).spec.template.metadata.annotations['checksum/config'];
  assert.notEqual(checksum('default'), checksum('tls'));
  assert.equal(checksum('default'), checksum('monitoring'));
});

test('a closed NetworkPolicy lets nobody in, and an open one only who is named', () => {
  const closed = only(render('networkpolicy-closed'), 'NetworkPolicy').spec;
  assert.deepEqual(closed.policyTypes, ['Ingress', 'Egress']);
  assert.deepEqual(closed.ingress, []);
  const { ingress, egress } = only(render('networkpolicy'), 'NetworkPolicy').spec;
  for (const rule of ingress) {
    assert.ok(rule.from.length > 0, 'an empty from is everybody');
    assert.equal(rule.ports.length, 1);
  }
  const tester = only(render('networkpolicy'), 'Pod').metadata.labels;
  const peers = (port) => ingress.find((rule) => rule.ports[0].port === port).from;
  const letIn = (port) => peers(port).some((peer) => peer.podSelector && matches(peer.podSelector.matchLabels, tester));
  assert.ok(letIn('rpoguard-ops') && !letIn('rpoguard-gate'));
  assert.deepEqual(egress.map((rule) => rule.ports.map((port) => port.port)), [[53, 53], [5432]]);
});

test('a disruption budget needs more than one replica', () => {
  assert.equal(ofKind(render('default'), 'PodDisruptionBudget').length, 0);
  assert.equal(only(render('fleet'), 'PodDisruptionBudget').spec.maxUnavailable, 1);
});

test('images: digest before tag, version of the chart by default', () => {
  const image = (name) => guardOf(podOf(workloadOf(render(name)))).image;
  assert.equal(image('default'), `rpoguard:${/appVersion: "(.*)"/.exec(read('helm/rpoguard/Chart.yaml'))[1]}`);
  assert.match(image('scheduling'), /^registry\.example\.com\/db\/rpoguard@sha256:[0-9a-f]{64}$/);
});

test('the hook of helm test is one, and goes when it has passed', () => {
  const { annotations } = only(render('default'), 'Pod').metadata;
  assert.equal(annotations['helm.sh/hook'], 'test');
  assert.equal(annotations['helm.sh/hook-delete-policy'], 'before-hook-creation,hook-succeeded');
});

test('names stay within 63 characters', () => {
  const longest = 'a'.repeat(53);  // that Helm lets a release have
  const objects = objectsOf(renderTextOf(longest, '4', chart, '-f', ci('monitoring')));
  assert.ok(objects.length > 10);
  for (const object of objects) assert.ok(object.metadata.name.length <= 63, object.metadata.name);
});

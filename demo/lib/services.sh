# shellcheck shell=bash
# Everything of the demo that is not PostgreSQL. Sourced after common.sh and shards.sh.

demo_tool() { echo "$build/demo/tools/rpoguard-demo-$1"; }

# --- Links ---

start_links() {
  local shard links=()
  alive link && return
  for shard in "${shards[@]}"; do
    # Who sits in phx reaches iad over the one, who sits in iad reaches phx over the other.
    links+=(--link "$shard-to-iad=$(port "$shard-to-iad"):127.0.0.1:$(port "$shard-iad-a")")
    links+=(--link "$shard-to-phx=$(port "$shard-to-phx"):127.0.0.1:$(port "$shard-phx-a")")
  done
  # A relative path: the name of a socket is limited to 107 bytes.
  start_process link env -C "$demo_dir/run" "$(demo_tool link)" serve --control link.sock "${links[@]}"
  await link 10 link_control status
}

link_control() {
  (cd "$demo_dir/run" && "$(demo_tool link)" ctl link.sock "$@")
}

# both_links SHARD COMMAND [ARGUMENT]
both_links() {
  local shard=$1 command=$2 region
  shift 2
  for region in iad phx; do link_control "$command" "$shard-to-$region" "$@" >/dev/null; done
}

# --- rpoguard ---

write_rpoguard_config() {
  local shard node
  cat <<END
# Written by demo/up. rpoguard sits in iad: it sees phx over the wide-area link.
listen: {ops: "127.0.0.1:$(port ops)", gate: "127.0.0.1:$(port gate)"}
state_dir: $demo_dir/rpoguard
probe: {interval: 1s, timeout: 800ms, slow_interval: 15s}
defaults:
  rpo: 5s
  rto: 1m
  connect: {dbname: app, user: rpoguard, password_file: $demo_dir/secrets/rpoguard}
shards:
END
  for shard in "${shards[@]}"; do
    cat <<END
  - id: "$shard"
    home_region: iad
    allowed_regions: [iad, phx]
    epoch: {source: table}
    nodes:
END
    for node in "${nodes[@]}"; do
      echo "      - {name: $node, region: $(region_of "$node"), host: 127.0.0.1," \
        "port: $(port_from "$shard" iad "$node")}"
    done
  done
}

rpoguard_config() { echo "$demo_dir/rpoguard.yml"; }

start_rpoguard() {
  alive rpoguard && return
  mkdir -p "$demo_dir/rpoguard"
  write_rpoguard_config >"$(rpoguard_config)"
  "$build/exporter/rpoguard" check-config "$(rpoguard_config)" >>"$(log_of rpoguard)" 2>&1 ||
    die_with_log rpoguard "does not accept its configuration"
  start_process rpoguard "$build/exporter/rpoguard" serve "--config.file=$(rpoguard_config)"
  await rpoguard 20 http_is "$(port ops)" /livez 200
}

# --- Gateways ---

start_gateway() {
  local shard=$1 node name="gateway-$1" addresses=()
  alive "$name" && return
  for node in "${nodes[@]}"; do
    addresses+=(--node "$node=127.0.0.1:$(port_from "$shard" iad "$node")")
  done
  start_process "$name" "$(demo_tool gateway)" --shard "$shard" --gate "127.0.0.1:$(port gate)" \
    --dbname app --user app --password-file "$demo_dir/secrets/app" --rate 50 \
    --log "$(ledger_of "$shard")" "${addresses[@]}"
}

# Every commit that the gateway has acknowledged.
ledger_of() { echo "$demo_dir/acked-$1.log"; }

last_line_of() { tail -n 1 "$(log_of "$1")" 2>/dev/null; }

gateway_writes() { [[ $(last_line_of "gateway-$1") =~ acked_per_s=[1-9] ]]; }

# --- Prometheus, Alertmanager, pager ---

# fill TEMPLATE: replaces @NAME@ of the demo's ports and paths.
fill() {
  sed -e "s|@OPS@|127.0.0.1:$(port ops)|" \
    -e "s|@ALERTMANAGER@|127.0.0.1:$(port alertmanager)|" \
    -e "s|@PAGER@|127.0.0.1:$(port pager)|" \
    -e "s|@RULES@|$repository/rules|" "$repository/demo/lib/$1"
}

start_pager() {
  alive pager && return
  start_process pager "$(demo_tool pager)" --listen "127.0.0.1:$(port pager)" \
    --output "$demo_dir/pages.log"
}

start_alertmanager() {
  alive alertmanager && return
  fill alertmanager.yml >"$demo_dir/alertmanager.yml"
  start_process alertmanager prometheus-alertmanager "--config.file=$demo_dir/alertmanager.yml" \
    "--storage.path=$demo_dir/alertmanager" "--web.listen-address=127.0.0.1:$(port alertmanager)" \
    --cluster.listen-address=
  await alertmanager 30 http_is "$(port alertmanager)" /-/ready 200
}

start_prometheus() {
  alive prometheus && return
  fill prometheus.yml >"$demo_dir/prometheus.yml"
  start_process prometheus prometheus "--config.file=$demo_dir/prometheus.yml" \
    "--storage.tsdb.path=$demo_dir/prometheus" --storage.tsdb.retention.time=1d \
    "--web.listen-address=127.0.0.1:$(port prometheus)"
  await prometheus 30 http_is "$(port prometheus)" /-/ready 200
}

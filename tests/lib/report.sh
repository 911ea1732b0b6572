# shellcheck shell=bash disable=SC2034,SC2154
# What tests/run counts, and the table at its end. To be sourced; `logs` must name a folder.

passed=0
failed=0
details=()
section_names=()
section_rows=() # "SECONDS<tab>CPU_SECONDS<tab>SECTION" of those that are over
case_rows=$logs/cases.tsv # "WALL_MS<tab>CPU_MS or -<tab>SECTION<tab>CASE"
: >"$case_rows"

# Sets cpu: seconds of all children that were waited for, so not of a server that outlived its test.
read_cpu() {
  times >"$logs/times" # a subshell would tell of its own children
  cpu=$(awk -F'[ms ]' 'NR == 2 { printf "%d", 60 * $1 + $2 + 60 * $4 + $5 }' "$logs/times")
}

close_section() {
  [ "${#section_names[@]}" -gt "${#section_rows[@]}" ] || return 0
  local cpu
  read_cpu
  section_rows+=("$((SECONDS - section_started))"$'\t'"$((cpu - section_cpu))"$'\t'"${section_names[-1]}")
}

# section NAME: what follows belongs to it.
section() {
  close_section
  local cpu
  read_cpu
  section_names+=("$1")
  section_started=$SECONDS section_cpu=$cpu
  printf '\n--- %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60))
}

count_failure() {
  failed=$((failed + 1))
  details+=("$1")
}

# judge_cases CASES: of what case_report.cpp wrote, "ok NAME CASE" or "bad NAME CASE (why)" a line, with tabs.
# A case that did not end was ended by a crash or by the time limit.
judge_cases() {
  awk -F'\t' -v OFS='\t' '
    $1 == "start" { running[$2 OFS $3] = 1 }
    $1 == "end" { delete running[$2 OFS $3]; print ($6 == "ok" ? "ok" : "bad"), $2, $3 }
    END { for (name in running) print "bad", name " (did not end)" }' "$1"
}

# keep_times SECTION CASES [CTEST_LOG]: for the table. Of ctest's log come the tests that are no programs of gtest.
keep_times() {
  awk -F'\t' -v OFS='\t' -v section="$1" '$1 == "end" { print $4, $5, section, $3 }' "$2" >>"$case_rows"
  [ $# -lt 3 ] || sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: (helm\.[^ ]+) .* ([0-9.]+) sec *$/\2 \1/p' "$3" |
    awk -v OFS='\t' -v section="$1" '{ print int($1 * 1000), "-", section, $2 }' >>"$case_rows"
}

shard='[^ ]+\.[0-9]+of[0-9]+'

# count_ctest SECTION CTEST_LOG CASES: a test of ctest counts as one; a shard (NAME.1of2) as the cases that it
# ran, and as one more failure if it failed and none of its cases did.
count_ctest() {
  local name=$1 log=$2 judged=$3.judged summary bad all shards bad_shards=0 line
  judge_cases <(grep -E $'\t[^\t]+\\.[0-9]+of[0-9]+\t' "$3") >"$judged"
  keep_times "$name" "$3" "$log"
  summary=$(grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$log")
  if [ -z "$summary" ]; then
    count_failure "$name (ctest gave no result; see $log)"
    return
  fi
  read -r bad all < <(sed -E 's/.*, ([0-9]+) tests failed out of ([0-9]+).*/\1 \2/' <<<"$summary")
  shards=$(grep -cE "^ *[0-9]+/[0-9]+ Test +#[0-9]+: $shard " "$log")
  count_cases "$name" "$judged"
  while IFS= read -r line; do
    if [[ $line =~ ^[[:space:]]*[0-9]+\ -\ ($shard)\ \( ]]; then
      bad_shards=$((bad_shards + 1))
      grep -qF $'bad\t'"${BASH_REMATCH[1]}"$'\t' "$judged" || count_failure "$name: $line"
    else
      count_failure "$name: $line"
    fi
  done < <(sed -n '/The following tests FAILED:/,/^Errors while/p' "$log" | grep -E '^[[:space:]]+[0-9]+ - ')
  passed=$((passed + all - shards - (bad - bad_shards)))
}

# count_cases SECTION JUDGED
count_cases() {
  local verdict program case
  while IFS=$'\t' read -r verdict program case; do
    if [ "$verdict" = ok ]; then passed=$((passed + 1)); else count_failure "$1: $program: $case"; fi
  done <"$2"
}

# --- The table and the budget ---

seconds_of() { awk -v ms="$1" 'BEGIN { if (ms == "-") print "-"; else printf "%.1f\n", ms / 1000 }'; }

slowest_cases() { sort -t$'\t' -k1,1nr "$case_rows" | head -n "$1"; }

print_table() {
  local row wall cpu name case
  printf '\n%9s %9s  %s\n' 'wall' 'own CPU' 'section'
  for row in "${section_rows[@]}"; do
    IFS=$'\t' read -r wall cpu name <<<"$row"
    printf '%4dm%02ds %4dm%02ds  %s\n' $((wall / 60)) $((wall % 60)) $((cpu / 60)) $((cpu % 60)) "$name"
  done
  read_cpu
  printf '%4dm%02ds %4dm%02ds  %s\n' $((SECONDS / 60)) $((SECONDS % 60)) $((cpu / 60)) $((cpu % 60)) 'all'
  [ -s "$case_rows" ] || return 0
  printf '\n%8s %8s  %s\n' 'wall s' 'CPU s' 'the slowest cases'
  while IFS=$'\t' read -r wall cpu name case; do
    printf '%8s %8s  %s (%s)\n' "$(seconds_of "$wall")" "$(seconds_of "$cpu")" "$case" "$name"
  done < <(slowest_cases 20)
}

# Prints what took too long; nothing when all is well. A case may take 90 s where the whole may take 45 minutes.
over_budget() {
  local minutes=${RPOGUARD_BUDGET_MINUTES:-45} wall name case
  [ "$SECONDS" -le $((minutes * 60)) ] || echo "the whole took $((SECONDS / 60)) of $minutes minutes"
  while IFS=$'\t' read -r wall _ name case; do
    [ "$wall" -gt $((minutes * 2000)) ] || break
    echo "$case took $((wall / 1000)) of $((minutes * 2)) seconds ($name)"
  done < <(slowest_cases 100)
}

# One more check: a suite that takes too long is not run.
check_budget() {
  local line over
  over=$(over_budget)
  if [ -z "$over" ]; then
    passed=$((passed + 1))
    return
  fi
  while IFS= read -r line; do count_failure "budget: $line"; done <<<"$over"
}

finish() {
  local detail cpu
  close_section
  [ "$scope" != all ] || check_budget
  print_table
  echo
  for detail in "${details[@]}"; do echo "FAILED: $detail"; done
  [ $((passed + failed)) -gt 0 ] || echo "FAILED: no test ran"
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}

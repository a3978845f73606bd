#!/bin/sh
# Checks telegram.pml and gaps.pml, and that each weakened variant of them fails at the property that it should. Needs spin (6.5 or newer) and gcc.
set -eu
cd "$(dirname "$0")"

for tool in spin gcc; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		echo "the models were not checked: $tool is missing. On Debian: apt-get install spin gcc" >&2
		[ "${CI:-}" = true ] && exit 1
		exit 0
	fi
done

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
models=$PWD
cd "$dir"
bad=0

# check MODEL VARIANT PROPERTY: PROPERTY is "asserts", or the name of an ltl formula. It prints what pan said, in one line.
check() {
	rm -f pan.* ./*.trail
	spin -a ${2:+-D"$2"} $([ "$1 $3" != "gaps arrives" ] || echo -DSTOPS=0) "$models/$1.pml" >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
	case $3 in
	asserts) gcc -w -O2 -DSAFETY -DNOCLAIM -o pan pan.c && ./pan -m1000000 >pan.log ;;
	gapless) gcc -w -O2 -DSAFETY -o pan pan.c && ./pan -N gapless -m1000000 >pan.log 2>&1 ;;
	arrives) gcc -w -O2 -DNFAIR=3 -o pan pan.c && ./pan -a -f -N arrives -m1000000 >pan.log ;;
	esac
	if grep -q 'errors: 0' pan.log && ! grep -q 'Search not completed' pan.log; then
		echo "holds, $(sed -nE 's/^ *([0-9]+) states, stored.*/\1/p' pan.log) states"
	elif grep -q '^pan:1: ' pan.log; then
		sed -nE 's/^pan:1: (.*) \(at depth.*/FAILS: \1/p' pan.log | cut -c1-70
	else
		cat pan.log >&2
		echo "was not decided"
	fi
}

row() { printf '%-30s %-9s %s\n' "$1" "$2" "$3"; }

row model property verdict
for model in telegram gaps; do
	for property in asserts gapless arrives; do
		[ "$model $property" != "gaps asserts" ] || continue # it has one, which every run checks
		said=$(check $model "" $property)
		row $model.pml $property "$said"
		case $said in holds*) ;; *) bad=1 ;; esac
	done
done

while read -r model variant property must; do
	said=$(check "$model" "$variant" "$property")
	row "$model $variant" "$property" "$said"
	case $said in "FAILS: "*"$must"*) ;; *)
		bad=1
		echo "  it ought to fail with: $must" ;;
	esac
done <<'VARIANTS'
telegram NUMBER_OUTSIDE gapless assertion violated
telegram TWICE asserts assertion violated (number[
telegram SEALED_IN_MEMORY gapless assertion violated
telegram IN_ORDER asserts assertion violated ((0==1)||
telegram RECEIPT_FIRST asserts assertion violated (taken[
telegram RECEIPT_FOR_A_SECTION asserts assertion violated (taken[
telegram NO_MEMORY asserts assertion violated (taken[
telegram FORGOTTEN_WHEN_SENT arrives acceptance cycle
telegram REPEAT_NOT_ANSWERED arrives acceptance cycle
gaps ANOTHER_SERIAL gapless assertion violated
gaps SAME_BYTES arrives acceptance cycle
gaps NO_LAST_NUMBERS arrives acceptance cycle
gaps NUMBERS_IN_THE_CHAIN arrives acceptance cycle
VARIANTS

[ $bad = 0 ] || echo "a verdict is not what it must be"
exit $bad

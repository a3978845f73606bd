#!/bin/sh
# Checks telegram.pml, and that each weakened variant of it fails at the property that it should. Needs spin (6.5 or newer) and gcc.
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
model=$PWD/telegram.pml
cd "$dir"
bad=0

# check VARIANT PROPERTY: PROPERTY is "asserts", or the name of an ltl formula. It prints what pan said, in one line.
check() {
	rm -f pan.* ./*.trail
	spin -a ${1:+-D"$1"} "$model" >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
	case $2 in
	asserts) gcc -O2 -DSAFETY -DNOCLAIM -o pan pan.c && ./pan -m1000000 >pan.log ;;
	gapless) gcc -O2 -DSAFETY -o pan pan.c && ./pan -N gapless -m1000000 >pan.log 2>&1 ;;
	arrives) gcc -O2 -DNFAIR=3 -o pan pan.c && ./pan -a -f -N arrives -m1000000 >pan.log ;;
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

row() { printf '%-22s %-9s %s\n' "$1" "$2" "$3"; }

row model property verdict
for property in asserts gapless arrives; do
	said=$(check "" $property)
	row telegram.pml $property "$said"
	case $said in holds*) ;; *) bad=1 ;; esac
done

while read -r variant property must; do
	said=$(check "$variant" "$property")
	row "$variant" "$property" "$said"
	case $said in "FAILS: "*"$must"*) ;; *)
		bad=1
		echo "  it ought to fail with: $must" ;;
	esac
done <<'VARIANTS'
NUMBER_OUTSIDE gapless assertion violated
TWICE asserts assertion violated (number[
SEALED_IN_MEMORY gapless assertion violated
IN_ORDER asserts assertion violated ((0==1)||
RECEIPT_FIRST asserts assertion violated (taken[
RECEIPT_FOR_A_SECTION asserts assertion violated (taken[
NO_MEMORY asserts assertion violated (taken[
FORGOTTEN_WHEN_SENT arrives acceptance cycle
REPEAT_NOT_ANSWERED arrives acceptance cycle
VARIANTS

[ $bad = 0 ] || echo "a verdict is not what it must be"
exit $bad

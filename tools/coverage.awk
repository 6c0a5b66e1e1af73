# Judges a Go coverage profile: prints the share of statements that tests of
# the same package ran, and fails when one of the two packages that hold the
# provider's behaviour is below `min` percent.

NR > 1 {
	package = $1
	sub(/\/[^\/]*:.*/, "", package)
	sub(/.*\/internal\//, "internal/", package)
	total[package] += $2
	if ($3 > 0) covered[package] += $2
}

END {
	judged["internal/palabra"]
	judged["internal/provider"]
	for (package in judged) {
		if (!total[package]) {
			print package ": not in the profile"
			failed = 1
			continue
		}
		percent = 100 * covered[package] / total[package]
		printf "%s: %.1f %% of statements, at least %d %% wanted\n", package, percent, min
		if (percent < min) failed = 1
	}
	exit failed
}

# Prints the statement coverage of the client and the provider from a Go coverage
# profile. Fails if one of them is below `min` percent.

NR > 1 {
	package = $1
	sub(/\/[^\/]*:.*/, "", package)
	sub(/.*\/internal\//, "internal/", package)
	total[package] += $2
	if ($3 > 0) covered[package] += $2
}

END {
	required["internal/palabra"]
	required["internal/provider"]
	for (package in required) {
		if (!total[package]) {
			print package ": not in the profile"
			failed = 1
			continue
		}
		percent = 100 * covered[package] / total[package]
		printf "%s: %.1f %% of statements, want at least %d %%\n", package, percent, min
		if (percent < min) failed = 1
	}
	exit failed
}

//go:build race

package provider_test

// raceEnabled says that everything takes several times as long.
const raceEnabled = true

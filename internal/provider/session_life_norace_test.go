//go:build !race

package provider

// raceEnabled says that everything takes several times as long.
const raceEnabled = false

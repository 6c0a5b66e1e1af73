package provider

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// testEngine is the engine under test.
var testEngine engine.Engine

// First versions of what only some engines have.
var (
	movedBetweenTypes  = engine.Since{Terraform: "1.8", OpenTofu: "1.10"}
	ephemeralResources = engine.Since{Terraform: "1.10", OpenTofu: "1.11"}
	listsAndActions    = engine.Since{Terraform: "1.14"}
)

// needs skips a test whose subject the engine under test does not have.
func needs(t *testing.T, feature engine.Since) {
	t.Helper()
	if !testEngine.Has(feature) {
		t.Skipf("needs %s, and this is %s", feature, testEngine)
	}
}

// TestMain finds the engine once and clears the environment that the provider
// reads, so that the tests are the same on every machine.
func TestMain(m *testing.M) {
	found, err := engine.Find(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testEngine = found
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PALABRA_") || name == "TF_CLI_CONFIG_FILE" {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

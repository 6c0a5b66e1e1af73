package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// TestMain_LimitsTheSDKLog: engines parse every line that the provider sends, even
// those that they do not show. The provider's own tests have the other levels.
func TestMain_LimitsTheSDKLog(t *testing.T) {
	t.Parallel()
	binary, err := engine.BuildProvider(t.Context(), t.TempDir(), engine.LocalVersion)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env  []string
		want bool
	}{
		"nothing set":        {nil, false},
		"everything":         {[]string{"TF_LOG=TRACE"}, true},
		"JSON is everything": {[]string{"TF_LOG=JSON"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			command := exec.CommandContext(t.Context(), binary)
			command.Env = append(engine.Environ(""), test.env...)
			if err := askForSchemas(t, command, &stderr); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(stderr.String(), `"@module":"sdk`); got != test.want {
				t.Errorf("lines of the SDK: %t, want %t\n%s", got, test.want, stderr.String())
			}
		})
	}
}

// A rule or a fault whose test is gone is held by nothing.
func TestDesign_NamesTestsThatExist(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path) // #nosec G304 -- the repository
		tests.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`(Test[A-Za-z0-9]+_[A-Za-z0-9]+)`")
	for page, least := range map[string]int{"DESIGN.md": 20, "internal/palabra/FAULTS.md": 40} {
		content, err := os.ReadFile(page) // #nosec G304 -- the repository
		if err != nil {
			t.Fatal(err)
		}
		names := name.FindAllStringSubmatch(string(content), -1)
		if len(names) < least {
			t.Errorf("%s names %d tests, want one for each rule or fault", page, len(names))
		}
		for _, name := range names {
			if !strings.Contains(tests.String(), "\nfunc "+name[1]+"(") {
				t.Errorf("%s: there is no %s", page, name[1])
			}
		}
		_, faults, _ := strings.Cut(string(content), "| --- | --- | --- |\n| 429")
		faults, _, _ = strings.Cut(faults, "\n\n")
		for row := range strings.Lines(faults) {
			if !name.MatchString(row) {
				t.Errorf("%s: no test holds %s", page, row)
			}
		}
	}
}

// askForSchemas does what an engine does: the handshake that names the protocol,
// and its first call.
func askForSchemas(t *testing.T, command *exec.Cmd, stderr *bytes.Buffer) error {
	t.Helper()
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  6,
			MagicCookieKey:   "TF_PLUGIN_MAGIC_COOKIE",
			MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		},
		VersionedPlugins: map[int]plugin.PluginSet{6: {}},
		Cmd:              command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Stderr:           stderr,
		Logger:           hclog.NewNullLogger(),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	grpcClient, ok := protocol.(*plugin.GRPCClient)
	if !ok {
		return fmt.Errorf("the provider speaks %T, want gRPC", protocol)
	}
	// The messages' Go types are internal to terraform-plugin-go. An empty message
	// is the request, and takes any answer as unknown fields.
	return grpcClient.Conn.Invoke(t.Context(), "/tfplugin6.Provider/GetProviderSchema", &emptypb.Empty{}, &emptypb.Empty{})
}

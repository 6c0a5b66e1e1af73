package provider

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// TestProviderLog_BuildsOnlyTheLinesThatAreShown: the client builds its lines at DEBUG,
// and the SDK gets levels of its own.
func TestProviderLog_BuildsOnlyTheLinesThatAreShown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env                   []string
		debug                 bool
		sdk, proto, framework string
	}{
		"nothing set":               {nil, false, "OFF", "OFF", "OFF"},
		"off":                       {[]string{"TF_LOG", "off"}, false, "off", "off", "off"},
		"core only":                 {[]string{"TF_LOG_CORE", "TRACE"}, false, "OFF", "OFF", "OFF"},
		"info":                      {[]string{"TF_LOG", "INFO"}, false, "INFO", "INFO", "INFO"},
		"lower case":                {[]string{"TF_LOG", "debug"}, true, "debug", "debug", "debug"},
		"trace":                     {[]string{"TF_LOG", "TRACE"}, true, "TRACE", "TRACE", "TRACE"},
		"json":                      {[]string{"TF_LOG", "JSON"}, true, "JSON", "JSON", "JSON"},
		"providers only":            {[]string{"TF_LOG_PROVIDER", "DEBUG"}, true, "DEBUG", "DEBUG", "DEBUG"},
		"the narrower one counts":   {[]string{"TF_LOG", "TRACE", "TF_LOG_PROVIDER", "ERROR"}, false, "ERROR", "ERROR", "ERROR"},
		"the subsystem's own level": {[]string{"TF_LOG", "TRACE", "TF_LOG_PROVIDER_PALABRA_API", "WARN"}, false, "TRACE", "TRACE", "TRACE"},
		"the SDK's own level":       {[]string{"TF_LOG", "TRACE", "TF_LOG_SDK", "WARN"}, true, "WARN", "WARN", "WARN"},
		"a part's own level":        {[]string{"TF_LOG", "WARN", "TF_LOG_SDK_PROTO", "TRACE"}, false, "WARN", "TRACE", "WARN"},
		"each part's own level":     {[]string{"TF_LOG_SDK", "INFO", "TF_LOG_SDK_FRAMEWORK", "OFF"}, false, "INFO", "INFO", "OFF"},
	} {
		env, set := environment(test.env...), make(map[string]string)
		logger := newLogger(palabra.Config{}, env)
		if got := logger != nil && logger.Enabled(t.Context(), slog.LevelDebug); got != test.debug {
			t.Errorf("%s: DEBUG enabled: %t, want %t", name, got, test.debug)
		}
		getenv := func(key string) string { return cmp.Or(set[key], env(key)) }
		if err := LimitSDKLog(getenv, func(key, value string) error { set[key] = value; return nil }); err != nil {
			t.Fatal(err)
		}
		for variable, want := range map[string]string{"TF_LOG_SDK": test.sdk, "TF_LOG_SDK_PROTO": test.proto, "TF_LOG_SDK_FRAMEWORK": test.framework} {
			if got := getenv(variable); got != want {
				t.Errorf("%s: %s: %q, want %q", name, variable, got, want)
			}
		}
	}
}

func TestProviderLog_MasksSecretsInEveryLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ctx := tflogtest.RootLogger(context.Background(), &out)
	config := palabra.Config{ClientSecret: "secret-of-the-pair", APIKey: "plbr_key"}
	logger := newLogger(config, environment("TF_LOG", "TRACE")).With("kept", "with plbr_key")

	logger.DebugContext(ctx, "message with secret-of-the-pair", "path", "/x/secret-of-the-pair", "retry", 2)

	line := out.String()
	for _, want := range []string{`"@module":"provider.palabra_api"`, `"@level":"debug"`, `"retry":"2"`, `"path":"/x/***"`, `"kept":"with ***"`, "message with ***"} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is missing in %s", want, line)
		}
	}
	for _, secret := range []string{config.ClientSecret, config.APIKey} {
		if strings.Contains(line, secret) {
			t.Errorf("%s is in %s", secret, line)
		}
	}
}

func TestProviderLog_KeepsTheLevelOfEachLine(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{
		slog.LevelDebug - 4: "trace", slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelWarn: "warn", slog.LevelError: "error",
	} {
		var out bytes.Buffer
		ctx := tflogtest.RootLogger(context.Background(), &out)
		newLogger(palabra.Config{}, environment("TF_LOG", "TRACE")).Log(ctx, level, "a line")
		if line := out.String(); !strings.Contains(line, `"@level":"`+want+`"`) {
			t.Errorf("%s is missing in %q", want, line)
		}
	}
}
